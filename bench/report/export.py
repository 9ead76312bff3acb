"""Tidy CSV files of a run, for a spreadsheet or a notebook: one observation a line, units in names.

Neighbours: `analysis` computes what is exported.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from bench.errors import ShopbenchError
from bench.files import make_folder, replace_file
from bench.report.analysis import Analysis, analyse
from bench.report.measures import cpu_ms_per_request, trial_value
from bench.report.naming import ALL
from bench.report.records import key_of
from bench.report.section import Records
from bench.results.dataset import TrialSample
from bench.results.journal import RunReader
from bench.results.verdict import Verdict


def export_csv(run_dir: Path, out: Path, *, rows: bool = False) -> list[Path]:
    """Write trials, gates, usage, percentiles and verdicts as CSV into `out`; return the files.

    Where the run has them also the tables of its experiments: ratios of each start, percentiles,
    parts of the response time, goodput with losses by kind, searches, audited invariants, ….

    `rows`: also one CSV a trial with every request. Raises CorruptResults or ShopbenchError.
    """
    analysis = analyse(run_dir)
    tables: dict[str, Records] = {
        "trials": [_trial(sample) for sample in analysis.data.trials],
        "gates": list(_gates(analysis)),
        "usage": list(_usage(analysis)),
        "percentiles_by_trial": list(_by_trial(analysis)),
        "verdicts": [_verdict(verdict) for verdict in analysis.verdicts],
        "facts": list(_facts(analysis)),
    }
    for section in analysis.sections:
        tables |= section.tables
    tables = {name: records for name, records in tables.items() if records}
    try:
        out.mkdir(parents=True, exist_ok=True)
        written = [_write(out / f"{name}.csv", records) for name, records in tables.items()]
        return [*written, *(_rows(run_dir, out) if rows else ())]
    except OSError as exc:
        raise ShopbenchError(f"cannot write CSV files in {out}: {exc.strerror}", 3) from exc


def _facts(analysis: Analysis) -> Iterator[dict[str, Any]]:
    for sample in analysis.data.trials:
        for name, value in sample.trial.facts.items():
            yield {**key_of(sample), "fact": name, "value": value}


def _write(path: Path, records: Records) -> Path:
    replace_file(path, pd.DataFrame.from_records(records).to_csv(index=False).encode(), sync=False)
    return path


def _rows(run_dir: Path, out: Path) -> Iterator[Path]:
    reader, folder = RunReader(run_dir), out / "rows"
    make_folder(folder)
    for trial in reader.trials:
        path, lines = folder / f"{trial.trial_id}.csv", pa.BufferOutputStream()
        pa_csv.write_csv(reader.rows(trial.trial_id), lines)
        replace_file(path, lines.getvalue(), sync=False)
        yield path


def _trial(sample: TrialSample) -> dict[str, Any]:
    trial = sample.trial
    kept = ("started_at", "seed", "status", "loop", "planned", "sent", "skipped", "lag_ms_p99")
    return {
        **key_of(sample),
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
            yield {**key_of(sample), **named, "unit": gate.unit, "outcome": gate.outcome}


def _usage(analysis: Analysis) -> Iterator[dict[str, Any]]:
    for sample in analysis.data.trials:
        for component, used in sample.trial.usage.items():
            yield {
                **key_of(sample),
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
            yield {**key_of(sample), **named, **times}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    fields = {name: getattr(verdict, name) for name in Verdict.__dataclass_fields__}
    return {**fields, "claims": " ".join(verdict.claims)}
