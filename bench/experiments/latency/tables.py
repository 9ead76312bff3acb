"""The tables of the paired rounds: rows of text for the page, records for CSV files."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, product
from math import exp
from typing import Any

from bench.experiments.latency.findings import Findings
from bench.experiments.latency.server_timing import part_means
from bench.report.fields import Field
from bench.report.measures import (
    QUANTILES,
    PercentileRow,
    cpu_ms_per_request,
    idle_ms_per_s,
    level_of,
    pss_mib,
    sql_per_request,
)
from bench.report.naming import (
    belongs_to_deployment,
    deployment_order,
    interval,
    is_database,
    number,
    words,
)
from bench.report.records import key_of
from bench.report.section import ArmLevel
from bench.report.selection import Cell
from bench.results.dataset import ALL, TrialSample
from bench.results.paired.rounds import METRIC_NAMES, METRICS
from bench.stats.proportions import wilson
from bench.stats.quantiles import QuantileEstimate

MOST_REASONS = 40


def percentile_fields(row: PercentileRow) -> list[Field]:
    """Return mix, load, operation, deployment, requests, failed, p50, p95, p99."""
    return [
        Field(words(row.cell.mix), row.cell.mix),
        Field(_load_text(row.cell), row.cell.offered_rps),
        Field(words(row.operation), row.operation),
        Field(row.deployment, row.deployment),
        Field(f"{row.requests:,}", row.requests),
        _failed(row.failed, row.requests),
        *(_estimate(row.estimates[kind]) for kind in ("p50", "p95", "p99")),
    ]


def sql_rows(found: Findings) -> tuple[list[str], list[list[str]]]:
    """Return (deployments, rows of mix and `statements / commits` for each); empty if uncounted."""
    mixes = list(dict.fromkeys(s.trial.mix for s in found.samples))
    names = deployment_order(s.trial.deployment for s in found.samples)
    counts = {(m, name): sql_per_request(found.data, name, m) for m in mixes for name in names}
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
        rows.append(
            [
                deployment,
                number(memory.value) if memory else "–",
                number(sum(idle) / len(idle)) if idle else "–",
                *map(str, parts_of(own)),
            ]
        )
    return rows


def parts_of(samples: Sequence[TrialSample]) -> tuple[int, int]:
    """Return how many component processes and database servers were metered."""
    names = {n for s in samples for n in s.trial.usage if belongs_to_deployment(n)}
    databases = sum(is_database(name) for name in names)
    return len(names) - databases, databases


def error_rows(samples: Sequence[TrialSample]) -> list[list[str]]:
    """Return deployment, reason and count of every failed request, most frequent first."""
    counts: Counter[tuple[str, str]] = Counter()
    for sample in samples:
        for reason, n in sample.errors.items():
            counts[sample.trial.deployment, reason] += n
    ranked = counts.most_common(MOST_REASONS)
    return [[name, reason, f"{n:,}"] for (name, reason), n in ranked]


def time_parts(found: Findings) -> Iterator[dict[str, Any]]:
    """Records of the means of each part of the response time, by trial and operation."""
    for sample in found.samples:
        for operation in (ALL, *sample.slices):
            means = part_means(sample, operation)
            if means:
                parts = {f"{name.replace(' ', '_')}_ms_mean": ms for name, ms in means.items()}
                yield {**key_of(sample), "operation": operation, **parts}


def ratios_by_start(found: Findings) -> Iterator[dict[str, Any]]:
    """Records of what every start gave each pair, the second instance's included."""
    rounds = found.rounds
    names = deployment_order(rounds.deployments)
    for (bottom, top), role, metric in product(combinations(names, 2), rounds.roles, METRICS):
        made = rounds.logs(top, bottom, role, metric)
        ratios = made.ratios or (None,) * len(made.logs)
        for number_, log, ratio in zip(made.numbers, made.logs, ratios, strict=True):
            yield {
                "start": number_,
                "operation": role,
                "numerator": top,
                "denominator": bottom,
                "metric": METRIC_NAMES[metric],
                "log_ratio": log,
                "ratio": exp(log),
                "rounds": ratio.rounds if ratio else None,
                "clusters": ratio.clusters if ratio else None,
                "drift_log": ratio.drift if ratio else None,
            }


def percentile_records(rows: Sequence[PercentileRow]) -> Iterator[dict[str, Any]]:
    """Records of the pooled percentiles."""
    for row in rows:
        experiment, mix, offered_rps = row.cell.key
        for kind in QUANTILES:
            found = row.estimates[kind]
            yield {
                "experiment": experiment,
                "mix": mix,
                "offered_rps": offered_rps,
                "deployment": row.deployment,
                "operation": row.operation,
                "percentile": kind,
                "response_time_ms": found.value if found else None,
                "low_ms": found.low if found else None,
                "high_ms": found.high if found else None,
                "level": found.level if found else None,
                "requests": row.requests,
                "failed": row.failed,
                "trials": found.clusters if found else None,
                "from_invalid_trials": row.cell.tainted,
            }


def time_levels(rows: Iterable[PercentileRow]) -> Iterator[ArmLevel]:
    """Median and 95th percentile of each operation in each deployment."""
    for row in rows:
        for kind in ("p50", "p95"):
            if (found := row.estimates[kind]) is not None:
                what = f"{words(row.operation)}, {kind}"
                yield ArmLevel(what, row.deployment, "ms", found.value, found.low, found.high)


def cpu_levels(cells: Sequence[Cell]) -> Iterator[ArmLevel]:
    """CPU of a request of each mix in each deployment."""
    for cell in cells:
        for name in cell.deployments:
            found = level_of([cpu_ms_per_request(sample) for sample in cell.samples(name)])
            if found is not None:
                what = f"{words(cell.mix)}, CPU"
                yield ArmLevel(what, name, "ms", found.value, found.low, found.high)


def _load_text(cell: Cell) -> str:
    if cell.in_rounds:
        return "one at a time"
    return f"{cell.offered_rps:g}/s" if cell.offered_rps else "closed"


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
