"""The result in plain words.

Neighbours: `verdicts` judged, `page` and `summary` print.
"""

from collections.abc import Iterable, Sequence

from bench.journal import Verdict
from bench.report.analysis import Analysis
from bench.report.fields import verdict_line
from bench.report.measures import METRIC_NAMES
from bench.report.naming import ALL, interval, number, words
from bench.report.verdicts import SMOKE_NOTE

_METRICS = {METRIC_NAMES["p50"]: "p50 response time", METRIC_NAMES["cpu"]: "CPU per request"}
_DECIDED = ("supported", "refuted")


def plain_words(analysis: Analysis) -> list[str]:
    """Return the result of the metrics named beforehand in a few sentences, decided ones first.

    Where none was measured: the verdicts of the other experiments, one a line.
    """
    named = analysis.named or analysis.of_sections
    if not named:
        return []
    if analysis.data.journal.profile == "smoke":
        return [f"Nothing is claimed: {SMOKE_NOTE}."]
    if not analysis.named:
        return [verdict_line(v) for v in sorted(named, key=lambda v: v.verdict not in _DECIDED)]
    pairs = dict.fromkeys((v.numerator, v.denominator) for v in named)
    lines = []
    for top, bottom in pairs:
        own = [v for v in named if (v.numerator, v.denominator) == (top, bottom)]
        told = [*_differences(own), *_same(own), *_open(own)]
        lines += [f"{top} against {bottom}: {line}" for line in told] if len(pairs) > 1 else told
    return lines


def _differences(named: Sequence[Verdict]) -> list[str]:
    lines = []
    for metric, label in _METRICS.items():
        for side in ("higher", "lower"):
            found = [
                v
                for v in named
                if v.metric == metric and v.verdict in _DECIDED and _side(v) == side
            ]
            if found:
                lines.append(
                    f"{label} is {side} in {found[0].numerator} than in {found[0].denominator} "
                    f"for {_listed(found)}."
                )
    return lines


def _same(named: Sequence[Verdict]) -> list[str]:
    found = [v for v in named if v.verdict == "no difference shown"]
    return [f"No difference beyond the threshold: {_listed(found, metric=True)}."] if found else []


def _open(named: Sequence[Verdict]) -> list[str]:
    lines = []
    for word, text in (("inconclusive", "Not decided by this run"), ("invalid", "Not judged")):
        found = [v for v in named if v.verdict == word]
        if found:
            lines.append(
                f"{text} ({len(found)} of {len(named)}): {_by_metric(found)}. Why stands with each "
                "verdict."
            )
    return lines


def _by_metric(verdicts: Sequence[Verdict]) -> str:
    """Names only: what is not decided has no number worth a first screen."""
    parts = []
    for metric, label in _METRICS.items():
        whats = [_what(v) for v in verdicts if v.metric == metric]
        if whats:
            parts.append(f"{label} of {', '.join(whats)}")
    return "; ".join(parts)


def _side(verdict: Verdict) -> str:
    return "higher" if (verdict.estimate or 1.0) > 1 else "lower"


def _listed(verdicts: Iterable[Verdict], *, metric: bool = False) -> str:
    return ", ".join(_item(v, metric=metric) for v in verdicts)


def _item(verdict: Verdict, *, metric: bool) -> str:
    what = _what(verdict)
    label = f"{_METRICS.get(verdict.metric, verdict.metric)} of {what}" if metric else what
    if verdict.estimate is None:
        return label
    return f"{label} (×{number(verdict.estimate)} {interval(verdict.low, verdict.high)})"


def _what(verdict: Verdict) -> str:
    mix = verdict.id.split("/")[1].partition("@")[0]
    return words(verdict.operation) if verdict.operation != ALL else f"the {words(mix)} load"
