"""What each journey of each deployment lost under each fault, from the raw rows of the run.

Neighbours: `failure_verdicts` judges, `sections.failure` writes it down, `figures.failure` and
`figures.failure_series` draw it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.load.visits import FAILED, OK, UNKNOWN, Visits, visits_of
from bench.report.naming import deployment_order
from bench.results.dataset import RunData
from bench.results.journal import RunReader, Trial
from bench.stats.means import mean_interval
from bench.stats.proportions import share_difference, wilson
from bench.stats.recovery import Recovery, find_recovery

EXPERIMENT = "failure"
EVERY = "all journeys"
OVERLOAD = "overload"  # a kind of fault that is load
JOURNEY_NAMES = {"look": "browse", "buy": "checkout", "home": "overview", "account": "account"}
Counts = tuple[int, int, int, int]


@dataclass(frozen=True)
class Interval:
    """A share or a difference of shares with its interval. `n`: visits within one run, or
    repetitions."""

    estimate: float
    low: float
    high: float
    n: int
    within_run: bool


@dataclass(frozen=True)
class Stretch:
    """One repetition of a fault in one deployment, and the control with the same schedule.

    `block`: which repetition; `tainted`: it, or its control, failed a validity gate. Times on the
    load's clock; the window runs from the injection to the beginning of the clearing.
    """

    trial: Trial
    visits: Visits
    control: Visits
    tainted: bool
    block: int

    @property
    def onset_s(self) -> float:
        """When the fault was injected."""
        return self.trial.facts["injected_s"]

    @property
    def cleared_s(self) -> float:
        """When the clearing began."""
        return self.trial.facts["cleared_s"]

    @property
    def watched_s(self) -> float:
        """For how long the load went on after the clearing began."""
        return self.trial.measured_to_s - self.cleared_s

    def counts(self, journey: str = EVERY, *, control: bool = False) -> Counts:
        """Visits due in the window, by outcome; of the control in the same seconds."""
        visits = self.control if control else self.visits
        chosen = visits.between(self.onset_s, self.cleared_s)
        return visits.counts(chosen if journey == EVERY else chosen & (visits.journey == journey))

    @property
    def served(self) -> float:
        """Share of the visits due in the window that were served within the SLO."""
        counts = self.counts()
        return counts[OK] / max(1, sum(counts))

    @cached_property
    def seconds(self) -> NDArray[np.int64]:
        """Visits by second since the onset and outcome, shape (seconds, 4); whole seconds only."""
        return _by_second(self.visits, self.onset_s, self.trial.measured_to_s)

    @cached_property
    def control_seconds(self) -> NDArray[np.int64]:
        """The control's in the same seconds."""
        return _by_second(self.control, self.onset_s, self.trial.measured_to_s)

    @cached_property
    def recovery(self) -> Recovery:
        """When the share served within the SLO was back at the control's."""
        return find_recovery(
            self.seconds[:, OK], self.control_seconds[:, OK], self.cleared_s - self.onset_s
        )

    @property
    def lost_visits(self) -> int:
        """Goodput lost: visits served in time in the control and not here, from the onset on."""
        return int(self.control_seconds[:, OK].sum() - self.seconds[:, OK].sum())

    @property
    def first_error_s(self) -> float | None:
        """From the onset to the first visit that ended badly, as its visitor saw it."""
        bad = np.isin(self.visits.outcome, (FAILED, UNKNOWN)) & (self.visits.due_s >= self.onset_s)
        return _first(self.visits.done_s[bad], self.onset_s)

    @property
    def told_s(self) -> float | None:
        """From the onset to the first answer by which the shop says that something is wrong."""
        told = self.visits.told & (self.visits.done_s >= self.onset_s)
        return _first(self.visits.done_s[told], self.onset_s)

    def since_onset(self, fact: str) -> float | None:
        """A moment of the trial's facts, in seconds from the onset."""
        value = self.trial.facts.get(fact)
        return None if value is None else value - self.onset_s


@dataclass(frozen=True)
class FaultCell:
    """A fault in one deployment: its repetitions, or why there are none (`missing`).

    `planned`: the experiment wanted it.
    """

    experiment: str
    label: str
    kind: str
    component: str
    arm: str
    stretches: tuple[Stretch, ...]
    missing: str = ""
    planned: bool = True

    def counts(self, journey: str = EVERY, *, control: bool = False) -> Counts:
        """Visits by outcome over all repetitions."""
        found = np.sum([s.counts(journey, control=control) for s in self.stretches], axis=0)
        ok, less, failed, unknown = (int(n) for n in np.broadcast_to(found, 4))
        return ok, less, failed, unknown

    def share(self, journey: str, outcome: int = OK, *, control: bool = False) -> Interval | None:
        """Share of the visits with an outcome; Wilson's interval within one run, else t."""
        per = [s.counts(journey, control=control) for s in self.stretches]
        shares = [counts[outcome] / sum(counts) for counts in per if sum(counts)]
        if len(shares) > 1:
            found = mean_interval(shares)
            return Interval(found.mean, found.low, found.high, found.n, within_run=False)
        total = self.counts(journey, control=control)
        if not sum(total):
            return None
        within = wilson(total[outcome], sum(total))
        return Interval(within.estimate, within.low, within.high, within.n, within_run=True)

    def blast_radius(self, journey: str = EVERY) -> Interval | None:
        """Share of the control's visits that were not served within the SLO here."""
        return _difference(
            [(s.counts(journey, control=True), s.counts(journey)) for s in self.stretches]
        )


