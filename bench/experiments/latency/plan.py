"""What `latency` measures and how long that takes."""

from __future__ import annotations

from dataclasses import dataclass

from bench.engine.options import DEPLOYMENTS, RunOptions
from bench.engine.round_blocks import CALIBRATION_S, SHARES, WRITES, Design
from bench.errors import ShopbenchError
from bench.results.paired.judge import FAMILIES
from bench.results.paired.rounds import twin_of

EXPERIMENT = "latency"
UP_S, DOWN_S, SQL_S = 14.0, 1.0, 1.3  # planned


@dataclass(frozen=True)
class Size:
    """How many starts, and seconds of each part of one.

    Beyond `starts` there are more, up to `most_starts` and while `limit_s` is not over, until
    every metric named beforehand is decided or known well enough. `writes_s`: of a block of
    writes, whose rounds are fewer by the pauses after them. `two`: the first named pair is
    measured in rounds of its own as well, to see whether the others disturb it.
    """

    starts: int
    most_starts: int
    warmup_s: float
    measured_s: float
    writes_s: float
    idle_s: float
    limit_s: float
    two: bool = False


SIZES = {
    "smoke": Size(1, 1, 0.5, 2.2, 2.2, 1.0, 90.0),
    "quick": Size(6, 8, 1.0, 8.0, 15.0, 3.0, 450.0),
    "standard": Size(18, 30, 2.0, 8.5, 14.0, 3.0, 2400.0, two=True),
    "full": Size(30, 60, 3.0, 20.0, 30.0, 5.0, 7200.0, two=True),
}


@dataclass(frozen=True)
class Plan:
    """One run of the experiment: who takes part, what is asked, how long."""

    members: tuple[str, ...]
    operations: tuple[str, ...]
    size: Size

    @property
    def design(self) -> Design:
        """What every start has in common."""
        size = self.size
        return Design(
            EXPERIMENT,
            self.members,
            size.warmup_s,
            size.measured_s,
            size.idle_s,
            longer_s=dict.fromkeys(WRITES, size.writes_s),
        )

    @property
    def two(self) -> tuple[str, ...]:
        """Who is measured in rounds of two as well; empty where nobody is."""
        pair = FAMILIES[0]
        whole = self.size.two and len(self.members) > len(pair) and set(pair) <= set(self.members)
        return pair if whole else ()

    @property
    def start_s(self) -> float:
        """Planned seconds of one start, up and down included."""
        size, kinds = self.size, 2 if self.two else 1
        writes = sum(operation in WRITES for operation in self.operations)
        blocks_s = len(self.operations) * (size.warmup_s + size.measured_s + 0.5)
        blocks_s += writes * (size.writes_s - size.measured_s)
        idle_s = (1 + (1 + kinds) * writes) * size.idle_s
        return UP_S + DOWN_S + kinds * blocks_s + idle_s

    @property
    def once_s(self) -> float:
        """Planned seconds of what is done in the first start only."""
        deployments = len(self.members) - 1
        gaps_s = (2 if self.two else 1) * CALIBRATION_S
        return len(self.operations) * (gaps_s + deployments * SQL_S)

    @property
    def planned_s(self) -> float:
        """Planned seconds of the least number of starts."""
        return self.once_s + self.size.starts * self.start_s

    @property
    def shares(self) -> dict[str, float]:
        """The mix, if all its operations are measured; else nothing."""
        return SHARES if set(SHARES) <= set(self.operations) else {}


def plan_of(options: RunOptions, profile: str) -> Plan:
    """The plan of a run. Raises ShopbenchError (usage) where no mix named has a place here.

    `mixed` stands for all four operations; other mixes are for other experiments of the run.
    """
    names = options.deployments or DEPLOYMENTS
    operations = tuple(name for name in SHARES if name in options.mixes)
    if not options.mixes or "mixed" in options.mixes:
        operations = tuple(SHARES)
    if not operations:
        known, given = ", ".join(SHARES), ", ".join(options.mixes)
        text = f"latency measures single requests, {known}, or all of them, mixed; not {given}"
        raise ShopbenchError(text, 2)
    return Plan((*names, twin_of(names[0])), operations, SIZES[profile])
