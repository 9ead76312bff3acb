"""Puts a part's outcome into the run's journal and, if something was judged, the state home."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.deployments.local.home import StateHome
from bench.engine.run_context import RunContext
from bench.experiments.selftest.record import (
    SETTING,
    Origin,
    Outcome,
    PartResult,
    entry_of,
    keep,
    merged,
)
from bench.machine import source_commit
from bench.results.journal import Journal, utc_now


def publish(
    ctx: RunContext, part: str, outcomes: Sequence[Outcome], details: Mapping[str, Any]
) -> None:
    """Store the outcome for this run's report and for later runs on this machine."""
    journal = ctx.writer.journal
    origin = Origin(journal.run_id, journal.profile, journal.commit, journal.dirty)
    result = PartResult(part, outcomes, details)
    entry = entry_of(result, origin)
    ctx.writer.add_settings(**{SETTING: merged(ctx.setting(SETTING), part, entry)})
    _keep(result, entry)


def publish_again(
    journal: Journal, part: str, outcomes: Sequence[Outcome], details: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Keep what today's rules say of a part that a run recorded; return the outcomes as rows.

    The run's own journal stays as it was.
    """
    commit, dirty = source_commit()
    again = {"judged_again": {"at": utc_now(), "commit": commit, "dirty": dirty}}
    result = PartResult(part, outcomes, {**details, **again})
    entry = entry_of(result, Origin(journal.run_id, journal.profile, journal.commit, journal.dirty))
    _keep(result, entry)
    return list(entry["outcomes"])


def _keep(result: PartResult, entry: Mapping[str, Any]) -> None:
    """For later runs, unless it claims nothing: what was judged before is worth more."""
    if any(outcome.word != "not judged" for outcome in result.outcomes):
        keep(StateHome.from_environment(), result, entry)
