"""Does the interval hold what it promises? Resamples of recorded blocks with a known true value.

Pure. A population is the recorded log-ratios of one comparison, centred: drawn from with
replacement, its true mean is exactly 0, so every interval can be held against the truth. Centring
on the sample mean shrinks residuals by √((n−1)/n); they are stretched back by that, which matters
for how often a threshold is passed, not for coverage (a t interval has no scale). Comparisons with
few blocks (a `quick` run has 6; fewer are never judged) are pooled after dividing each by its own
standard deviation, and every resample gets the scale of one of them; with 6 blocks no such residual
exceeds 2.04, so that pooled tails are shorter than true ones.
Drawing single blocks breaks up what neighbours share; `in_order` draws runs of neighbours instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from bench.stats.paired import PairedRatio, paired_ratio
from bench.stats.precision import MIN_VALID_BLOCKS, half_width_target
from bench.stats.verdicts import decide

Floats = NDArray[np.float64]
FEWEST, MOST = MIN_VALID_BLOCKS, 12  # blocks of a comparison
LEAST_POPULATION, LEAST_ORDERED = 20, 100
SIMULATED_SD = 0.02


@dataclass(frozen=True)
class Population:
    """Log-ratios with true mean 0, in the order they were recorded. `kind`: p50, p95, p99, cpu.

    `scales`: where comparisons were pooled, the standard deviation of each; `logs` have 1 then.
    """

    name: str
    kind: str
    logs: Floats
    scales: tuple[float, ...] = ()


@dataclass(frozen=True)
class Coverage:
    """`covered`: intervals that hold the truth, `called`: verdicts 'different', of `n` resamples.

    `rule_covered`, `rule_called`: with the stop rule choosing the number of blocks.
    `ordered_covered`: from runs of neighbouring blocks; None below 100 blocks, where a run is so
    large a part of all that its mean cannot be far from theirs, or where they were pooled.
    """

    name: str
    kind: str
    blocks: int
    n: int
    covered: int
    called: int
    rule_covered: int
    rule_called: int
    ordered_covered: int | None


def centred(logs: Sequence[float] | Floats) -> Floats:
    """Residuals about the mean, stretched to the unbiased standard deviation. Needs 2 or more."""
    values = np.asarray(logs, dtype=np.float64)
    residuals = values - values.mean()
    return np.asarray(residuals * sqrt(values.size / (values.size - 1)))


def populations(groups: Iterable[tuple[str, str, Sequence[float]]]) -> list[Population]:
    """From recorded (name, kind, logs): large ones by themselves, small ones pooled by kind.

    What stays below 20 blocks is left out: it says nothing about tails.
    """
    whole: list[Population] = []
    small: dict[str, list[Floats]] = {}
    for name, kind, logs in groups:
        if len(logs) >= LEAST_POPULATION:
            whole.append(Population(name, kind, centred(logs)))
        elif len(logs) >= FEWEST and np.std(logs) > 0:
            small.setdefault(kind, []).append(centred(logs))
    for kind, parts in small.items():
        scales = tuple(float(part.std()) for part in parts)
        together = np.concatenate([part / part.std() for part in parts])
        if together.size >= LEAST_POPULATION:
            whole.append(Population(f"{len(parts)} comparisons pooled", kind, together, scales))
    return whole


def resample(population: Population, n: int, rng: np.random.Generator) -> Coverage:
    """Draw `n` comparisons of 6 to 12 blocks; count what interval and verdict say of each."""
    logs = population.logs
    counts = np.zeros(5, dtype=np.int64)
    for _ in range(n):
        scale = rng.choice(population.scales) if population.scales else 1.0
        drawn = rng.choice(logs, size=MOST, replace=True) * scale
        size = int(rng.integers(FEWEST, MOST + 1))
        start = int(rng.integers(logs.size))
        neighbours = logs[(start + np.arange(size)) % logs.size]
        counts += _judged(population.kind, drawn, size, neighbours)
    covered, called, rule_covered, rule_called, ordered = (int(count) for count in counts)
    return Coverage(
        population.name,
        population.kind,
        int(logs.size),
        n,
        covered,
        called,
        rule_covered,
        rule_called,
        ordered if logs.size >= LEAST_ORDERED and not population.scales else None,
    )


def _judged(kind: str, drawn: Floats, size: int, neighbours: Floats) -> list[bool]:
    fixed, stopped = paired_ratio(drawn[:size]), _by_stop_rule(kind, drawn)
    in_order = paired_ratio(neighbours)
    return [_covers(fixed), _called(fixed, kind), _covers(stopped), _called(stopped, kind),
            _covers(in_order)]  # fmt: skip


def _by_stop_rule(kind: str, drawn: Floats) -> PairedRatio:
    """Take blocks until the interval is narrow enough, at most all."""
    target = half_width_target(kind)
    for size in range(FEWEST, drawn.size):
        ratio = paired_ratio(drawn[:size])
        if ratio.half_width <= target:
            return ratio
    return paired_ratio(drawn)


def _covers(ratio: PairedRatio) -> bool:
    return ratio.low <= 1.0 <= ratio.high


def _called(ratio: PairedRatio, kind: str) -> bool:
    return decide(ratio, claim="different", kind=kind).word == "supported"


def simulate(n: int, rng: np.random.Generator) -> list[Coverage]:
    """The same from noise of known law, as a check on the resampling itself.

    `log-normal`: the difference of two trials with skewed noise each, as two arms of an A/A have.
    """
    laws: dict[str, Callable[[], Floats]] = {
        "simulated normal noise": lambda: rng.normal(size=MOST),
        "simulated t noise, 5 degrees": lambda: rng.standard_t(5, size=MOST) / sqrt(5 / 3),
        "simulated log-normal noise": lambda: np.asarray(
            np.diff(rng.lognormal(sigma=0.75, size=(2, MOST)), axis=0)[0]
        ),
    }
    return [_simulated(name, n, draw, rng) for name, draw in laws.items()]


def _simulated(name: str, n: int, draw: Callable[[], Floats], rng: np.random.Generator) -> Coverage:
    counts = np.zeros(5, dtype=np.int64)
    for _ in range(n):
        drawn = SIMULATED_SD * draw()
        size = int(rng.integers(FEWEST, MOST + 1))
        counts += _judged("p50", drawn, size, drawn[:size])
    covered, called, rule_covered, rule_called, _ = (int(count) for count in counts)
    return Coverage(name, "p50", 0, n, covered, called, rule_covered, rule_called, None)
