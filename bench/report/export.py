"""Tidy CSV files of a run, for a spreadsheet or a notebook: one observation a line, units in names.

Neighbours: `analysis` computes what is exported.
"""

from collections.abc import Iterator
from itertools import combinations, product
from math import exp
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pyarrow.csv as pa_csv

from bench.errors import ShopbenchError
from bench.journal import RunReader, Verdict
from bench.paired.rounds import METRIC_NAMES, METRICS
from bench.report.analysis import Analysis, analyse
from bench.report.capacity import curve_cells, searches_of
from bench.report.consistency import EpisodeResult, results_of
from bench.report.dataset import TrialSample
from bench.report.figures.goodput import KINDS, good_share, lost_requests
from bench.report.measures import QUANTILES, cpu_ms_per_request, trial_value
from bench.report.naming import ALL, deployment_order
from bench.report.timing import part_means


def export_csv(run_dir: Path, out: Path, *, rows: bool = False) -> list[Path]:
    """Write trials, gates, usage, percentiles and verdicts as CSV into `out`; return the files.

    Where the run has them also: ratios of each start, facts of the trials, parts of the response
    time, goodput with losses by kind, capacity searches, audited invariants, transient anomalies.

    `rows`: also one CSV a trial with every request. Raises CorruptResults or ShopbenchError.
    """
    analysis = analyse(run_dir)
    tables = {
        "trials": [_trial(sample) for sample in analysis.data.trials],
        "gates": list(_gates(analysis)),
        "usage": list(_usage(analysis)),
        "percentiles_by_trial": list(_by_trial(analysis)),
        "percentiles": list(_pooled(analysis)),
        "verdicts": [_verdict(verdict) for verdict in analysis.verdicts],
        **{name: found for name, found in _extra(analysis).items() if found},
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        written = [_write(out / f"{name}.csv", records) for name, records in tables.items()]
        return [*written, *(_rows(run_dir, out) if rows else ())]
    except OSError as exc:
        raise ShopbenchError(f"cannot write CSV files in {out}: {exc.strerror}", 3) from exc


def _extra(analysis: Analysis) -> dict[str, list[dict[str, Any]]]:
    """Tables that only some runs have."""
    return {
        "facts": list(_facts(analysis)),
        "time_parts_by_trial": list(_time_parts(analysis)),
        "goodput": list(_goodput(analysis)),
        "ratios_by_start": list(_ratios_by_start(analysis)),
        "capacity_searches": list(_searches(analysis)),
        "consistency": list(_invariants(analysis)),
        "transient_anomalies": list(_transients(analysis)),
    }


def _facts(analysis: Analysis) -> Iterator[dict[str, Any]]:
    for sample in analysis.data.trials:
        for name, value in sample.trial.facts.items():
            yield {**_key(sample), "fact": name, "value": value}


def _time_parts(analysis: Analysis) -> Iterator[dict[str, Any]]:
    for sample in analysis.data.load_trials:
        for operation in (ALL, *sample.slices):
            means = part_means(sample, operation)
            if means:
                parts = {f"{name.replace(' ', '_')}_ms_mean": ms for name, ms in means.items()}
                yield {**_key(sample), "operation": operation, **parts}


def _ratios_by_start(analysis: Analysis) -> Iterator[dict[str, Any]]:
    """Paired rounds: what every start gave each pair, the second instance's included."""
    rounds = analysis.data.rounds
    names = deployment_order(rounds.deployments)
    for (bottom, top), role, metric in product(combinations(names, 2), rounds.roles, METRICS):
        found = rounds.logs(top, bottom, role, metric)
        made = found.ratios or (None,) * len(found.logs)
        for number, log, ratio in zip(found.numbers, found.logs, made, strict=True):
            yield {
                "start": number,
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


def _goodput(analysis: Analysis) -> Iterator[dict[str, Any]]:
    for cell in (*analysis.cells, *curve_cells(analysis.data)):
        for deployment in cell.deployments if cell.offered_rps else ():
            lost, planned = lost_requests(cell, deployment)
            share = good_share(cell, deployment)
            experiment, mix, offered_rps = cell.key
            yield {
                "experiment": experiment,
                "mix": mix,
                "offered_rps": offered_rps,
                "deployment": deployment,
                "planned": planned,
                "goodput_share": share.estimate if share else None,
                "low": share.low if share else None,
                "high": share.high if share else None,
                **{f"lost: {kind}": lost[kind] for kind in KINDS},
            }


def _searches(analysis: Analysis) -> Iterator[dict[str, Any]]:
    for search in searches_of(analysis.data):
        yield msgspec.structs.asdict(search.end)


def _invariants(analysis: Analysis) -> Iterator[dict[str, Any]]:
    for result in results_of(analysis.data):
        for verdict in result.audit.verdicts:
            yield {
                **_episode(result),
                "invariant": verdict.invariant,
                "outcome": verdict.outcome,
                "checked": verdict.checked,
                "violations": len(verdict.evidence),
                "reason": verdict.reason,
            }


def _transients(analysis: Analysis) -> Iterator[dict[str, Any]]:
    for result in results_of(analysis.data):
        for sample in result.samples:
            for seen in sample.seen:
                yield {
                    **_episode(result),
                    "seen_at_s": sample.time_s - result.begun_s,
                    "invariant": seen.invariant,
                    "what": seen.what,
                    "subject": seen.subject,
                    "age_s": seen.age_s,
                }


def _episode(result: EpisodeResult) -> dict[str, Any]:
    names = ("episode_id", "deployment", "phase", "attempt", "status")
    return {name: getattr(result.episode, name) for name in names}


def _write(path: Path, records: list[dict[str, Any]]) -> Path:
    pd.DataFrame.from_records(records).to_csv(path, index=False)
    return path


def _rows(run_dir: Path, out: Path) -> Iterator[Path]:
    reader = RunReader(run_dir)
    (out / "rows").mkdir(exist_ok=True)
    for trial in reader.trials:
        path = out / "rows" / f"{trial.trial_id}.csv"
        pa_csv.write_csv(reader.rows(trial.trial_id), path)
        yield path


def _trial(sample: TrialSample) -> dict[str, Any]:
    trial = sample.trial
    kept = ("started_at", "seed", "status", "loop", "planned", "sent", "skipped", "lag_ms_p99")
    return {
        **_key(sample),
        **{name: getattr(trial, name) for name in kept},
        "warmup_s": trial.warmup_s,
        "measured_s": trial.measured_s,
        "requests_measured": sample.requests,
        "failed": sample.failures[ALL],
        "unanswered": sample.unanswered,
        "goodput_rps": sample.good_rps,
        "cpu_ms_per_request": cpu_ms_per_request(sample),
        "cpu_requests": trial.cpu_requests,
        "sql_statements": trial.sql.statements if trial.sql else None,
        "sql_commits": trial.sql.commits if trial.sql else None,
    }


def _gates(analysis: Analysis) -> Iterator[dict[str, Any]]:
    for sample in analysis.data.trials:
        for gate in sample.trial.gates:
            named = {"gate": gate.name, "value": gate.value, "limit": gate.limit}
            yield {**_key(sample), **named, "unit": gate.unit, "outcome": gate.outcome}


def _usage(analysis: Analysis) -> Iterator[dict[str, Any]]:
    for sample in analysis.data.trials:
        for component, used in sample.trial.usage.items():
            yield {
                **_key(sample),
                "component": component,
                "cpu_seconds": used.cpu_seconds,
                "pss_bytes": used.pss_bytes,
            }


def _by_trial(analysis: Analysis) -> Iterator[dict[str, Any]]:
    for sample in analysis.data.trials:
        for operation in (ALL, *sample.slices):
            times = {
                f"response_time_ms_{kind}": trial_value(sample, kind, operation)
                for kind in ("p50", "p95", "p99")
            }
            requests = int(sample.response[sample.where(operation)].size)
            failed = sample.failures[operation]
            named = {"operation": operation, "requests": requests, "failed": failed}
            yield {**_key(sample), **named, **times}


def _pooled(analysis: Analysis) -> Iterator[dict[str, Any]]:
    for row in analysis.percentiles:
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


def _verdict(verdict: Verdict) -> dict[str, Any]:
    fields = {name: getattr(verdict, name) for name in Verdict.__dataclass_fields__}
    return {**fields, "claims": " ".join(verdict.claims)}


def _key(sample: TrialSample) -> dict[str, Any]:
    names = ("trial_id", "experiment", "mix", "offered_rps", "block", "attempt", "position")
    trial = sample.trial
    return {**{name: getattr(trial, name) for name in names}, "deployment": trial.deployment}
