"""How much each profile does in the selftest, and how long that takes."""

from __future__ import annotations

from dataclasses import dataclass

PRIMER_S, WARMUP_S = 0.05, 0.15
JUDGED_FROM_SETS = 20
RERUN_SHARE = 0.5  # of the planned time, at most, for repeating invalid blocks


@dataclass(frozen=True)
class Sizes:
    """`sets` of planted effects of `min_blocks` to `max_blocks` each; A/A blocks of the shop.

    Trials of 0.75 s left log-ratios with a standard deviation of 0.054 on a shared two-core guest:
    too wide for 2.5 % even with 12 blocks. It falls as the root of the time measured.
    """

    sets: int
    min_blocks: int
    max_blocks: int
    measured_s: float
    aa_blocks: int
    resamples: int


SIZES: dict[str, Sizes] = {
    "smoke": Sizes(1, 2, 2, 0.5, 2, 100),
    "quick": Sizes(20, 6, 12, 2.0, 20, 4_000),
    "standard": Sizes(20, 6, 12, 3.0, 24, 10_000),
    "full": Sizes(40, 6, 12, 6.0, 40, 20_000),
}
