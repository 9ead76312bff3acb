"""The load process: `python -m bench.load.worker`, driven over stdin by `generator.LoadProcess`.

One line in is the path of a plan, or a turn as JSON; one line out is JSON, `{"result": path}`,
`{"turn": rows}` or `{"error": text}`; `{"progress": text}` may come before. Of several load
processes each says `{"ready": ...}` in between and is told the common zero. It stays up between
trials (an interpreter with Locust takes a second to start) and goes when stdin closes, also in the
middle of a trial, so that it never outlives its parent.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import gevent
import msgspec
from gevent.fileobject import FileObjectPosix
from gevent.queue import Queue

from bench.load.listener import RowListener
from bench.load.plan import Plan, Result, Turn, TurnRows, read_plan, write_message
from bench.load.population import Population
from bench.load.rounds import run_rounds
from bench.load.rows import to_columns
from bench.load.trial import Trial
from bench.load.turns import Turns
from bench.load.userfile import LocustfileError
from bench.load.visitors import own_side, shop_side

_START_TIMEOUT_S = 10.0
_STDOUT = 1  # the descriptor: the name is `stderr`'s while a plan is served
Own = tuple[Population, RowListener, Callable[[Exception], str]]


def main() -> None:
    """Serve plans until stdin closes; then remove the scratch folder named by the argument."""
    lines: Queue[str] = Queue()
    gevent.spawn(_read_lines, lines, sys.argv[1])
    worker = Worker(lines)
    while True:
        line = lines.get()
        try:
            with redirect_stdout(sys.stderr):  # stdout is the way back to the parent
                reply = worker.answer(line)
        except Exception as exc:  # noqa: BLE001 - the border of this process: the parent is told
            reply = {"error": f"{type(exc).__name__}: {exc}"}
        _say(reply)


class Worker:
    """Serves the plans of one load process. `lines`: what the parent says meanwhile."""

    def __init__(self, lines: Queue[str]) -> None:
        self._lines = lines
        self._own: Own | None = None
        self._turns: Turns | None = None

    def answer(self, line: str) -> dict[str, object]:
        """Serve what a line asks for: a turn, or the plan in a file."""
        if line.startswith("{"):
            return {"turn": self._take_turn(msgspec.json.decode(line, type=Turn))}
        path = Path(line).with_suffix(".result")
        write_message(path, self.serve(read_plan(Path(line))))
        return {"result": str(path)}

    def serve(self, plan: Plan) -> list[Result]:
        """Run one plan; one result a side. Raises LocustfileError, ValueError."""
        if plan.loop == "prepare":
            self._prepare(plan)
            return [Result(0.0, **to_columns([]))]
        if plan.rounds is not None:
            return self._run_rounds(plan)
        if not plan.visits:
            raise ValueError("the plan has no visits")
        if plan.locustfile:
            if self._own is None:
                raise LocustfileError("no users were prepared")
            population, listener, where = self._own
        else:
            (population, listener), where = shop_side(plan, plan.sides[0]), repr
            population.grow(plan.users_ahead)
        trial = Trial(plan, population, listener, where)
        with _no_collections():
            result = trial.run(self._common_zero if plan.common_zero else None)
        if not plan.locustfile:
            population.close()
        return [result]

    def _run_rounds(self, plan: Plan) -> list[Result]:
        assert plan.rounds is not None
        sides = [shop_side(plan, side) for side in plan.sides]
        with _no_collections():
            results = run_rounds(plan.rounds, sides)
        for population, _ in sides:
            population.close()
        return results

    def _take_turn(self, turn: Turn) -> TurnRows:
        if self._turns is None:
            if self._own is None:
                raise LocustfileError("no users were prepared")
            self._turns = Turns(*self._own)
        return self._turns.take(turn)

    def _prepare(self, plan: Plan) -> None:
        if self._own is not None:
            population = self._own[0]
            population.stop()
            population.environment.events.test_stop.fire(environment=population.environment)
            self._own = None
        if plan.users:
            self._own = own_side(plan, _tell_ready)

    def _common_zero(self) -> float:
        """Say that all is ready here; the parent answers with the zero when all workers are."""
        _say({"ready": "yes"})
        return float(self._lines.get(timeout=_START_TIMEOUT_S))


@contextmanager
def _no_collections() -> Iterator[None]:
    """A collection in the middle of a trial is a pause of milliseconds; little makes cycles."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def _tell_ready(done: int, of: int) -> None:
    _say({"progress": f"{done} of {of} users are ready"})


def _say(reply: Mapping[str, object]) -> None:
    os.write(_STDOUT, msgspec.json.encode(reply) + b"\n")


def _read_lines(lines: Queue[str], scratch: str) -> None:
    with FileObjectPosix(sys.stdin.fileno(), "rb", close=False) as stream:
        for line in stream:
            lines.put(line.decode().strip())
    shutil.rmtree(scratch, ignore_errors=True)  # a parent that was killed did not
    os._exit(0)  # nothing is left to tell and nobody to tell it


if __name__ == "__main__":
    main()
