"""Runs held against each other, for tests of what moved between them."""

from collections.abc import Sequence
from pathlib import Path

from bench.report.agreement import agreement
from bench.report.compared_run import read_compared
from bench.report.run_comparison import Change, shared_metrics


def changes_between(paths: Sequence[Path]) -> tuple[list[Change], str]:
    """Every change that the runs show, and the sentence on them."""
    runs = [read_compared(path) for path in paths]
    metrics = shared_metrics(runs)
    found = [change for metric in metrics for change in metric.changes]
    return found, agreement(runs, metrics, []).line