@dataclass(frozen=True)
class Matrix:
    """All faults in all deployments. `arms`: names in the results, in their order."""

    cells: Mapping[tuple[str, str], FaultCell]  # by experiment and arm
    experiments: tuple[str, ...]
    arms: tuple[str, ...]
    journeys: tuple[str, ...]
    rate: float
    repetitions: int

    def planned(self, arms: Sequence[str]) -> list[str]:
        """The experiments that were wanted in one of these arms."""
        return [e for e in self.experiments if any(self.cells[e, arm].planned for arm in arms)]

    def label(self, experiment: str) -> str:
        """The fault in words; numbered if the method has it more than once."""
        cells = {name: cell for (name, _), cell in self.cells.items()}
        own = cells[experiment].label
        alike = [name for name in self.experiments if cells[name].label == own]
        return own.replace("_", " ") + (f" ({alike.index(experiment) + 1})" if alike[1:] else "")

    def difference(self, experiment: str, journey: str, pair: tuple[str, str]) -> Interval | None:
        """Share served within the SLO, first minus second arm; None where one has none."""
        first, second = (self.cells[experiment, arm] for arm in pair)
        theirs = {s.block: s for s in second.stretches}
        both = [
            (s.counts(journey), theirs[s.block].counts(journey))
            for s in first.stretches
            if s.block in theirs
        ]
        return _difference(both)


def matrix_of(data: RunData) -> Matrix | None:
    """Read the failure trials of a run; None if it has none."""
    held = data.journal.settings.get(EXPERIMENT)
    trials = [t for t in data.journal.trials if t.experiment.startswith(f"{EXPERIMENT}:")]
    if not isinstance(held, dict) or not trials:
        return None
    reader, slo_ms = RunReader(data.path), data.setting("slo_ms", 200.0)
    chosen = _chosen(trials, int(held["spec"]["repetitions"]))
    visits = {key: visits_of(reader.rows(trial.trial_id), slo_ms) for key, trial in chosen.items()}
    described = held["cells"]
    faults = [name for name, each in described.items() if each["kind"]]
    arms = tuple(held["arms"])
    cells = {
        (name, arm): _cell(held, (name, arm), chosen, visits) for name in faults for arm in arms
    }
    journeys = {str(j) for each in visits.values() for j in np.unique(each.journey)}
    return Matrix(
        cells,
        tuple(faults),
        tuple(a for name in deployment_order(arms) for a in arms if a == name),
        tuple(j for j in (*JOURNEY_NAMES, *sorted(journeys - set(JOURNEY_NAMES))) if j in journeys),
        trials[0].offered_rps,
        len({block for _, _, block in chosen}),
    )


_Key = tuple[str, str, int]  # experiment, arm, repetition


def _chosen(trials: Sequence[Trial], repetitions: int) -> dict[_Key, Trial]:
    """Of each repetition the last valid trial, else the last one.

    A block beyond the last has the schedule of an earlier one that stayed invalid.
    """
    found: dict[_Key, Trial] = {}
    for trial in sorted(trials, key=lambda t: (t.status != "invalid", t.block, t.attempt)):
        found[trial.experiment, trial.deployment, trial.block % repetitions] = trial
    return found


def _cell(
    held: Mapping[str, Any],
    where: tuple[str, str],
    chosen: Mapping[_Key, Trial],
    visits: Mapping[_Key, Visits],
) -> FaultCell:
    experiment, arm = where
    about = held["cells"][experiment]
    reason = held.get("not_applicable", {}).get(f"{experiment} | {arm}", "")
    own = [key for key in sorted(chosen) if key[:2] == where]
    stretches = []
    for key in own:
        trial, control = chosen[key], chosen.get((about["control"], arm, key[2]))
        if "cleared_s" not in trial.facts or control is None:
            continue
        usual = visits[about["control"], arm, key[2]]
        tainted = "invalid" in {trial.status, control.status}
        stretches.append(Stretch(trial, visits[key], usual, tainted, key[2]))
    if reason:
        reason = f"not applicable: {reason}"
    elif not stretches:
        unhealthy = any(chosen[key].facts.get("steady_before") == 0.0 for key in own)
        reason = "invalid: the shop was not steady, nothing was injected" if unhealthy else ""
        reason = reason or "not measured"
    planned = arm in about.get("arms", [arm])
    return FaultCell(
        experiment=experiment,
        label=about["label"],
        kind=about["kind"],
        component=about["component"],
        arm=arm,
        stretches=tuple(stretches),
        missing=reason,
        planned=planned,
    )


def _difference(pairs: Sequence[tuple[Counts, Counts]]) -> Interval | None:
    """Share of `OK` in the first minus that in the second of each pair."""
    whole = [(a, b) for a, b in pairs if sum(a) and sum(b)]
    if not whole:
        return None
    if len(whole) > 1:
        found = mean_interval([a[OK] / sum(a) - b[OK] / sum(b) for a, b in whole])
        return Interval(found.mean, found.low, found.high, found.n, within_run=False)
    a, b = whole[0]
    within = share_difference((a[OK], sum(a)), (b[OK], sum(b)))
    return Interval(within.estimate, within.low, within.high, within.n, within_run=True)


def _by_second(visits: Visits, onset_s: float, end_s: float) -> NDArray[np.int64]:
    whole = max(1, int(end_s - onset_s))
    table = np.zeros((whole, 4), dtype=np.int64)
    second = np.floor(visits.due_s - onset_s).astype(np.int64)
    inside = (second >= 0) & (second < whole)
    np.add.at(table, (second[inside], visits.outcome[inside]), 1)
    return table


def _first(times: NDArray[np.float64], onset_s: float) -> float | None:
    return float(times.min()) - onset_s if times.size else None
