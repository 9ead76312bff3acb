"""What capacity brings to the first screen: tiles on the load carried and on what it costs.

Neighbours: `records` has levels and verdicts, `findings` what a request costs at capacity.
"""

from collections.abc import Iterator, Sequence

from bench.experiments.capacity.findings import Summary
from bench.experiments.capacity.records import (
    SATURATION,
    Levels,
    capacity_levels,
    capacity_verdicts,
    saturation_levels,
    saturation_verdicts,
)
from bench.report.naming import interval, number, words
from bench.report.prices import Prices
from bench.report.tiles import Tile, state_of
from bench.results.journal import Journal

PAIR = ("microservices", "monolith")
_MIXED = "mixed"


def tiles(journal: Journal, totals: Sequence[Summary], prices: Prices) -> tuple[Tile, ...]:
    """Return capacity and money of the mixed load, else of the first one measured."""
    return (*_capacity(journal), *_money(totals, prices))


def _capacity(journal: Journal) -> Iterator[Tile]:
    """The capacity at the service level; where none was searched, the throughput at saturation."""
    searched = _chosen(capacity_levels(journal.settings))
    levels = searched or _chosen(saturation_levels(journal))
    if levels is None:
        return
    verdicts = capacity_verdicts(journal) if searched else saturation_verdicts(journal)
    ratio, pair = levels.ratio(*PAIR), f"{levels.mix}/{':'.join(PAIR)}"
    judged = next((v for v in verdicts if v.id.partition("/")[2] == pair), None)
    top, base = (levels.mean_rps(name) for name in PAIR)
    if ratio is None or judged is None or top is None or base is None:
        return
    unit = "passes" if judged.id.startswith(SATURATION) else "searches"
    yield Tile(
        title=f"Load carried, {words(levels.mix)}",
        monolith=base,
        microservices=top,
        unit="requests/s",
        words=("less", "more"),
        evidence=f"×{number(ratio.estimate)} {interval(ratio.low, ratio.high)}, "
        f"{ratio.n_blocks} {unit}",
        state=state_of(judged.verdict),
    )


def _chosen(found: Sequence[Levels]) -> Levels | None:
    both = [each for each in found if set(PAIR) <= {name for unit in each.units for name in unit}]
    return next((each for each in both if each.mix == _MIXED), both[0] if both else None)


def _money(totals: Sequence[Summary], prices: Prices) -> Iterator[Tile]:
    mixes = list(dict.fromkeys(total.mix for total in totals))
    for mix in sorted(mixes, key=lambda mix: mix != _MIXED)[:1]:
        own = {total.deployment: total.money(prices) for total in totals if total.mix == mix}
        top, base = (own.get(name) for name in PAIR)
        if top is not None and base:
            yield Tile(
                title="Money for a million requests",
                monolith=base,
                microservices=top,
                unit=prices.currency,
                words=("cheaper", "dearer"),
                evidence=f"×{number(top / base)}, CPU and memory at capacity, {prices.label} "
                "prices; no interval",
            )
