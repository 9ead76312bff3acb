"""What the run holds of releases: every change with its visits, by arm, kind and component.

Neighbours: `records` has the shapes, `counting` counts, `judge` gives words, `section` prints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean

import msgspec

from bench.experiments.redeploy.counting import Counted, counted, quiet_visits
from bench.experiments.redeploy.records import (
    EXPERIMENT,
    GATEWAY,
    MICROSERVICES,
    MONOLITH,
    SERVICES,
    TWO,
    Held,
    Touch,
    What,
    held_in,
)
from bench.results.dataset import RunData
from bench.results.journal import CorruptResults, RunReader
from bench.stats.means import MeanInterval, mean_interval

Value = Callable[[Counted], float | None]
ORDER = (MONOLITH, *SERVICES, GATEWAY)


@dataclass(frozen=True)
class Findings:
    """All changes of a run whose stretch is in the journal. `smoke`: nothing is claimed.

    `quiet`: visits, failed and slow ones of the quiet windows together.
    """

    held: Held
    all: tuple[Counted, ...]
    quiet: tuple[int, int, int]
    smoke: bool

    @property
    def touches(self) -> tuple[Touch, ...]:
        """Which operations each process takes part in."""
        return self.held.touches

    @property
    def least_pairs(self) -> int:
        """From so many pairs on something is compared; `smoke` shows that it would be."""
        return 1 if self.smoke else 2

    @cached_property
    def arms(self) -> list[str]:
        """The arms that something was done to, each before its twin with two endpoints."""
        order = [MONOLITH, TWO[MONOLITH], MICROSERVICES, TWO[MICROSERVICES]]
        return [arm for arm in order if any(each.change.arm == arm for each in self.all)]

    def of(self, what: What, arm: str, *components: str) -> list[Counted]:
        """The changes of a kind in an arm, of these components (none named: of all)."""
        return [
            each
            for each in self.all
            if (each.change.what, each.change.arm) == (what, arm)
            and (not components or each.change.component in components)
        ]

    def by_repetition(self, arm: str, components: Sequence[str], value: Value) -> dict[int, float]:
        """Mean of a value over the good releases of each valid repetition."""
        return _grouped(self.of("release", arm, *components), value, fmean)

    def whole_shop(self, arm: str, value: Value) -> dict[int, float]:
        """Sum over all processes of each repetition that released every one of them."""
        own = self.of("release", arm, *SERVICES, GATEWAY)
        whole = set(SERVICES) | {GATEWAY}
        by_block: dict[int, set[str]] = {}
        for each in own:
            by_block.setdefault(each.change.repetition, set()).add(each.change.component)
        complete = {block for block, names in by_block.items() if names == whole}
        return _grouped((e for e in own if e.change.repetition in complete), value, sum)

    def touched(self, arm: str) -> list[Touch]:
        """Of the processes of an arm, in their order."""
        own = [each for each in self.touches if each.arm == arm]
        return sorted(own, key=lambda each: ORDER.index(each.component))


def findings_of(data: RunData) -> Findings | None:
    """Read the run; None if it has none of the experiment. Raises CorruptResults."""
    raw = data.journal.settings.get(EXPERIMENT)
    if raw is None:
        return None
    try:
        held = held_in(raw)
    except msgspec.ValidationError as exc:
        raise CorruptResults(f"{data.path}: settings.{EXPERIMENT}: {exc}") from exc
    _check_names(data, held)
    found, quiet = _counted(data, held)
    return Findings(held, tuple(found), quiet, data.journal.profile == "smoke")


def interval_of(values: Sequence[float]) -> MeanInterval | None:
    """The mean with its 95 % t interval; None from fewer than two values."""
    return mean_interval(values) if len(values) >= 2 else None


def seconds_of(each: Counted) -> float:
    """From the order until only the new release serves."""
    return each.change.seconds


def disturbed_of(each: Counted) -> float:
    """Visits disturbed."""
    return each.disturbed


def _counted(data: RunData, held: Held) -> tuple[list[Counted], tuple[int, int, int]]:
    """Stretch by stretch; of one that was run again only the last attempt."""
    reader, slo_ms = RunReader(data.path), data.setting("slo_ms", 200.0)
    last = {
        (trial.experiment, trial.deployment, trial.block): trial
        for trial in sorted(data.journal.trials, key=lambda trial: trial.attempt)
        if trial.experiment.startswith(f"{EXPERIMENT}:")
    }
    found: list[Counted] = []
    totals = [0, 0, 0]
    for trial in last.values():
        own = [change for change in held.changes if change.trial_id == trial.trial_id]
        if not own:
            continue
        rows = reader.rows(trial.trial_id)
        valid = trial.status != "invalid"
        found += [replace(each, valid=valid) for each in counted(rows, own, slo_ms)]
        totals = [a + b for a, b in zip(totals, quiet_visits(rows, own[0], slo_ms), strict=True)]
    return found, (totals[0], totals[1], totals[2])


def _check_names(data: RunData, held: Held) -> None:
    odd = {t.component for t in held.touches} - set(ORDER)
    odd |= {c.component for c in held.changes} - set(ORDER)
    if odd:
        raise CorruptResults(
            f"{data.path}: settings.{EXPERIMENT}: there is no component {min(odd)!r}"
        )


def _grouped(
    found: Iterable[Counted], value: Value, how: Callable[[list[float]], float]
) -> dict[int, float]:
    """One number of each repetition, of valid stretches."""
    groups: dict[int, list[float]] = {}
    for each in found:
        number = value(each)
        if each.valid and number is not None:
            groups.setdefault(each.change.repetition, []).append(number)
    return {block: float(how(values)) for block, values in sorted(groups.items())}
