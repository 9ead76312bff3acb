"""The tables of the page as plain rows of text, so that the template only lays them out."""

from collections import Counter
from collections.abc import Sequence

from bench.journal import Trial, Verdict
from bench.report.analysis import Analysis, PercentileRow
from bench.report.dataset import TrialSample
from bench.report.fields import Field
from bench.report.measures import idle_ms_per_s, level_of, pss_mib, sql_per_request
from bench.report.naming import (
    belongs_to_deployment,
    deployment_order,
    interval,
    is_database,
    number,
    words,
)
from bench.report.selection import Cell
from bench.stats.proportions import wilson
from bench.stats.quantiles import QuantileEstimate


def percentile_fields(row: PercentileRow) -> list[Field]:
    """Return mix, load, operation, deployment, requests, failed, p50, p95, p99."""
    load = row.cell.offered_rps
    return [
        Field(words(row.cell.mix), row.cell.mix),
        Field(_load_text(row.cell), load),
        Field(words(row.operation), row.operation),
        Field(row.deployment, row.deployment),
        Field(f"{row.requests:,}", row.requests),
        _failed(row.failed, row.requests),
        *(_estimate(row.estimates[kind]) for kind in ("p50", "p95", "p99")),
    ]


def answer(verdict: Verdict) -> str:
    """Return which way a decided ratio goes, so that 'refuted' cannot be misread."""
    if verdict.estimate is None or verdict.verdict not in ("supported", "refuted"):
        return ""
    return f"it is {'higher' if verdict.estimate > 1 else 'lower'}"


def sql_rows(analysis: Analysis) -> tuple[list[str], list[list[str]]]:
    """Return (deployments, rows of mix and `statements / commits` for each); empty if uncounted."""
    data = analysis.data
    mixes = list(dict.fromkeys(s.trial.mix for s in data.load_trials))
    names = deployment_order(s.trial.deployment for s in data.load_trials)
    counts = {(mix, name): sql_per_request(data, name, mix) for mix in mixes for name in names}
    rows = [
        [words(mix), *(_per_request(counts[mix, name]) for name in names)]
        for mix in mixes
        if any(counts[mix, name] for name in names)
    ]
    return (names, rows) if rows else ([], [])


def cost_rows(samples: Sequence[TrialSample]) -> list[list[str]]:
    """Return deployment, memory in MiB, CPU-ms a second unasked, processes, database servers."""
    rows = []
    for deployment in deployment_order(s.trial.deployment for s in samples):
        own = [s for s in samples if s.trial.deployment == deployment]
        memory = level_of([pss_mib(s) for s in own])
        idle = [ms for s in own if (ms := idle_ms_per_s(s)) is not None]
        processes, databases = _parts(own)
        rows.append(
            [
                deployment,
                number(memory.value) if memory else "–",
                number(sum(idle) / len(idle)) if idle else "–",
                str(processes),
                str(databases),
            ]
        )
    return rows


def quality_rows(trials: Sequence[Trial]) -> list[list[str]]:
    """Return deployment, trials, valid, flagged, invalid (with its share's interval), reruns."""
    rows = []
    for name in deployment_order(t.deployment for t in trials):
        own = [t for t in trials if t.deployment == name]
        status = Counter(t.status for t in own)
        share = wilson(status["invalid"], len(own))
        rows.append(
            [
                name,
                str(len(own)),
                str(status["valid"]),
                str(status["flagged"]),
                f"{status['invalid']} ({share.estimate:.0%} [{share.low:.0%}, {share.high:.0%}])",
                str(sum(t.attempt > 0 for t in own)),
                f"{sum(t.skipped for t in own):,}",
            ]
        )
    return rows


def error_rows(samples: Sequence[TrialSample]) -> list[list[str]]:
    """Return deployment, reason and count of every failed request, most frequent first."""
    counts: Counter[tuple[str, str]] = Counter()
    for sample in samples:
        for reason, n in sample.errors.items():
            counts[sample.trial.deployment, reason] += n
    return [[name, reason, f"{n:,}"] for (name, reason), n in counts.most_common(40)]


def failed_gates(trials: Sequence[Trial]) -> list[list[str]]:
    """Return trial, gate, value and limit of every gate that flagged or failed."""
    return [
        [
            trial.trial_id,
            words(gate.name),
            gate.outcome,
            f"{number(gate.value)} {gate.unit}" if gate.value is not None else "not measurable",
            f"{number(gate.limit)} {gate.unit}" if gate.limit is not None else "–",
        ]
        for trial in trials
        for gate in trial.gates
        if gate.outcome != "pass"
    ]


def _load_text(cell: Cell) -> str:
    if cell.in_rounds:
        return "one at a time"
    return f"{cell.offered_rps:g}/s" if cell.offered_rps else "closed"


def _parts(samples: Sequence[TrialSample]) -> tuple[int, int]:
    names = {n for s in samples for n in s.trial.usage if belongs_to_deployment(n)}
    databases = sum(is_database(name) for name in names)
    return len(names) - databases, databases


def _per_request(counts: tuple[float | None, float | None] | None) -> str:
    return f"{number(counts[0])} / {number(counts[1])}" if counts else "–"


def _failed(count: int, n: int) -> Field:
    if not n:
        return Field("–", 0.0)
    share = wilson(count, n)
    text = "0" if not count else f"{count:,} ({share.estimate:.2%})"
    return Field(text, count)


def _estimate(estimate: QuantileEstimate | None) -> Field:
    if estimate is None:
        return Field("too few", -1.0)
    trials = "" if estimate.clusters > 1 else "one sample"
    return Field(
        f"{number(estimate.value)} {interval(estimate.low, estimate.high)}", estimate.value, trials
    )
