"""The user's own services in turns, start by start, until their ratios are known well enough.

Neighbours: `own_services` says what they are asked, `turn_conductor` hands out the turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from bench.engine.run_context import RunContext
from bench.errors import ShopbenchError
from bench.experiments.own_pair.asked import PairOptions
from bench.experiments.own_pair.load import EXPERIMENT, OwnLoad, own_client_ms
from bench.experiments.own_pair.services import ExternalService, restart
from bench.experiments.own_pair.trials import Measured, own_trial
from bench.experiments.own_pair.turn_conductor import Conductor, SideRecord, StartRecord
from bench.load.generator import LoadError, LoadProcess, rows_of_columns
from bench.load.rows import Row, to_columns
from bench.results.journal import utc_now
from bench.stats.turn_words import UNITS, Telling, interim, verdict_lines
from bench.stats.turns import Start, enough_turns

PREPARE_S = 3.0  # planned for starting the load processes and their users
_FILE_ERROR = "LocustfileError: "
_TELL_EVERY_S = 10.0  # where a terminal does not redraw its line


@dataclass(frozen=True)
class Pace:
    """Seconds: warm-up, the least and the most that is measured; and how many starts."""

    warmup_s: float
    least_s: float
    most_s: float
    starts: int = 1

    @property
    def planned_s(self) -> float:
        """Planned seconds of a start."""
        return PREPARE_S + self.warmup_s + self.most_s


ONE_START = {
    "smoke": Pace(0.5, 7.0, 8.0),
    "quick": Pace(2.0, 20.0, 60.0),
    "standard": Pace(5.0, 60.0, 300.0),
    "full": Pace(10.0, 120.0, 900.0),
}
RESTARTED = {
    "smoke": Pace(0.5, 2.0, 2.0, 2),
    "quick": Pace(2.0, 8.0, 8.0, 6),
    "standard": Pace(5.0, 30.0, 30.0, 12),
    "full": Pace(10.0, 60.0, 60.0, 20),
}


def pace_of(profile: str, *, by_start: bool) -> Pace:
    """`by_start`: the services are restarted, and starts are the unit."""
    return (RESTARTED if by_start else ONE_START)[profile]


def run(ctx: RunContext, pair: PairOptions, load: OwnLoad) -> None:
    """Measure start after start; a resumed run goes on with the next one."""
    by_start, client_ms = bool(pair.restarts), own_client_ms(ctx)
    pace = pace_of(ctx.profile.name, by_start=by_start)
    held = {trial.block for trial in ctx.writer.journal.trials if trial.experiment == EXPERIMENT}
    starts: dict[str, list[Start]] = {service.name: [] for service in load.services[1:]}
    for number in range(len(held), max(pace.starts, len(held) + 1)):
        if number > len(held) and not ctx.has_time(PREPARE_S + pace.warmup_s + pace.least_s):
            ctx.writer.note(f"time limit reached after {number} starts")
            break
        record = _measure_start(ctx, pair, load, pace, number, starts)
        for name, start in record.pairs.items():
            starts[name].append(start)
        if by_start and enough(starts, by_start=True):
            break
    for name, of_pair in starts.items():
        telling = Telling(load.services[0].name, name, UNITS[by_start], client_ms)
        for line in verdict_lines(telling, of_pair, by_start=by_start):
            ctx.progress.tell(line)


def enough(starts: dict[str, list[Start]], *, by_start: bool) -> bool:
    """Whether every service is known well enough against the baseline."""
    return all(enough_turns(each, by_start=by_start) for each in starts.values())


def _measure_start(  # noqa: PLR0913, PLR0917 - what one start consists of
    ctx: RunContext,
    pair: PairOptions,
    load: OwnLoad,
    pace: Pace,
    number: int,
    before: dict[str, list[Start]],
) -> StartRecord:
    for name, command in pair.restarts:
        ctx.progress.say(f"restarting {name}")
        restart(name, dict(pair.urls)[name], command)
    started_at, seed = utc_now(), ctx.seed(EXPERIMENT, number)
    with _load_processes(ctx, pair, load, seed) as sides:
        conductor = Conductor(sides, load.services, seed)
        record = conductor.record
        ctx.progress.say(f"warming up {' and '.join(sides)}")
        conductor.warm_up(pace.warmup_s)
        check_answers(load, record)
        least = perf_counter() + pace.least_s
        most = min(pace.most_s, max(pace.least_s, ctx.deadline - time.monotonic()))
        show = _shown(ctx, load, pace, before)

        def done(so_far: StartRecord) -> bool:
            show(so_far)
            now = {name: [start] for name, start in so_far.pairs.items()}
            return perf_counter() >= least and enough(now, by_start=False)

        try:
            conductor.measure(perf_counter() + most, done)
        finally:
            if record.turns:
                _store(ctx, load, record, number, seed, started_at)
    ctx.progress.done(PREPARE_S + pace.warmup_s + pace.most_s)
    return record


def _shown(
    ctx: RunContext, load: OwnLoad, pace: Pace, before: dict[str, list[Start]]
) -> Callable[[StartRecord], None]:
    """Shows what is known so far: a line that is redrawn, or one from time to time."""
    last = 0.0

    def show(record: StartRecord) -> None:
        nonlocal last
        if not ctx.progress.redraws and perf_counter() - last < _TELL_EVERY_S:
            return
        last = perf_counter()
        begun = sum(map(len, before.values())) // max(1, len(before))
        label = f"start {begun + 1} of {pace.starts}, " if pace.starts > 1 else ""
        seconds = f"{perf_counter() - record.measured_from:.0f} s"
        told = [interim(name, start) for name, start in record.pairs.items()]
        ctx.progress.say(f"{label}{seconds}: {'; '.join(told)}")

    return show


@contextmanager
def _load_processes(
    ctx: RunContext, pair: PairOptions, load: OwnLoad, seed: int
) -> Iterator[dict[str, LoadProcess]]:
    """One load process a side, with its users started; all stopped afterwards."""
    cpus = ctx.setting("load_cpus")
    sides = {service.name: LoadProcess(cpus=cpus) for service in load.services}
    try:
        for side in sides.values():
            side.start()
        _prepare(ctx, pair, load, sides, seed)
        yield sides
    finally:
        for side in sides.values():
            side.stop()


def _prepare(
    ctx: RunContext,
    pair: PairOptions,
    load: OwnLoad,
    sides: dict[str, LoadProcess],
    seed: int,
) -> None:
    """Start the users of all sides at once, and show how long it takes.

    Raises ShopbenchError: usage (2) for an error of the file.
    """
    file = load.locustfile.name if load.locustfile else ""
    told = dict.fromkeys(sides, f"{pair.users} users")

    def prepare(service: ExternalService) -> None:
        name = service.name
        sides[name].prepare(
            service.target, pair.users, seed, lambda text: told.update({name: text})
        )

    with ThreadPoolExecutor(len(sides)) as pool:
        waiting = [pool.submit(prepare, service) for service in load.services]
        while waiting:
            each = ", ".join(f"{name}: {text}" for name, text in told.items())
            ctx.progress.say(f"starting {file} on {each}")
            limit = 1.0 if ctx.progress.redraws else _TELL_EVERY_S / 2
            ended, left = wait(waiting, timeout=limit)
            waiting = list(left)
            for future in ended:
                _raise_in_words(future.exception())


def _raise_in_words(failure: BaseException | None) -> None:
    if isinstance(failure, LoadError):
        before, marker, text = failure.message.partition(_FILE_ERROR)
        raise ShopbenchError(text if marker else before, 2 if marker else 3) from failure
    if failure is not None:
        raise failure


def check_answers(load: OwnLoad, record: StartRecord) -> None:
    """Stop where the warm-up shows that there is nothing to compare.

    Raises ShopbenchError with one line: usage (2) if the file is the reason, else 1.
    """
    file = load.locustfile.name if load.locustfile else ""
    errors = {name: [row[7] for row in side.rows] for name, side in record.sides.items()}
    broken = [next((e for e in found if e.startswith(f"{file}:")), "") for found in errors.values()]
    if all(broken):  # against one side alone it may be that side's answer
        raise ShopbenchError(broken[0], 2)
    for name, found in errors.items():
        if not found:
            what = "to this host" if record.sides[name].elsewhere else "through self.client"
            raise ShopbenchError(f"{file}: its tasks make no request {what}", 2)
        if all(found):
            raise ShopbenchError(f"{name} answers nothing of {file} rightly: {found[0]}", 1)


def _store(  # noqa: PLR0913, PLR0917 - what the journal says of a start
    ctx: RunContext,
    load: OwnLoad,
    record: StartRecord,
    number: int,
    seed: int,
    started_at: str,
) -> None:
    """One trial a side. `visit` in the rows is the turn's number."""
    for position, service in enumerate(load.services):
        name, side = service.name, record.sides[service.name]
        rows = [_on_clock(row, record.zero) for row in side.rows]
        windows = record.cpu.get(name, [])
        measured = Measured(
            block=number,
            position=position,
            seed=seed,
            started_at=started_at,
            loop="rounds",
            window=(record.measured_from - record.zero, record.measured_to - record.zero),
            generator_cpu=side.cpu_s / side.busy_s if side.busy_s else 0.0,
            diverged=_diverged(record.pairs.get(name)),
            cpu_s=sum(window.cpu_s for window in windows) if windows else None,
            cpu_requests=sum(window.requests for window in windows),
            facts=_facts(side, record, name),
        )
        rows_table = rows_of_columns(to_columns(rows))
        ctx.writer.add_trial(*own_trial(load, service, measured, load.mix, rows_table))
    _store_cpu(ctx, record, number)


def _on_clock(row: Row, zero: float) -> Row:
    due, sent, done, *rest = row
    return (due - zero, sent - zero, done - zero, *rest)  # type: ignore[return-value]


def _diverged(start: Start | None) -> float | None:
    return start.diverged / start.visits if start is not None and start.visits else None


def _elsewhere(record: StartRecord) -> int:
    """Requests of a side to other hosts in the measured turns: the same on every side."""
    return max((start.elsewhere for start in record.pairs.values()), default=0)


def _facts(side: SideRecord, record: StartRecord, name: str) -> dict[str, float]:
    facts = {
        "turns": float(record.turns),
        "silent": float(side.silent),
        "elsewhere": float(_elsewhere(record)),
        "gap_s": record.gap_s,
    }
    if name in record.idle_cores:
        facts["idle_cores_before"] = record.idle_cores[name]
    return facts


def _store_cpu(ctx: RunContext, record: StartRecord, number: int) -> None:
    kept = dict(ctx.setting("own_cpu") or {})
    for name, windows in record.cpu.items():
        listed = [[each.seconds, each.cpu_s, each.requests] for each in windows]
        kept[f"{number}/{name}"] = listed
    if kept:
        ctx.writer.add_settings(own_cpu=kept)
