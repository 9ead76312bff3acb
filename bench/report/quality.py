"""How good the run was, in tables: gates by deployment, invalid shares by pair, stops, resumes.

Neighbours: `figures.quality` draws every gate of every trial.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.journal import Journal, Trial
from bench.report.analysis import Analysis
from bench.report.naming import deployment_order, number, words
from bench.report.questions import pairs_of
from bench.stats.verdicts import invalid_shares_differ

LIMIT = "10 points"


@dataclass(frozen=True)
class ShareRow:
    """Shares of invalid trials of a pair; `differ`: more than 10 points and chance apart."""

    experiment: str
    pair: str
    first: str
    second: str
    points: str
    differ: bool

    @property
    def consequence(self) -> str:
        """What the rule makes of it."""
        return "every verdict on this pair is inconclusive" if self.differ else "within the limit"


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


def share_rows(analysis: Analysis) -> list[ShareRow]:
    """Return the shares of invalid trials of every pair that is asked about."""
    trials = [s.trial for s in analysis.data.load_trials]
    rows = []
    for experiment in dict.fromkeys(t.experiment for t in trials):
        own = [t for t in trials if t.experiment == experiment]
        present = {t.deployment for t in own}
        for numerator, denominator, _ in pairs_of(analysis.data):
            if {numerator, denominator} <= present:
                rows.append(_share_row(experiment, own, (numerator, denominator)))
    return rows


def stop_rows(journal: Journal) -> list[list[str]]:
    """Return why each cell got no more blocks, as the run noted it under settings `stopped`."""
    stopped = journal.settings.get("stopped")
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


def _share_row(experiment: str, trials: Sequence[Trial], pair: tuple[str, str]) -> ShareRow:
    counts = [_invalid(trials, name) for name in pair]
    shares = [bad / n if n else 0.0 for bad, n in counts]
    told = [f"{bad} of {n} ({share:.0%})" for (bad, n), share in zip(counts, shares, strict=True)]
    return ShareRow(
        experiment=experiment,
        pair=" : ".join(pair),
        first=told[0],
        second=told[1],
        points=f"{100 * abs(shares[0] - shares[1]):.1f}",
        differ=invalid_shares_differ(counts[0], counts[1]),
    )


def _invalid(trials: Sequence[Trial], name: str) -> tuple[int, int]:
    own = [t.status for t in trials if t.deployment == name]
    return own.count("invalid"), len(own)


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{words(str(k))}: {_told(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_told(v) for v in value)
    return number(value) if isinstance(value, float) else str(value)
