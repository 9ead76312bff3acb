"""What a run concludes: verdicts, and cells of the comparison table. `journal` stores both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SMOKE_NOTE = "smoke profile: runs end to end, claims nothing"
NAMED, EXPLORATORY = "named beforehand", "exploratory"

VerdictWord = Literal[
    "supported",
    "refuted",
    "no difference shown",
    "inconclusive",
    "invalid",
    "reached",
    "not reached",
]


@dataclass(frozen=True)
class Verdict:
    """One answered question: ratio `numerator`/`denominator` of `metric` with its interval.

    `claims`: ids of the registry's claims (`bench.claims`) that it speaks to.
    """

    id: str
    question: str
    metric: str
    numerator: str
    denominator: str
    operation: str
    estimate: float | None
    low: float | None
    high: float | None
    level: float
    n_blocks: int
    verdict: VerdictWord
    rule: str
    note: str = ""
    claims: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableCell:
    """What one experiment measured for one cell of the comparison table, in words.

    `row` is a row of the registry, `deployment` one of its two columns.
    """

    row: str
    deployment: str
    experiment: str
    text: str


@dataclass(frozen=True)
class Words:
    """The result as a person says it, and in one line how far to trust it.

    The first of the sentences is the run's answer, the others are every result by itself.
    """

    sentences: tuple[str, ...] = ()
    trust: str = ""

    @property
    def answer(self) -> str:
        """What the run says in one sentence; "" where nothing could be judged."""
        return self.sentences[0] if self.sentences else ""


@dataclass(frozen=True)
class Surroundings:
    """Under what a run measured, as text by name, for runs that are kept without their journal.

    `facts` could explain why another run found something else; `plans`: what it was told to do.
    """

    facts: dict[str, str]
    plans: dict[str, str]


def experiment_of(name: str) -> str:
    """Return the experiment that a trial's or a verdict's name belongs to.

    Names go into detail after the first `/`, `:` or `@`: `network:services@2ms/0%`.
    """
    for mark in "/:@":
        name = name.partition(mark)[0]
    return name
