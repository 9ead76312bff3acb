"""Which trials count: blocks, their last attempt, and whether a gate failed in them.

Neighbours: `dataset` holds the trials; `measures` and `verdicts` work on a `Cell`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from bench.report.naming import ALL, deployment_order, load_label, words
from bench.results.dataset import TrialSample

CellKey = tuple[str, str, float]  # experiment, mix, offered_rps
SATURATED = 0.95  # goodput below this share of the offered load: latency depends on trial length


@dataclass(frozen=True)
class Cell:
    """All blocks of one experiment, mix and load; `blocks[i]` maps deployment to its trial.

    `blocks` are the last attempts with a valid trial of every deployment. `spoiled` are the last
    attempts of the others, a trial invalid or not made: never used for a verdict as a whole, drawn
    only where nothing valid exists, and marked then. `attempts[i]`: every attempt of block i, the
    last one last.
    """

    key: CellKey
    blocks: tuple[dict[str, TrialSample], ...]
    spoiled: tuple[dict[str, TrialSample], ...]
    attempts: tuple[tuple[dict[str, TrialSample], ...], ...] = ()

    @property
    def mix(self) -> str:
        """Name of the mix."""
        return self.key[1]

    @property
    def offered_rps(self) -> float:
        """Planned arrivals a second; 0 for a closed loop."""
        return self.key[2]

    @cached_property
    def deployments(self) -> list[str]:
        """Deployments with a trial, in ladder order."""
        return deployment_order(name for block in (*self.blocks, *self.spoiled) for name in block)

    @cached_property
    def operations(self) -> list[str]:
        """Operations in the rows."""
        blocks = (*self.blocks, *self.spoiled)
        return sorted({op for block in blocks for s in block.values() for op in s.slices})

    @cached_property
    def in_rounds(self) -> bool:
        """Whether it was measured in paired rounds: blocks are starts, the mix is an operation."""
        blocks = (*self.blocks, *self.spoiled)
        return any(s.trial.loop == "rounds" for block in blocks for s in block.values())

    @property
    def label(self) -> str:
        """What was asked, and how fast, in words."""
        if self.in_rounds:
            return f"{words(self.mix)}, one request at a time"
        return f"{words(self.mix)} mix, {load_label(self.offered_rps)}"

    @property
    def time_name(self) -> str:
        """Which time its rows hold: from sending in rounds, else from the planned arrival."""
        return "service time" if self.in_rounds else "response time"

    @property
    def shown_operations(self) -> list[str]:
        """The operations to show: all of them together first where there are several."""
        return self.operations if len(self.operations) < 2 else [ALL, *self.operations]

    @property
    def tainted(self) -> bool:
        """Whether only spoiled blocks exist, so that figures show invalid trials."""
        return not self.blocks

    def samples(self, deployment: str) -> list[TrialSample]:
        """Return the trials to draw for a deployment: valid blocks, else the spoiled ones."""
        blocks = self.blocks or self.spoiled
        return [block[deployment] for block in blocks if deployment in block]

    def pairs(self, numerator: str, denominator: str) -> list[tuple[TrialSample, TrialSample]]:
        """Return (numerator, denominator) trials, one pair from each block that has a valid one.

        What spoiled a third deployment's trial says nothing of these two; of several attempts the
        last valid pair counts.
        """
        pairs = []
        for attempts in self.attempts:
            valid = [a for a in attempts if _valid(a, numerator) and _valid(a, denominator)]
            pairs += [(attempt[numerator], attempt[denominator]) for attempt in valid[-1:]]
        return pairs

    def saturated(self, deployment: str) -> bool:
        """Return whether goodput fell under 95 % of the offered load (open loop only)."""
        samples = self.samples(deployment)
        if not self.offered_rps or not samples:
            return False
        due = sum(s.requests for s in samples) + sum(s.trial.skipped for s in samples)
        return sum(s.in_window for s in samples) < SATURATED * due


def cells_of(samples: Iterable[TrialSample]) -> list[Cell]:
    """Group trials into cells, sorted by experiment, mix and load."""
    grouped: dict[CellKey, dict[tuple[int, int], list[TrialSample]]] = {}
    for sample in samples:
        trial = sample.trial
        cell = grouped.setdefault((trial.experiment, trial.mix, trial.offered_rps), {})
        cell.setdefault((trial.block, trial.attempt), []).append(sample)
    return [_cell(key, grouped[key]) for key in sorted(grouped)]


def _valid(attempt: Mapping[str, TrialSample], deployment: str) -> bool:
    return deployment in attempt and attempt[deployment].trial.status != "invalid"


def _cell(key: CellKey, attempts: dict[tuple[int, int], list[TrialSample]]) -> Cell:
    blocks: dict[int, list[dict[str, TrialSample]]] = {}
    for block, attempt in sorted(attempts):
        samples = {s.trial.deployment: s for s in attempts[block, attempt]}
        blocks.setdefault(block, []).append(samples)
    names = {name for tried in blocks.values() for attempt in tried for name in attempt}
    last = [tried[-1] for tried in blocks.values()]
    good = [block for block in last if all(_valid(block, name) for name in names)]
    bad = [block for block in last if block not in good]
    return Cell(key, tuple(good), tuple(bad), tuple(map(tuple, blocks.values())))
