"""How good the run was, in tables: gates by deployment, stops, resumes.

Neighbours: `figures.quality` draws every gate of every trial.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from bench.report.naming import deployment_order, number, words
from bench.results.journal import Journal, Trial
from bench.stats.proportions import wilson

_GATES_TOLD = 2  # in the line of trust; the section on quality has them all


def trust_words(journal: Journal, trials: Sequence[Trial]) -> list[str]:
    """Return how far to trust a run, whatever it measured: its machine, and what was invalid."""
    told = []
    cpus = journal.machine.get("cpus")
    if isinstance(cpus, int):
        kind = "virtual CPU" if journal.machine.get("virtual") else "CPU"
        told.append(f"{cpus} {kind}{'s' if cpus != 1 else ''}")
    if invalid := [trial for trial in trials if trial.status == "invalid"]:
        whole = f"{len(invalid)} of {len(trials)} trials invalid"
        why = _failed_gates(invalid)
        told.append(f"{whole} ({why})" if why else whole)
    return told


def _failed_gates(trials: Sequence[Trial]) -> str:
    """The gates that failed, the most frequent first."""
    failed = Counter(g.name for t in trials for g in t.gates if g.outcome == "fail")
    return ", ".join(words(name) for name, _ in failed.most_common(_GATES_TOLD))


def gate_rows(trials: Sequence[Trial]) -> tuple[list[str], list[list[str]]]:
    """Return (deployments, rows of gate and `passed / flagged / failed` for each deployment)."""
    names = deployment_order(t.deployment for t in trials if t.gates)
    gates = list(dict.fromkeys(gate.name for trial in trials for gate in trial.gates))
    counts = Counter(
        (gate.name, trial.deployment, gate.outcome) for trial in trials for gate in trial.gates
    )
    rows = []
    for gate in gates:
        cells = [[counts[gate, name, word] for word in ("pass", "flag", "fail")] for name in names]
        rows.append([words(gate), *(" / ".join(map(str, c)) if any(c) else "–" for c in cells)])
    return names, rows


def stop_rows(journal: Journal) -> list[list[str]]:
    """Return why it was not measured longer: settings `stopped`, or an experiment's own."""
    own = {
        name: value["stopped"]
        for name, value in journal.settings.items()
        if isinstance(value, Mapping) and "stopped" in value
    }
    rows = [[words(name), _told(why)] for name, why in own.items()]
    return rows + _stopped(journal.settings.get("stopped"))


def _stopped(stopped: object) -> list[list[str]]:
    if isinstance(stopped, Mapping):
        return [[words(str(name)), _told(value)] for name, value in stopped.items()]
    if isinstance(stopped, list):
        return [[str(i), _told(value)] for i, value in enumerate(stopped, 1)]
    return []


def resume_rows(journal: Journal) -> list[list[str]]:
    """Return when the run was taken up again: at, stopped at, gap, trials held by then."""
    resumed = journal.settings.get("resumed")
    entries = [e for e in resumed if isinstance(e, Mapping)] if isinstance(resumed, list) else []
    return [
        [
            str(entry.get("at", "–")),
            str(entry.get("stopped_at", "–")),
            f"{number(float(entry['gap_s']))} s" if "gap_s" in entry else "–",
            str(entry.get("trials", "–")),
        ]
        for entry in entries
    ]


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{words(str(k))}: {_told(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_told(v) for v in value)
    return number(value) if isinstance(value, float) else str(value)


def quality_line(trials: Sequence[Trial]) -> str:
    """Return in a line how many trials there are and how good they are."""
    status = Counter(trial.status for trial in trials)
    return (
        f"{len(trials)} trials: {status['valid']} valid, {status['flagged']} flagged, "
        f"{status['invalid']} invalid; every gate of each"
    )


def quality_rows(trials: Sequence[Trial]) -> list[list[str]]:
    """Return deployment, trials, valid, flagged, invalid (with its share's interval), reruns."""
    rows = []
    for name in deployment_order(t.deployment for t in trials):
        own = [t for t in trials if t.deployment == name]
        status = Counter(t.status for t in own)
        share = wilson(status["invalid"], len(own))
        rows.append(
            [
                name,
                str(len(own)),
                str(status["valid"]),
                str(status["flagged"]),
                f"{status['invalid']} ({share.estimate:.0%} [{share.low:.0%}, {share.high:.0%}])",
                str(sum(t.attempt > 0 for t in own)),
                f"{sum(t.skipped for t in own):,}",
            ]
        )
    return rows


def failed_gates(trials: Sequence[Trial]) -> list[list[str]]:
    """Return trial, gate, value and limit of every gate that flagged or failed."""
    return [
        [
            trial.trial_id,
            words(gate.name),
            gate.outcome,
            f"{number(gate.value)} {gate.unit}" if gate.value is not None else "not measurable",
            f"{number(gate.limit)} {gate.unit}" if gate.limit is not None else "–",
        ]
        for trial in trials
        for gate in trial.gates
        if gate.outcome != "pass"
    ]
