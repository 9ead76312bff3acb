"""What a run's journal holds of it."""

from __future__ import annotations

import msgspec

from bench.experiments.complexity.records import NAME, Counted
from bench.results.dataset import RunData
from bench.results.journal import CorruptResults


def counted_in(data: RunData) -> Counted | None:
    """What was counted and tried; None if the run has none of it. Raises CorruptResults."""
    raw = data.journal.settings.get(NAME)
    if raw is None:
        return None
    try:
        return msgspec.convert(raw, Counted)
    except msgspec.ValidationError as exc:
        raise CorruptResults(f"{data.path}: settings.{NAME}: {exc}") from exc
