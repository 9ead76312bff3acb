"""What differs between the surroundings of two runs, and so could explain a difference.

Neighbours: `run_comparison` refuses to call anything different that these differences may explain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.results.journal import Journal

# Facts that vary from minute to minute on one machine and say nothing about it.
_FLEETING = ("load", "free", "available", "uptime", "boot", "hostname", "time")
# Settings that are plans, results or the history of a run, not its surroundings. Nested settings
# are of that kind too: an experiment's own plan and what it found.
_PLANS = {
    "capacity_rps", "mixes", "deployments", "stopped", "resumed",
}  # fmt: skip
_CONDITIONS = {"slo"}  # nested, but a condition
_SETTING = "setting"
_SHOWN = 4


@dataclass(frozen=True)
class Difference:
    """A fact with its value in both runs."""

    name: str
    first: str
    second: str


def environment_differences(first: Journal, second: Journal) -> list[Difference]:
    """Return every lasting fact that differs: machine, versions, control, commit, settings."""
    ours, theirs = facts_of(first), facts_of(second)
    return [
        Difference(name, ours.get(name, "–"), theirs.get(name, "–"))
        for name in dict.fromkeys([*ours, *theirs])
        if ours.get(name) != theirs.get(name) and not _of_one_run(name, ours, theirs)
    ]


def named_differences(different: Sequence[Difference]) -> str:
    """Return the first differing facts by name, and how many more there are."""
    names = ", ".join(each.name for each in different[:_SHOWN])
    more = len(different) - _SHOWN
    return f"{names} and {more} more" if more > 0 else names


def facts_of(journal: Journal) -> dict[str, str]:
    """Return the lasting facts of a run as flat text."""
    machine = {k: v for k, v in journal.machine.items() if not any(f in k for f in _FLEETING)}
    # Runs from before there were containers do not say where they were measured.
    stated = {"place": "local", **journal.settings}
    settings = {k: v for k, v in stated.items() if _is_condition(k, v)}
    return {
        "commit": journal.commit,
        "local changes": str(journal.dirty),
        **_flat("machine", machine),
        **_flat("version", journal.versions),
        "CPU budget and pinning enforced": str(journal.controlled),
        "profile": journal.profile,
        **_flat(_SETTING, settings),
    }


def _of_one_run(name: str, ours: Mapping[str, str], theirs: Mapping[str, str]) -> bool:
    """Whether it is a setting of an experiment that only one of the runs measured."""
    return name.startswith(_SETTING) and (name not in ours or name not in theirs)


def _is_condition(name: str, value: object) -> bool:
    return name in _CONDITIONS or (name not in _PLANS and not _nested(value))


def _nested(value: object) -> bool:
    parts = value if isinstance(value, list | tuple) else [value]
    return any(isinstance(part, Mapping | list | tuple) for part in parts)


def _flat(prefix: str, facts: Mapping[str, Any]) -> dict[str, str]:
    return {f"{prefix}: {name.replace('_', ' ')}": str(value) for name, value in facts.items()}
