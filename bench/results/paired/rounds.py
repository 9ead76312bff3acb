"""A run's paired rounds as ratios: who took how much longer and spent how much more, by start.

Rows come from `journal`, the arithmetic from `stats.rounds`. Neighbour: `judge`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.results.journal import Trial
from bench.stats.arrays import Floats
from bench.stats.errors import StatisticsError
from bench.stats.rounds import StartRatio, round_logs, start_ratio, weighted_log_ratio

Metric = Literal["time", "cpu"]
METRICS: tuple[Metric, ...] = ("time", "cpu")
TWIN_MARK = "#"  # `monolith#2`: a second instance of the same code
MIX = "mix"  # the role of all operations together, in their shares
WRONG_LIMIT = 0.001  # share of wrong answers above which there is no time to compare
CLIENT_SHARE = 0.1  # of the faster side: above, the ratio without the client is told too
TIME_NAME, CPU_NAME = "service_time_ms_p50", "cpu_ms_per_request"
METRIC_NAMES: dict[Metric, str] = {"time": TIME_NAME, "cpu": CPU_NAME}


def is_twin(deployment: str) -> bool:
    """Return whether a name is that of a second instance."""
    return TWIN_MARK in deployment


def twin_of(deployment: str) -> str:
    """Return the name of a deployment's second instance."""
    return f"{deployment}{TWIN_MARK}2"


@dataclass(frozen=True)
class CpuSpent:
    """CPU seconds of a whole deployment in a window, and how often it was asked meanwhile.

    `idle_cores`: what it used when nobody asked it, read just before and after.
    """

    spent_s: float
    window_s: float
    requests: int
    idle_cores: float

    def ms_per_request(self, idle_cores: float | None = None) -> float:
        """CPU-ms a request, less an idle rate; None, less the one read beside it."""
        rate = self.idle_cores if idle_cores is None else idle_cores
        return max(0.0, self.spent_s - rate * self.window_s) * 1000.0 / self.requests


@dataclass(frozen=True)
class Stretch:
    """One deployment's requests of one operation in one start, by round.

    `rounds`, `sent_s`, `time_ms`, `wrong` have one entry a measured round. `cpu`: None where it
    was not metered.
    """

    rounds: NDArray[np.int64]
    sent_s: Floats
    time_ms: Floats
    wrong: NDArray[np.bool_]
    cpu: CpuSpent | None
    example: str = ""  # what was wrong, most often, and an answer as it came

    @classmethod
    def of(cls, trial: Trial, rows: pa.Table) -> Stretch:
        """Read a trial of loop `rounds`; rows in the journal's schema."""
        sent, done = (np.asarray(rows.column(n), dtype=np.float64) for n in ("sent_s", "done_s"))
        kept = (sent >= trial.measured_from_s) & (sent < trial.measured_to_s)
        texts = rows.column("error").to_pylist()
        error = np.asarray([text != "" for text in texts], dtype=bool)
        number = np.asarray(rows.column("visit"), dtype=np.int64)[kept]
        order = np.argsort(number, kind="stable")
        return cls(
            rounds=number[order],
            sent_s=sent[kept][order],
            time_ms=np.maximum((done - sent)[kept][order] * 1000.0, 1e-3),
            wrong=error[kept][order],
            cpu=cpu_spent(trial),
            example=_example(trial) or next((text for text in texts if text), ""),
        )

    @property
    def median_ms(self) -> float:
        """Median time, wrong answers counted as infinitely slow. Raises StatisticsError if none."""
        if not self.time_ms.size:
            raise StatisticsError("no rounds")
        return float(np.median(np.where(self.wrong, np.inf, self.time_ms)))


def _example(trial: Trial) -> str:
    """The most frequent error that a trial recorded, with an answer; "" if it recorded none."""
    if not trial.wrong:
        return ""
    most = max(trial.wrong, key=lambda each: each.wrong)
    return f"{most.error}; for example {most.example}" if most.example else most.error


