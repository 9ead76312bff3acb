"""Puts a part's outcome into the run's journal and, unless it claims nothing, the state home."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.deployments.local.home import StateHome
from bench.experiments.laboratory import Laboratory
from bench.experiments.selftest.record import (
    BANDS,
    CLAIMS_NOTHING,
    SETTING,
    Origin,
    Outcome,
    PartResult,
    entry_of,
    keep,
    merged,
)


def publish(
    lab: Laboratory,
    part: str,
    outcomes: Sequence[Outcome],
    details: Mapping[str, Any],
    bands: Mapping[str, float] | None = None,
) -> None:
    """Store the outcome for this run's report and for later runs on this machine."""
    journal = lab.writer.journal
    origin = Origin(journal.run_id, journal.profile, journal.commit, journal.dirty)
    result = PartResult(part, outcomes, details, bands)
    entry = entry_of(result, origin)
    settings = {SETTING: merged(lab.setting(SETTING), part, entry)}
    if bands:
        settings[BANDS] = dict(bands)
    lab.writer.add_settings(**settings)
    if journal.profile != CLAIMS_NOTHING:
        keep(StateHome.from_environment(), result, entry)
