"""The first screen: the result in plain words, then the source's comparison table, cell by cell.

Neighbours: `verdicts` judged, `page` and `summary` print.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.journal import Verdict
from bench.report.analysis import Analysis
from bench.report.capacity import capacity_cell
from bench.report.measures import METRIC_NAMES, sql_per_request
from bench.report.naming import (
    ALL,
    belongs_to_deployment,
    interval,
    is_database,
    number,
    words,
)
from bench.report.verdicts import SMOKE_NOTE

UNMEASURED = "not measured in this run"
_METRICS = {METRIC_NAMES["p50"]: "p50 response time", METRIC_NAMES["cpu"]: "CPU per request"}
_DECIDED = ("supported", "refuted")


@dataclass(frozen=True)
class ComparisonRow:
    """A row of the source's comparison table. `command`: what measures it, `built`: or will."""

    feature: str
    measured_as: str
    command: str
    built: bool
    monolith: str = UNMEASURED
    microservices: str = UNMEASURED

    @property
    def how(self) -> str:
        """The command in words."""
        run = f"shopbench run {self.command}"
        return run if self.built else f"planned: {run} (this version has no such experiment yet)"


def plain_words(analysis: Analysis) -> list[str]:
    """Return the result of the metrics named beforehand in a few sentences, decided ones first."""
    named = analysis.named
    if not named:
        return []
    if analysis.data.journal.profile == "smoke":
        return [f"Nothing is claimed: {SMOKE_NOTE}."]
    pairs = dict.fromkeys((v.numerator, v.denominator) for v in named)
    lines = []
    for top, bottom in pairs:
        own = [v for v in named if (v.numerator, v.denominator) == (top, bottom)]
        told = [*_differences(own), *_same(own), *_open(own)]
        lines += [f"{top} against {bottom}: {line}" for line in told] if len(pairs) > 1 else told
    return lines


def comparison(analysis: Analysis) -> list[ComparisonRow]:
    """Return the six rows of the source's table; only what this run can fill is filled."""
    arms = ("monolith", "microservices")
    return [
        ComparisonRow("Codebase", "lines, contracts, deployables", "complexity", False),
        ComparisonRow(
            "Scalability", "highest load that meets the SLO, and its CPU", "capacity", True,
            *(capacity_cell(analysis.data, name) or UNMEASURED for name in arms),
        ),
        ComparisonRow("Deployment", "redeploy under load", "redeploy", False),
        ComparisonRow("Technology", "one component on another stack", "technology", False),
        ComparisonRow("Failure impact", "fault × journey matrix", "failure", False),
        ComparisonRow(
            "Complexity", "moving parts, counted from the running system", "latency", True,
            *(_moving_parts(analysis, name) for name in arms),
        ),
    ]  # fmt: skip


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


def _moving_parts(analysis: Analysis, deployment: str) -> str:
    cell = analysis.main_cell
    samples = cell.samples(deployment) if cell else []
    names = {n for s in samples for n in s.trial.usage if belongs_to_deployment(n)}
    if not names or cell is None:
        return UNMEASURED
    databases = sum(is_database(name) for name in names)
    text = f"{_plural(len(names) - databases, 'component process', 'component processes')}, "
    text += _plural(databases, "database server", "database servers")
    sql = sql_per_request(analysis.data, deployment, cell.mix)
    return text + (f"; {number(sql[1])} commits per request" if sql else "")


def _plural(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
