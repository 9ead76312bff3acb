"""What an idle shop brings to the first screen: tiles on its memory and on its start.

Neighbours: `findings` has the levels of each deployment, `judge` the comparisons.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.experiments.footprint.findings import Profile
from bench.experiments.footprint.ratios import Compared
from bench.report.naming import interval, number
from bench.report.section import ARMS
from bench.report.tiles import Tile, state_of

_TOLD = {
    "idle_pss_mib": ("Memory when nobody asks", "MiB", ("less", "more")),
    "cold_start_s": ("Cold start", "s", ("sooner", "later")),
}


def tiles(
    profiles: Sequence[Profile], compared: Sequence[Compared], *, smoke: bool
) -> Iterator[Tile]:
    """Yield what both arms have levels of."""
    by_name = {profile.deployment: profile for profile in profiles}
    if not set(ARMS) <= set(by_name):
        return
    for each in compared:
        told = _TOLD.get(each.metric.name)
        levels = [by_name[arm].level(each.metric.name) for arm in ARMS]
        ratio = each.ratio
        if told is None or ratio is None or (each.bottom, each.top) != ARMS:
            continue
        monolith, services = levels
        if monolith is None or services is None:
            continue
        title, unit, words = told
        yield Tile(
            title=title,
            monolith=monolith.value,
            microservices=services.value,
            unit=unit,
            words=words,
            evidence=f"×{number(ratio.estimate)} {interval(ratio.low, ratio.high)}, "
            f"{ratio.n_blocks} starts",
            state=state_of(each.judged(smoke=smoke)[0]),
        )
