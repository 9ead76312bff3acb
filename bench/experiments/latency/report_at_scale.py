"""Benchmark of the report: a run of ten million made-up rows, analysed and reported.

    python -m bench.experiments.latency.report_at_scale [--rows N]

The report is made in a process of its own. Prints JSON; the run is removed again. The promise: less
than 60 s and less than 3 GB.
"""

import argparse
import json
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.child_python import child_python
from bench.experiments.latency.records import NAME
from bench.machine import machine_facts, package_versions
from bench.report.naming import DEPLOYMENTS
from bench.results.journal import ComponentUsage, Gate, RunFacts, RunWriter, Trial, rows_table

ROWS, BLOCKS = 10_000_000, 8
MEASURED_S = 600.0
OPERATIONS = ("product_get", "product_list", "order_place", "overview")
_ARRIVALS_BEGIN_S = 2.0


def write_run(root: Path, rows: int = ROWS, *, blocks: int = BLOCKS) -> Path:
    """Write a run of four deployments and `rows` requests, all in the measured windows."""
    settings = {"request_timeout_s": 5.0, "slo_ms": 200.0}
    facts = RunFacts(
        command="python -m bench.experiments.latency.report_at_scale", commit="0" * 40, dirty=False,
        machine=machine_facts(), versions=package_versions(), settings=settings,
        profile="standard", seed=1, controlled=False,
    )  # fmt: skip
    writer = RunWriter.create(root, "scale", facts)
    rng = np.random.default_rng(1)
    each = rows // (blocks * len(DEPLOYMENTS))
    base = _columns(rng, each)
    for block in range(blocks):
        for position, deployment in enumerate(DEPLOYMENTS):
            sent = base["due_s"] + 0.0001
            done = sent + rng.lognormal(-6.0, 0.4, each) * (1 + position)
            trial = _trial(block, position, deployment, each)
            writer.add_trial(trial, rows_table({**base, "sent_s": sent, "done_s": done}))
    writer.finish()
    return writer.path


def measure(run_dir: Path) -> dict[str, Any]:
    """Analyse and report a run; return seconds by stage, CPU seconds and peak memory in bytes."""
    started = time.monotonic()
    from bench.report.analysis import analyse  # noqa: PLC0415 - the imports are part of the cost
    from bench.report.build import write_report  # noqa: PLC0415

    imported = time.monotonic()
    analysis = analyse(run_dir)
    analysed = time.monotonic()
    write_report(analysis)
    ended = time.monotonic()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "trials": len(analysis.data.trials),
        "rows": sum(sample.requests for sample in analysis.data.trials),
        "import_s": round(imported - started, 2),
        "load_and_analyse_s": round(analysed - imported, 2),
        "figures_and_page_s": round(ended - analysed, 2),
        "wall_s": round(ended - started, 2),
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "peak_rss_bytes": used.ru_maxrss * 1024,
    }


def run_benchmark(rows: int = ROWS) -> dict[str, Any]:
    """Write a run into a temporary folder and measure its report in a fresh process."""
    with tempfile.TemporaryDirectory(prefix="shopbench-scale-") as folder:
        run_dir = write_run(Path(folder), rows)
        module = "bench.experiments.latency.report_at_scale"
        command = child_python("-m", module, "--run", str(run_dir))
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=1800)
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def _columns(rng: np.random.Generator, count: int) -> dict[str, Any]:
    """The columns that all trials share."""
    names = np.array(OPERATIONS)
    return {
        "due_s": np.sort(rng.uniform(0.0, MEASURED_S, count)) + _ARRIVALS_BEGIN_S,
        "status": np.full(count, 200, dtype=np.int16),
        "bytes": np.full(count, 300, dtype=np.int32),
        "operation": names[rng.integers(0, names.size, count)],
        "journey": np.full(count, "look"),
        "error": np.full(count, ""),
        "visit": np.arange(count, dtype=np.int32),
        "app_ms": rng.lognormal(0.0, 0.3, count).astype(np.float32),
        "db_ms": rng.lognormal(-1.0, 0.3, count).astype(np.float32),
    }


def _trial(block: int, position: int, deployment: str, count: int) -> Trial:
    name = f"{NAME}-mixed-b{block:03d}-{deployment}"
    return Trial(
        trial_id=name, experiment=NAME, block=block, position=position,
        deployment=deployment, mix="mixed", offered_rps=round(count / MEASURED_S, 1), seed=block,
        schedule_sha256="0" * 64, warmup_s=_ARRIVALS_BEGIN_S, measured_s=MEASURED_S,
        measured_from_s=_ARRIVALS_BEGIN_S, measured_to_s=_ARRIVALS_BEGIN_S + MEASURED_S + 1.0,
        planned=count, sent=count, skipped=0, status="valid",
        gates=(Gate("steal", 0.0, 0.01, "share", "pass"),),
        usage={deployment: ComponentUsage(count * 0.001 * (1 + position), 2**27)},
        sql=None, lag_ms_p99=0.1, started_at="2026-01-01T00:00:00Z",
        rows_file=f"rows/{name}.parquet", cpu_requests=count,
    )  # fmt: skip


def main() -> None:
    """Print the benchmark, or with --run the measurement of one run, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="how many requests to make up")
    parser.add_argument("--run", type=Path, help="measure the report of this run instead")
    options = parser.parse_args()
    found = measure(options.run) if options.run else run_benchmark(options.rows)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
