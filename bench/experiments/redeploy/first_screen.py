"""What releases bring to the first screen: a clause of the answer, and a tile.

Neighbour: `findings` has the visits that each release disturbed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from bench.experiments.redeploy.counting import Counted
from bench.experiments.redeploy.findings import Findings
from bench.experiments.redeploy.records import EXPERIMENT, MICROSERVICES, MONOLITH, SERVICES
from bench.report.naming import interval, number
from bench.report.tiles import Tile, state_of
from bench.results.verdict import Verdict

_JUDGED = f"{EXPERIMENT}/service/{MICROSERVICES}:{MONOLITH}/disturbed_in_visits"


def answer(found: Findings) -> tuple[str, ...]:
    """Return what a release of one service disturbs, and one of the monolith."""
    both = _means(found)
    if both is None:
        return ()
    service, monolith = (f"{round(max(0.0, value), 1):g}" for value in both)
    return (
        f"a release of one service under load disturbs {service} visits and one of the monolith on "
        f"one port {monolith}",
    )


def tiles(found: Findings, verdicts: Sequence[Verdict]) -> Iterator[Tile]:
    """Yield the visits that a release disturbs in either arm."""
    both, judged = _means(found), next((v for v in verdicts if v.id == _JUDGED), None)
    if both is None or judged is None:
        return
    service, monolith = both
    yield Tile(
        title="Visits disturbed by a release",
        monolith=max(0.0, monolith),
        microservices=max(0.0, service),
        unit="visits",
        words=("fewer", "more"),
        evidence=f"{number(judged.estimate)} visits {interval(judged.low, judged.high)}, "
        f"{judged.n_blocks} repetitions; one service against the whole",
        state=state_of(judged.verdict),
    )


def _means(found: Findings) -> tuple[float, float] | None:
    """Mean over all valid releases of (one service, the monolith), as the section tells them."""
    service = _disturbed(found.of("release", MICROSERVICES, *SERVICES))
    monolith = _disturbed(found.of("release", MONOLITH, MONOLITH))
    return (fmean(service), fmean(monolith)) if service and monolith else None


def _disturbed(releases: Sequence[Counted]) -> list[float]:
    return [each.disturbed for each in releases if each.valid]
