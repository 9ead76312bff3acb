"""Tiles of the first screen: one number of both arms, how they compare, and how sure that is.

Neighbours: an experiment's section brings them (`Section.tiles`), `page.html` lays them out.
"""

from dataclasses import dataclass
from typing import Literal

from bench.report.naming import number
from bench.results.verdict import VerdictWord

State = Literal["different", "alike", "open"]
_STATES: dict[str, State] = {
    "supported": "different",
    "refuted": "different",
    "no difference shown": "alike",
}


@dataclass(frozen=True)
class Tile:
    """What either arm took, held or served, in the same unit.

    `title`: what was measured, in words (`Time of an order`). `words`: what the microservices are
    where their number is the smaller one and where it is the larger one (`faster`, `slower`).
    `evidence`: ratio or difference with interval and n. `state`: of the judgement, see `state_of`.
    """

    title: str
    monolith: float
    microservices: float
    unit: str
    words: tuple[str, str]
    evidence: str
    state: State = "different"

    @property
    def word(self) -> str:
        """What a person would say of the microservices."""
        if self.state == "open":
            return "not decided"
        if self.state == "alike" or self.monolith == self.microservices:
            return "no difference"
        return self.words[self.microservices > self.monolith]

    @property
    def numbers(self) -> tuple[str, str]:
        """Both numbers as text, monolith first."""
        return number(self.monolith), number(self.microservices)

    @property
    def widths(self) -> tuple[float, float]:
        """Both numbers as percentages of the larger one: the lengths of the bars."""
        most = max(self.monolith, self.microservices)
        return tuple(  # type: ignore[return-value]
            round(100 * max(0.0, value) / most, 1) if most > 0 else 0.0
            for value in (self.monolith, self.microservices)
        )


def state_of(word: VerdictWord) -> State:
    """Return what a verdict's word says of a tile: decided either way, alike, or open."""
    return _STATES.get(word, "open")
