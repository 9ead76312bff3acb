"""Records for CSV files: what names a trial in every table."""

from typing import Any

from bench.results.dataset import TrialSample

_NAMES = ("trial_id", "experiment", "mix", "offered_rps", "block", "attempt", "position")


def key_of(sample: TrialSample) -> dict[str, Any]:
    """Return the columns by which tables can be joined."""
    trial = sample.trial
    return {**{name: getattr(trial, name) for name in _NAMES}, "deployment": trial.deployment}