def cpu_spent(trial: Trial) -> CpuSpent | None:
    """What a trial's deployment spent; None where it was not metered."""
    spent_s = sum(use.cpu_seconds for use in trial.usage.values())
    if not trial.cpu_requests or not spent_s:
        return None
    window_s, idle_cores = (trial.facts.get(n, 0.0) for n in ("cpu_window_s", "idle_cores"))
    return CpuSpent(spent_s, window_s, trial.cpu_requests, idle_cores)


def cpu_ms_of(trial: Trial) -> float | None:
    """CPU-ms a request of the whole deployment, less its idle rate; None where not metered."""
    spent = cpu_spent(trial)
    return spent.ms_per_request() if spent else None


@dataclass(frozen=True)
class StartLogs:
    """Log-ratios of the starts that have one; `lost` starts have none, `why` the last reason.

    `numbers`: which starts. `ratios`: what each is made of, for times of single operations only.
    """

    logs: tuple[float, ...]
    lost: int = 0
    why: str = ""
    ratios: tuple[StartRatio, ...] = ()
    numbers: tuple[int, ...] = ()


@dataclass
class PairedRounds:
    """All stretches of a run, by start, operation and deployment.

    `shares` of the operations in the mix, by operation.
    """

    shares: Mapping[str, float]
    starts: dict[int, dict[tuple[str, str], Stretch]] = field(default_factory=dict)

    def add(self, trial: Trial, rows: pa.Table) -> None:
        """Take in one trial, unless it is invalid."""
        if trial.loop == "rounds" and trial.status != "invalid":
            held = self.starts.setdefault(trial.block, {})
            held[trial.mix, trial.deployment] = Stretch.of(trial, rows)

    @property
    def operations(self) -> list[str]:
        """Operations measured, in the order of the shares, others after them."""
        found = {operation for start in self.starts.values() for operation, _ in start}
        ranked = {name: at for at, name in enumerate(self.shares)}
        return sorted(found, key=lambda name: (ranked.get(name, len(ranked)), name))

    @property
    def roles(self) -> list[str]:
        """The operations and, if all its operations were measured, the mix."""
        operations = self.operations
        whole = bool(self.shares) and set(self.shares) <= set(operations)
        return [*operations, *([MIX] if whole else [])]

    @property
    def deployments(self) -> list[str]:
        """Everything that took part, twins included, by name."""
        return sorted({name for start in self.starts.values() for _, name in start})

    def logs(self, numerator: str, denominator: str, role: str, metric: Metric) -> StartLogs:
        """Return the log-ratio of each start that has one."""
        logs, ratios, numbers, lost, why = [], [], [], 0, ""
        for number, start in self.starts.items():
            try:
                if role != MIX and metric == "time":
                    ratios.append(_time_ratio(start, numerator, denominator, role))
                    logs.append(ratios[-1].log_ratio)
                else:
                    logs.append(self._weighted(start, numerator, denominator, role, metric))
                numbers.append(number)
            except StatisticsError as exc:
                lost, why = lost + 1, str(exc)
        return StartLogs(tuple(logs), lost, why, tuple(ratios), tuple(numbers))

    def idle_cores(self, deployment: str) -> float:
        """Cores that a deployment uses when nobody asks it: mean of all that was read in the run.

        A reading of seconds holds or misses bursts of its background work, which took 5 % off a
        request's CPU in one start and nothing in the next; the rate belongs to the code.
        Raises StatisticsError where it was not metered.
        """
        read = [
            stretch.cpu.idle_cores
            for start in self.starts.values()
            for (_, name), stretch in start.items()
            if name == deployment and stretch.cpu
        ]
        if not read:
            raise StatisticsError(f"the CPU of {deployment} was not metered")
        return float(np.mean(read))

    def values(self, deployment: str, role: str, metric: Metric) -> list[float]:
        """Return the absolute value of each start in ms: median time, or CPU a request."""
        shares = self.shares if role == MIX else {role: 1.0}
        found = []
        for start in self.starts.values():
            try:
                each = {name: self._value(start, name, deployment, metric) for name in shares}
            except StatisticsError:
                continue
            found.append(sum(share * each[name] for name, share in shares.items()))
        return found

    def without_client(
        self, numerator: str, denominator: str, role: str, client_ms: float
    ) -> float | None:
        """Return the ratio of the median times less the client's own; None where it is small.

        Small: at most a tenth of the faster side's median.
        """
        top, bottom = (self.values(name, role, "time") for name in (numerator, denominator))
        if not top or not bottom:
            return None
        above, below = float(np.median(top)), float(np.median(bottom))
        if client_ms <= CLIENT_SHARE * min(above, below) or client_ms >= min(above, below):
            return None
        return (above - client_ms) / (below - client_ms)

    def wrong_answers(self, deployment: str, role: str) -> tuple[int, int]:
        """Return (wrong, all) answers of a deployment to an operation, or to those of the mix."""
        names = self.shares if role == MIX else (role,)
        stretches = [
            stretch
            for start in self.starts.values()
            for (operation, name), stretch in start.items()
            if name == deployment and operation in names
        ]
        return sum(int(s.wrong.sum()) for s in stretches), sum(s.wrong.size for s in stretches)

    def failing(self, deployments: Iterable[str], role: str) -> str:
        """Return in words who answered too much of an operation wrongly; "" if nobody did."""
        told = []
        for name in deployments:
            wrong, total = self.wrong_answers(name, role)
            if total and wrong / total > WRONG_LIMIT:
                why = self._example(name, role)
                share = f"{wrong / total:.1%}".replace("%", " %")
                told.append(
                    f"{name} answered {wrong:,} of {total:,} ({share}) wrongly, for example: {why}"
                )
        return "; ".join(told)

    def _example(self, deployment: str, role: str) -> str:
        names = self.shares if role == MIX else (role,)
        return next(
            stretch.example
            for start in self.starts.values()
            for (operation, name), stretch in start.items()
            if name == deployment and operation in names and stretch.wrong.any()
        )

    def _weighted(
        self,
        start: Mapping[tuple[str, str], Stretch],
        numerator: str,
        denominator: str,
        role: str,
        metric: Metric,
    ) -> float:
        shares = self.shares if role == MIX else {role: 1.0}
        top, bottom = (
            {operation: self._value(start, operation, name, metric) for operation in shares}
            for name in (numerator, denominator)
        )
        return weighted_log_ratio(shares, top, bottom)

    def _value(
        self,
        start: Mapping[tuple[str, str], Stretch],
        operation: str,
        name: str,
        metric: Metric,
    ) -> float:
        stretch = _stretch(start, operation, name)
        if metric == "time":
            value = stretch.median_ms
        elif stretch.cpu is None:
            raise StatisticsError(f"the CPU of {name} was not metered")
        else:
            value = stretch.cpu.ms_per_request(self.idle_cores(name))
        if not np.isfinite(value) or value <= 0:
            raise StatisticsError(f"{name} has no {metric} of {operation}")
        return value


def _stretch(start: Mapping[tuple[str, str], Stretch], operation: str, name: str) -> Stretch:
    found = start.get((operation, name))
    if found is None:
        raise StatisticsError(f"{name} has no {operation} in this start")
    return found


def _time_ratio(
    start: Mapping[tuple[str, str], Stretch], numerator: str, denominator: str, operation: str
) -> StartRatio:
    """The ratio of the rounds that both took part in, at the moment the denominator's was sent."""
    top, bottom = (_stretch(start, operation, name) for name in (numerator, denominator))
    _, in_top, in_bottom = np.intersect1d(
        top.rounds, bottom.rounds, assume_unique=True, return_indices=True
    )
    return start_ratio(
        round_logs(
            bottom.sent_s[in_bottom],
            top.time_ms[in_top],
            bottom.time_ms[in_bottom],
            (top.wrong[in_top], bottom.wrong[in_bottom]),
        )
    )
