"""What differs between the surroundings of runs, and so could explain a difference.

Neighbours: `run_comparison` refuses to call anything different that these differences may explain;
`build` keeps a run's surroundings beside its verdicts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.registry import loads_in
from bench.results.journal import Journal, Surroundings

# Facts that vary from minute to minute on one machine and say nothing about it.
_FLEETING = ("load", "free", "available", "uptime", "boot", "hostname", "time")
# Settings that are plans, results or the history of a run, not its surroundings. Nested settings
# are of that kind too: an experiment's own plan and what it found.
_PLANS = {
    "capacity_rps", "mixes", "deployments", "stopped", "resumed", "like",
}  # fmt: skip
_CONDITIONS = {"slo"}  # nested, but a condition
_SETTING = "setting"
_SHOWN = 4
_MISSING = "–"
UNKNOWN = "surroundings that a run without its journal does not state"
Facts = Mapping[str, str]


@dataclass(frozen=True)
class Difference:
    """A fact with its value in each of the runs."""

    name: str
    values: tuple[str, ...]


def environment_differences(first: Journal, second: Journal) -> list[Difference]:
    """Return every lasting fact that differs: machine, versions, control, commit, settings."""
    return differences([facts_of(first), facts_of(second)])


def differences(stated: Sequence[Facts | None]) -> list[Difference]:
    """Return every fact that differs between runs; None: a run does not state its facts."""
    known = [facts for facts in stated if facts is not None]
    full = [facts or {} for facts in stated]
    found = [
        Difference(name, tuple(facts.get(name, _MISSING) for facts in full))
        for name in dict.fromkeys(name for facts in known for name in facts)
        if _differs(name, known)
    ]
    if len(known) < len(stated):
        told = ("stated" if facts is not None else "not stated" for facts in stated)
        return [Difference(UNKNOWN, tuple(told)), *found]
    return found


def named_differences(different: Sequence[Difference]) -> str:
    """Return the first differing facts by name, and how many more there are."""
    names = ", ".join(each.name for each in different[:_SHOWN])
    more = len(different) - _SHOWN
    return f"{names} and {more} more" if more > 0 else names


def surroundings_of(journal: Journal) -> Surroundings:
    """Return a run's lasting facts and its plans."""
    return Surroundings(facts_of(journal), plans_of(journal))


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


def plans_of(journal: Journal) -> dict[str, str]:
    """Return what the run was told to do, and the loads that it found for itself, as flat text."""
    wanted = ("deployments", "mixes")
    asked = {k: v for k, v in journal.settings.items() if k in wanted}
    return {
        "started": journal.started_at,
        "command": journal.command,
        "seed": str(journal.seed),
        **_flat("asked for", asked),
        **_flat("load", loads_in(journal.settings)),
    }


def _differs(name: str, known: Sequence[Facts]) -> bool:
    """Whether runs disagree; one that did not measure a setting's experiment has no say in it."""
    values = {facts.get(name, _MISSING) for facts in known}
    return len(values - {_MISSING} if name.startswith(_SETTING) else values) > 1


def _is_condition(name: str, value: object) -> bool:
    return name in _CONDITIONS or (name not in _PLANS and not _nested(value))


def _nested(value: object) -> bool:
    parts = value if isinstance(value, list | tuple) else [value]
    return any(isinstance(part, Mapping | list | tuple) for part in parts)


def _flat(prefix: str, facts: Mapping[str, Any]) -> dict[str, str]:
    return {f"{prefix}: {name.replace('_', ' ')}": str(value) for name, value in facts.items()}
