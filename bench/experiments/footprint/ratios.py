"""What is compared between deployments, start by start, and the rule that decides it. Pure.

Both halves use it: the run tells each finding as soon as it is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.experiments.footprint.records import ARMS, Start
from bench.results.verdict import SMOKE_NOTE, VerdictWord
from bench.stats.paired import PairedRatio, log_ratios, paired_ratio
from bench.stats.verdicts import decide

KIND = "p95"  # the kind whose threshold is the 10 % of the rule `paired-ratio`
RULE = (
    "paired by start, t interval at 95 %; claim: greater; threshold 10 %; at least 6 starts. Each "
    "deployment is started alone; a start without a positive value on both sides has no ratio"
)


@dataclass(frozen=True)
class Metric:
    """A number of a start. `what`: its name in words; `claim`: what is asked of the ratio."""

    name: str
    what: str
    unit: str
    claim: str
    value: Callable[[Start], float | None]


def _first(operation: str) -> Callable[[Start], float | None]:
    return lambda start: start.first_answer_ms.get(operation)


METRICS = (
    Metric(
        "idle_pss_mib", "memory at rest", "MiB", "take more memory",
        lambda start: start.idle.pss_mib,
    ),
    Metric(
        "idle_cpu_ms_per_s", "CPU at rest", "ms of CPU a second", "use more CPU",
        lambda start: start.idle.cpu_ms_per_s,
    ),
    Metric(
        "cold_start_s", "cold start", "s", "start more slowly", lambda start: start.cold_start_s
    ),
    Metric(
        "first_product_list_ms", "first product list", "ms", "answer the first product list later",
        _first("product_list"),
    ),
    Metric("first_order_ms", "first order", "ms", "answer the first order later", _first("order")),
)  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """A metric of `top` over `bottom`. `lost`: starts of both without a ratio."""

    metric: Metric
    top: str
    bottom: str
    logs: tuple[float, ...]
    lost: int

    @property
    def ratio(self) -> PairedRatio | None:
        """The ratio with its interval; None of fewer than two starts."""
        return paired_ratio(self.logs) if len(self.logs) >= 2 else None

    def judged(self, *, smoke: bool) -> tuple[VerdictWord, str]:
        """The word by the rule, and why."""
        ratio = self.ratio
        if smoke:
            return "inconclusive", SMOKE_NOTE
        lost = f"; {self.lost} starts without a value" if self.lost else ""
        if ratio is None:
            return "inconclusive", f"{len(self.logs)} valid starts, 6 are needed{lost}"
        found = decide(ratio, claim="greater", kind=KIND, unit="valid starts")
        return found.word, f"{found.reason}{lost}"


def pairs_of(names: Sequence[str]) -> list[tuple[str, str]]:
    """Who is compared with whom: every other one with the monolith, else with the first."""
    base = ARMS[0] if ARMS[0] in names else names[0]
    return [(name, base) for name in names if name != base]


def compare(starts: Iterable[Start], metric: Metric, top: str, bottom: str) -> Compared:
    """Pair the counted starts of two deployments by their number."""
    values: dict[int, dict[str, float | None]] = {}
    for start in starts:
        if start.counted and start.deployment in (top, bottom):
            values.setdefault(start.number, {})[start.deployment] = metric.value(start)
    whole = [(each[top], each[bottom]) for each in values.values() if len(each) == 2]
    good = [(a, b) for a, b in whole if a is not None and b is not None and a > 0 and b > 0]
    logs = log_ratios([a for a, _ in good], [b for _, b in good]) if good else ()
    return Compared(metric, top, bottom, tuple(map(float, logs)), len(whole) - len(good))
