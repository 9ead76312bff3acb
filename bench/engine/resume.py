"""What a run needs to be finished later: its options in the journal, and the checks before it.

A resumed run uses what the journal says, not today's defaults; it is refused where its trials
would not be comparable: another machine, another source, other versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from bench.engine.options import RunOptions
from bench.engine.progress import duration
from bench.errors import ShopbenchError
from bench.machine import machine_facts, package_versions, source_commit
from bench.registry import stood_in
from bench.results.journal import (
    CorruptResults,
    Journal,
    RunReader,
    RunWriter,
    utc_now,
)

OPTIONS, RESUMED = "options", "resumed"  # the settings
_SAME_MACHINE = (
    *("system", "kernel", "architecture", "cpu_model", "cpus", "usable_cpus"),
    *("memory_bytes", "virtual", "governor", "clock_source"),
)


@dataclass(frozen=True)
class Stored:
    """What a run was asked for: experiments and options."""

    experiments: list[str]
    options: RunOptions


def stored_options(names: list[str], options: RunOptions) -> dict[str, Any]:
    """The setting that `wanted` reads again."""
    found: dict[str, Any] = msgspec.to_builtins(Stored(names, options), enc_hook=str)
    return found


def wanted(settings: Mapping[str, Any], run_dir: Path) -> Stored:
    """What the run was asked for. Raises ShopbenchError (usage) if the journal does not say."""
    try:
        kept = settings[OPTIONS]
        found = msgspec.convert(kept, Stored, dec_hook=lambda kind, value: kind(value))
    except (KeyError, msgspec.ValidationError) as exc:
        raise ShopbenchError(f"{run_dir} does not say with what options it was run", 2) from exc
    return Stored(found.experiments, replace(found.options, results_root=run_dir.parent))


def reopen(run_dir: Path) -> tuple[RunWriter, Stored]:
    """Open an interrupted run to go on with it, and note that in its journal.

    Raises ShopbenchError (usage): finished, damaged, still being written, other machine or source.
    """
    try:
        reader = RunReader(run_dir, exact=True)
        reader.check_rows()
    except CorruptResults as exc:
        raise ShopbenchError(f"cannot resume: {exc.message}", 2) from exc
    journal = reader.journal
    if journal.finished_at is not None and not journal.interrupted:
        again = f"`shopbench report {run_dir}` writes its report again"
        raise ShopbenchError(f"cannot resume: {run_dir} is finished; {again}", 2)
    asked = wanted(journal.settings, run_dir)
    if reason := differs(journal, machine_facts(), source_commit()[0], package_versions()):
        raise ShopbenchError(f"cannot resume {run_dir}: {reason}", 2)
    writer = RunWriter.reopen(run_dir)
    _note(writer, journal)
    return writer, asked


def spent_before(journal: Journal) -> float:
    """Seconds this run has already taken, without the gaps between its sittings."""
    sittings = journal.settings.get(RESUMED, [])
    starts = [journal.started_at, *(each["at"] for each in sittings)]
    return sum(
        (datetime.fromisoformat(each["stopped_at"]) - datetime.fromisoformat(start)).total_seconds()
        for start, each in zip(starts, sittings, strict=False)
    )


def differs(
    journal: Journal, machine: Mapping[str, Any], commit: str | None, versions: Mapping[str, str]
) -> str:
    """Why trials of today would not belong to this run; "" if they do."""
    for name in _SAME_MACHINE:
        if machine.get(name) != journal.machine.get(name):
            was, now = journal.machine.get(name), machine.get(name)
            return f"it was begun on another machine ({name} {was}, here {now})"
    if (commit or "unknown") != journal.commit:
        return f"it was begun at commit {journal.commit[:12]}, here is {(commit or 'none')[:12]}"
    for name in sorted({*versions, *journal.versions}):
        if versions.get(name) != journal.versions.get(name):
            was, now = journal.versions.get(name), versions.get(name)
            return f"it was begun with {name} {was}, here is {now}"
    return ""


def _note(writer: RunWriter, journal: Journal) -> None:
    """State in the report when the run stopped, when it went on, and with what."""
    now = utc_now()
    started = [trial.started_at for trial in journal.trials]
    stopped = journal.finished_at or max(started, default=journal.started_at)
    gap_s = (datetime.fromisoformat(now) - datetime.fromisoformat(stopped)).total_seconds()
    entry = {"at": now, "stopped_at": stopped, "gap_s": gap_s, "trials": len(journal.trials)}
    writer.add_settings(**{RESUMED: [*journal.settings.get(RESUMED, []), entry]})
    whose = "the deployments are fresh ones, primed the same way"
    if stood_in(journal.settings):
        whose = "the services are the user's own, in whatever state they are"
    how = "interrupted" if journal.interrupted else "killed after its last trial began"
    writer.note(
        f"resumed at {now} after {duration(gap_s)}: {how} at {stopped} with "
        f"{len(journal.trials)} trials; {whose}"
    )
    if journal.dirty or source_commit()[1]:
        writer.note("resumed from a source tree with changes that are in no commit")
