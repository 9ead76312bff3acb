"""The parent's side of the load: start its processes on their cores, hand out plans, read rows."""

from __future__ import annotations

import math
import re
import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any

import msgspec
import pyarrow as pa

from bench.contract.seed import SeedSpec
from bench.load.load_process import Link, LoadError, read_all
from bench.load.operations import API_PREFIX
from bench.load.plan import (
    TURN_LIMIT_S,
    Plan,
    Result,
    Rounds,
    Side,
    Turn,
    TurnRows,
    Visit,
    read_results,
    write_message,
)
from bench.load.plan_shares import deal, merge
from bench.load.rows import COLUMNS
from bench.results.journal import rows_table

__all__ = [
    "ClosedLoop",
    "LoadError",
    "LoadProcess",
    "Rounds",
    "Target",
    "result_rows",
    "server_times",
]

_HANG_MARGIN_S = 40.0
PREPARE_LIMIT_S = 130.0  # for all on_start of a locustfile together
_COMMON_LEAD_S = 0.1  # several workers: from 'all are ready' to the trial's zero
_DURATION = re.compile(r"(?:^|[,\s])(app|db)\s*;\s*dur=([0-9.]+)")


@dataclass(frozen=True)
class Target:
    """Where the load goes and as whom. `prefix` stands before the contract's paths.

    `locustfile`: what the load does, if it is not the shop's own mixes, with its `arguments`.
    """

    base_url: str
    tokens: Sequence[str]
    prefix: str = API_PREFIX
    locustfile: str = ""
    arguments: Sequence[str] = ()
    host_header: str = ""


@dataclass(frozen=True)
class ClosedLoop:
    """A closed loop: so many clients, warm-up, then measured seconds.

    `max_visits` ends it sooner (0: only the time does).
    """

    concurrency: int
    warmup_s: float
    measured_s: float
    max_visits: int = 0


