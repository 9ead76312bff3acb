"""The parent's side of the load: start its processes on their cores, hand out plans, read rows."""

from __future__ import annotations

import math
import re
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import TracebackType

import msgspec
import pyarrow as pa

from bench.journal import rows_table
from bench.load.dealing import deal, merge
from bench.load.link import Link, LoadError, read_all
from bench.load.operations import API_PREFIX
from bench.load.plan import Plan, Result, Visit, read_result, write_message
from bench.load.rows import COLUMNS

__all__ = ["ClosedLoop", "LoadError", "LoadProcess", "Target", "result_rows", "server_times"]

_HANG_MARGIN_S = 40.0
_COMMON_LEAD_S = 0.1  # several workers: from 'all are ready' to the trial's zero
_DURATION = re.compile(r"(?:^|[,\s])(app|db)\s*;\s*dur=([0-9.]+)")
_ROW_COLUMNS = tuple(name for name in COLUMNS if name != "server_timing")


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
    """The load: one process, or several that share each schedule. A context manager.

    It goes when its parent goes, however that ends.
    """

    def __init__(
        self, *, cpus: Sequence[int] | None = None, scratch: Path | None = None, workers: int = 1
    ) -> None:
        """`cpus`: the cores to be pinned to; of several workers each gets one, in turn."""
        if workers < 1:
            raise LoadError("a load of less than one process")
        self._cpus = cpus
        self._scratch = scratch
        self._workers = workers
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
        if not self._links:
            raise LoadError("the load process is not running")
        if plan.locustfile and self._workers > 1:
            raise LoadError("a locustfile of your own is replayed by one load process")
        paths: list[Path] = []
        try:
            for part in deal(plan, self._workers):
                path = self._folder / f"{uuid.uuid4().hex}.plan"
                paths.append(path)
                write_message(path, part)
            return self._serve(plan, paths)
        except (msgspec.MsgspecError, OSError) as exc:
            raise LoadError(f"the load process failed: {exc}") from exc
        except LoadError:
            if self._workers > 1:  # the others are in the middle of a trial that is lost
                self._end_all()
            raise
        finally:
            for path in paths:
                path.unlink(missing_ok=True)

    def _serve(self, plan: Plan, paths: Sequence[Path]) -> Result:
        if not paths:
            raise LoadError("the plan has no visits")
        links = self._links[: len(paths)]
        for link, path in zip(links, paths, strict=False):
            link.write(str(path))
        if self._workers > 1:
            read_all(links, _HANG_MARGIN_S)
            zero = perf_counter() + _COMMON_LEAD_S
            for link in links:
                link.write(repr(zero))
        limit_s = plan.measured_to_s + plan.drain_s + plan.request_timeout_s + _HANG_MARGIN_S
        results = []
        for reply in read_all(links, limit_s):
            path = Path(reply["result"])
            results.append(read_result(path))
            path.unlink()
        cores = [(self._pinned(link.number) or [-1 - link.number])[0] for link in links]
        return merge(results, self._workers, cores)

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
