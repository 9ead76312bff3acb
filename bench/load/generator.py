"""The parent's side of the load process: start it on its own core, hand it plans, read rows."""

from __future__ import annotations

import json
import math
import os
import re
import select
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import msgspec
import pyarrow as pa

from bench.errors import ShopbenchError
from bench.journal import rows_table
from bench.load.operations import API_PREFIX
from bench.load.plan import Plan, Result, Visit, read_result, write_message

_HANG_MARGIN_S = 40.0
_DURATION = re.compile(r"(?:^|[,\s])(app|db)\s*;\s*dur=([0-9.]+)")
_ROW_COLUMNS = (
    "due_s",
    "sent_s",
    "done_s",
    "status",
    "bytes",
    "operation",
    "journey",
    "error",
    "visit",
)


class LoadError(ShopbenchError):
    """The load process died, hung or refused its plan."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 3)


@dataclass(frozen=True)
class Target:
    """Where the load goes and as whom. `prefix` stands before the contract's paths.

    `locustfile`: what the load does, if it is not the shop's own mixes.
    """

    base_url: str
    tokens: Sequence[str]
    prefix: str = API_PREFIX
    locustfile: str = ""


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
    """The load process. A context manager; it goes when its parent goes, however that ends."""

    def __init__(self, *, cpus: Sequence[int] | None = None, scratch: Path | None = None) -> None:
        self._cpus = cpus
        self._scratch = scratch
        self._resources = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LoadProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id. Raises LoadError if it is not running."""
        if self._process is None:
            raise LoadError("the load process is not running")
        return self._process.pid

    def start(self) -> None:
        """Start the process, on its own cores where the system can pin. Again after `stop`."""
        self._resources = ExitStack()
        folder = tempfile.TemporaryDirectory(prefix="shopbench-load-", dir=self._scratch)
        self._folder = Path(self._resources.enter_context(folder))
        self._stderr = self._resources.enter_context((self._folder / "stderr").open("w+b"))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            start_new_session=True,  # Ctrl-C reaches the parent, which ends the trial in order
        )
        if self._cpus and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self._process.pid, self._cpus)

    def stop(self) -> None:
        """End the process and remove its scratch files."""
        if self._process is not None:
            self._end(self._process)
            self._process = None
        self._resources.close()

    def run_open(
        self, target: Target, visits: list[Visit], window: tuple[float, float], **options: float
    ) -> Result:
        """Replay `visits`; `window` is the measured one. `options`: fields of Plan."""
        return self._run(_plan(target, "open", visits, window, options))

    def run_closed(self, target: Target, visits: list[Visit], loop: ClosedLoop) -> Result:
        """Saturate: `visits` one after the other by `loop.concurrency` clients."""
        window = (loop.warmup_s, loop.warmup_s + loop.measured_s)
        options = {
            "concurrency": loop.concurrency,
            "warm_sessions": loop.concurrency,
            "max_visits": loop.max_visits,
        }
        return self._run(_plan(target, "closed", visits, window, options))

    def prepare(self, target: Target, users: int, seed: int) -> None:
        """Make so many users of the target's locustfile for the next trial; 0: end the last ones.

        Raises LoadError with the file's own error.
        """
        options = {"concurrency": users, "seed": seed}
        self._run(_plan(target, "prepare", [], (0.0, 0.0), options))

    def _run(self, plan: Plan) -> Result:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise LoadError("the load process is not running")
        path = self._folder / f"{uuid.uuid4().hex}.plan"
        write_message(path, plan)
        limit = plan.measured_to_s + plan.drain_s + plan.request_timeout_s + _HANG_MARGIN_S
        try:
            process.stdin.write(f"{path}\n".encode())
            process.stdin.flush()
            if not select.select([process.stdout], [], [], limit)[0]:
                raise LoadError(f"the load process gave no answer within {limit:.0f} s")
            reply = process.stdout.readline()
            if not reply:
                raise LoadError(f"the load process died: {self._last_words()}")
            return self._result(json.loads(reply))
        except (BrokenPipeError, msgspec.MsgspecError, OSError, ValueError) as exc:
            raise LoadError(f"the load process failed: {exc} {self._last_words()}") from exc
        finally:
            path.unlink(missing_ok=True)

    @staticmethod
    def _result(reply: dict[str, str]) -> Result:
        if "error" in reply:
            raise LoadError(f"the load process failed: {reply['error']}")
        path = Path(reply["result"])
        result = read_result(path)
        path.unlink()
        return result

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # what a dead process did not read
                    stream.close()
        try:
            process.wait(timeout=3)  # a closed stdin ends it
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _last_words(self) -> str:
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "(it said nothing)"


def result_rows(result: Result) -> pa.Table:
    """The rows of a result in the journal's schema, Server-Timing taken apart."""
    columns: dict[str, Sequence[object]] = {name: getattr(result, name) for name in _ROW_COLUMNS}
    timings = [server_times(text) for text in result.server_timing]
    columns["app_ms"] = [app for app, _ in timings]
    columns["db_ms"] = [db for _, db in timings]
    return rows_table(columns)


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


def _plan(
    target: Target,
    loop: str,
    visits: list[Visit],
    window: tuple[float, float],
    options: Mapping[str, float],
) -> Plan:
    return msgspec.convert(
        {
            "base_url": target.base_url,
            "loop": loop,
            "visits": visits,
            "tokens": list(target.tokens),
            "key_prefix": uuid.uuid4().hex,
            "path_prefix": target.prefix,
            "locustfile": target.locustfile,
            "measured_from_s": window[0],
            "measured_to_s": window[1],
            **options,
        },
        Plan,
        from_attributes=True,
    )