class LoadProcess:
    """The load: one process, or several that share each schedule. A context manager.

    It goes when its parent goes, however that ends.
    """

    def __init__(
        self,
        *,
        cpus: Sequence[int] | None = None,
        scratch: Path | None = None,
        workers: int = 1,
        shop: SeedSpec | None = None,
    ) -> None:
        """`cpus`: the cores to be pinned to; of several workers each gets one, in turn.

        `shop`: the seed of the shops that the load goes to.
        """
        if workers < 1:
            raise LoadError("a load of less than one process")
        self._cpus = cpus
        self._scratch = scratch
        self._workers = workers
        self._shop = shop or SeedSpec()
        self._prepared = False  # a process serves one locustfile, once: modules keep their state
        self._resources = ExitStack()
        self._links: list[Link] = []

    def __enter__(self) -> LoadProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids. Raises LoadError if it is not running."""
        if not self._links:
            raise LoadError("the load process is not running")
        return tuple(link.pid for link in self._links)

    @property
    def pid(self) -> int:
        """Process id, of the first if there are several. Raises LoadError if it is not running."""
        return self.pids[0]

    def start(self) -> None:
        """Start the processes, on their own cores where the system can pin. Again after `stop`."""
        self._resources = ExitStack()
        folder = tempfile.TemporaryDirectory(prefix="shopbench-load-", dir=self._scratch)
        self._folder = Path(self._resources.enter_context(folder))
        for number in range(self._workers):
            self._links.append(Link(self._folder, number, self._pinned(number)))

    def stop(self) -> None:
        """End the processes and remove their scratch files."""
        while self._links:
            self._links.pop().end()
        self._resources.close()

    def kill(self) -> None:
        """Break off what another thread runs: it gets a LoadError at once. `stop` afterwards.

        `stop` alone would close the pipe under it, which wakes nobody who waits there.
        """
        for link in self._links:
            link.kill()

    def run_open(
        self,
        target: Target,
        visits: list[Visit],
        window: tuple[float, float],
        **options: float | str,
    ) -> Result:
        """Make `visits` when they are due; `window` is the measured one. `options`: of Plan."""
        return self._run(self._plan([target], "open", window, visits=visits, **options))

    def run_closed(self, target: Target, visits: list[Visit], loop: ClosedLoop) -> Result:
        """Saturate: `visits` one after the other by `loop.concurrency` clients."""
        window = (loop.warmup_s, loop.warmup_s + loop.measured_s)
        clients = loop.concurrency
        options = {"concurrency": clients, "users_ahead": clients, "max_visits": loop.max_visits}
        return self._run(self._plan([target], "closed", window, visits=visits, **options))

    def run_rounds(self, targets: Sequence[Target], rounds: Rounds) -> list[Result]:
        """Send each round's request to every target; one result a target, in order.

        One process does it, however many there are: a round has one clock.
        """
        window = (rounds.warmup_s, rounds.warmup_s + rounds.measured_s)
        plan = self._plan(targets, "rounds", window, rounds=rounds)
        return self._hand_out(plan, [plan])[0]

    def prepare(
        self,
        target: Target,
        users: int,
        seed: int,
        progress: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Make so many users of the target's locustfile for the next trials; 0: end them.

        In a process of their own: what the file's modules keep is as new. `progress` is told how
        many are ready. Raises LoadError with the file's own error.
        """
        if users and self._prepared:
            self.stop()
            self.start()
        self._prepared = self._prepared or users > 0
        plan = self._plan([target], "prepare", (0.0, 0.0), users=users, seed=seed)
        self._run(plan, progress)

    def take_turn(self, number: int, seed: int) -> TurnRows:
        """Make visit `number` of the prepared users now. Raises LoadError after two minutes."""
        if not self._links:
            raise LoadError("the load process is not running")
        self._links[0].write(msgspec.json.encode(Turn(number, seed)).decode())
        (reply,) = read_all(self._links[:1], TURN_LIMIT_S)
        return msgspec.convert(reply["turn"], TurnRows)

    def _plan(
        self, targets: Sequence[Target], loop: str, window: tuple[float, float], **options: object
    ) -> Plan:
        """A plan for the first target's locustfile, or for the shop's."""
        fields = {
            "sides": [
                Side(one.base_url, list(one.tokens), one.prefix, one.host_header) for one in targets
            ],
            "loop": loop,
            "measured_from_s": window[0],
            "measured_to_s": window[1],
            "shop": self._shop,
            "locustfile": targets[0].locustfile,
            "arguments": list(targets[0].arguments),
        }
        return msgspec.convert(fields | options, Plan, from_attributes=True)

    def _run(self, plan: Plan, progress: Callable[[str], None] = lambda text: None) -> Result:
        if plan.locustfile and self._workers > 1:
            raise LoadError("a locustfile of your own is run by one load process")
        parts = deal(plan, self._workers) if plan.loop != "prepare" else [plan]
        if not parts:
            raise LoadError("the plan has no visits")
        answers = self._hand_out(plan, parts, progress)
        cores = [(self._pinned(link.number) or [-1 - link.number])[0] for link in self._links]
        return merge([results[0] for results in answers], len(parts), cores)

    def _hand_out(
        self,
        plan: Plan,
        parts: Sequence[Plan],
        progress: Callable[[str], None] = lambda text: None,
    ) -> list[list[Result]]:
        """What each process answers to its part of the plan."""
        if not self._links:
            raise LoadError("the load process is not running")
        paths = [self._folder / f"{uuid.uuid4().hex}.plan" for _ in parts]
        try:
            for path, part in zip(paths, parts, strict=True):
                write_message(path, part)
            return self._serve(plan, paths, progress)
        except (msgspec.MsgspecError, OSError) as exc:
            raise LoadError(f"the load process failed: {exc}") from exc
        except LoadError:
            if self._workers > 1:  # the others are in the middle of a trial that is lost
                self._end_all()
            raise
        finally:
            for path in paths:
                path.unlink(missing_ok=True)

    def _serve(
        self, plan: Plan, paths: Sequence[Path], progress: Callable[[str], None]
    ) -> list[list[Result]]:
        links = self._links[: len(paths)]
        for link, path in zip(links, paths, strict=True):
            link.write(str(path))
        if len(paths) > 1:
            read_all(links, _HANG_MARGIN_S)
            zero = perf_counter() + _COMMON_LEAD_S
            for link in links:
                link.write(repr(zero))
        limit_s = plan.measured_to_s + plan.drain_s + plan.request_timeout_s + _HANG_MARGIN_S
        if plan.loop == "prepare":
            limit_s += PREPARE_LIMIT_S
        answers = []
        for reply in read_all(links, limit_s, progress):
            path = Path(reply["result"])
            answers.append(read_results(path))
            path.unlink()
        return answers

    def _pinned(self, number: int) -> list[int] | None:
        """The cores of a worker."""
        if not self._cpus:
            return None
        if self._workers == 1:
            return list(self._cpus)
        return [self._cpus[number % len(self._cpus)]]

    def _end_all(self) -> None:
        while self._links:
            self._links.pop().end(patience_s=0.5)


def result_rows(result: Result) -> pa.Table:
    """The rows of a result in the journal's schema, Server-Timing taken apart."""
    return rows_of_columns({name: getattr(result, name) for name in COLUMNS})


def rows_of_columns(columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """Rows in the journal's schema from columns as the load process has them."""
    timings = [server_times(text) for text in columns["server_timing"]]
    known = {name: columns[name] for name in COLUMNS if name != "server_timing"}
    app, db = ([timing[at] for timing in timings] for at in (0, 1))
    return rows_table({**known, "app_ms": app, "db_ms": db})


def server_times(header: str) -> tuple[float, float]:
    """(app, db) in ms of a Server-Timing header; NaN where it does not say.

    A `db` stated more than once (one for each peer) adds up.
    """
    app, db = math.nan, math.nan
    for name, value in _DURATION.findall(header):
        if name == "app":
            app = float(value)
        else:
            db = float(value) + (0.0 if math.isnan(db) else db)
    return app, db
