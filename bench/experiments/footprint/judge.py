"""The verdicts: each number of a start, one deployment against another, by a rule fixed before."""

from bench.experiments.footprint.ratios import METRICS, RULE, Compared, compare, pairs_of
from bench.experiments.footprint.records import NAME, Footprint
from bench.report.naming import deployment_order
from bench.results.verdict import Verdict


def comparisons(found: Footprint) -> list[Compared]:
    """Every metric of every pair that has starts."""
    names = deployment_order(start.deployment for start in found.starts)
    return [
        compare(found.starts, metric, top, bottom)
        for top, bottom in (pairs_of(names) if names else ())
        for metric in METRICS
    ]


def verdict_of(found: Compared, *, smoke: bool) -> Verdict:
    """One comparison as a verdict."""
    ratio, metric = found.ratio, found.metric
    word, note = found.judged(smoke=smoke)
    return Verdict(
        id=f"{NAME}/{found.top}:{found.bottom}/{metric.name}",
        question=f"{_does(found.top)} {metric.claim} than {found.bottom}?",
        metric=metric.name,
        numerator=found.top,
        denominator=found.bottom,
        operation="all",
        estimate=ratio.estimate if ratio else None,
        low=ratio.low if ratio else None,
        high=ratio.high if ratio else None,
        level=0.95,
        n_blocks=len(found.logs),
        verdict=word,
        rule=RULE,
        note=note,
    )


def _does(name: str) -> str:
    """The beginning of a question about a deployment; `microservices` are several."""
    return f"{'Do' if name.endswith('s') else 'Does'} {name}"
