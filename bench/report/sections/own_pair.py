"""What was measured in a run on the user's own services: which, under what load, what is unknown.

Neighbours: `questions` compares them, `limits` says what that cannot show.
"""

from collections.abc import Mapping
from typing import Any

from bench.report.dataset import RunData
from bench.report.naming import number, own_names
from bench.report.sections.base import Section
from bench.report.selection import Cell, cells_of

_UNKNOWN_GATES = {
    "foreign_cpu": "CPU of others on this machine (it takes the process id of every service)",
    "outbox": "work left after the last answer",
    "schema_violations": "answers against a schema",
}


def section(data: RunData) -> Section | None:
    """Return the section, None for a run on the shop."""
    names = own_names(data.journal.settings)
    if not names:
        return None
    facts: Mapping[str, Any] = data.journal.settings["own_pair"]
    file = facts.get("locustfile")
    load = (
        f"the tasks of {file} (SHA-256 {str(facts.get('locustfile_sha256'))[:12]}), visits "
        "arriving open-loop, each visit one task on a free user of that file"
        if file
        else "the shop's own mixes"
    )
    unknown = _unknown(data)
    return Section(
        anchor="services",
        title="The services and the load",
        after="ladder",
        template="sections/own_pair.html",
        context={
            "rows": [_row(name, names[0], facts) for name in names],
            "load": load,
            "visits": _visits(data),
            "unknown": unknown,
            "loads": [_load_row(cell) for cell in cells_of(data.load_trials)],
        },
        summary=(
            f"Load: {load}. Baseline: {names[0]}. Servers started and pinned by the user: "
            "uncontrolled unless pinned.",
            *(
                [f"Not measured, so flagged in every trial: {'; '.join(unknown)}."]
                if unknown
                else []
            ),
        ),
    )


def _row(name: str, baseline: str, facts: Mapping[str, Any]) -> list[str]:
    pid = facts.get("pids", {}).get(name)
    cpus = facts.get("pinned_to_cpus", {}).get(name)
    return [
        f"{name} (baseline)" if name == baseline else name,
        str(facts["urls"].get(name, "unknown")),
        "metered" if pid else "not measured: no process id was given",
        ", ".join(map(str, cpus)) if cpus else "unknown",
    ]


def _visits(data: RunData) -> list[str]:
    probed = data.journal.settings.get("probed", {})
    if not data.journal.settings["own_pair"].get("locustfile"):
        return []
    return [
        f"{mix}: {number(found['steps_per_visit'])} requests per visit on average, as probed"
        for mix, found in probed.items()
    ]


def _unknown(data: RunData) -> list[str]:
    """Say which gates no trial could be held against."""
    seen = {gate.name for trial in data.judged_trials for gate in trial.gates if gate.value is None}
    return [text for name, text in _UNKNOWN_GATES.items() if name in seen]


def _load_row(cell: Cell) -> list[str]:
    return [cell.mix, f"{cell.offered_rps:g}", str(len(cell.blocks)), str(len(cell.spoiled))]
