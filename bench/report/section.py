"""What an experiment's reporting half hands in: sections of the page, and all that goes elsewhere.

Neighbours: `page`, `summary`, `export`, `compare`, `console` and `comparison` place it; none of
them knows an experiment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bench.report.figures.style import Figure
from bench.report.tiles import Tile
from bench.results.verdict import TableCell, Verdict
from bench.stats.precision import MIN_VALID_BLOCKS

Records = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Comparable:
    """What two runs may be held against each other by: a ratio, or a difference within a run.

    `values`: one in each independent unit (start, pass, block): the logarithm of a ratio, or with
    a `unit` (points, visits) the difference itself. `kind`: of the thresholds in `stats.verdicts`,
    for a ratio; `margin`: how much of the unit matters, for a difference. `least`: so many values
    of either run decide. `family`: of those named beforehand; "" exploratory. `refusal`: why there
    is none.
    """

    id: str
    label: str
    verdict_id: str
    values: tuple[float, ...]
    kind: str = ""
    family: str = ""
    refusal: str = ""
    unit: str = ""
    margin: float = 0.0
    least: int = MIN_VALID_BLOCKS


@dataclass(frozen=True)
class ArmLevel:
    """What one deployment took or spent, in `unit`, with a 95 % interval.

    Laid over that of other runs to be seen, never judged: hours and machines lie between them.
    """

    what: str
    deployment: str
    unit: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Section:
    """One section: `template` is rendered with `section` and the page's macros in reach.

    Without a template nothing is shown in its place, and only the rest of it is used.
    `contents`: its name in the table of contents, the title if empty. `summary`: Markdown.
    First screen: `answer`, clauses of the run's one sentence (`an order takes ...`, without a full
    stop); `tiles`; `first_figure`, drawn for half the width of a desk; `trust`, a few words on how
    far to trust it; `headline`, what stands there in place of the sentence.
    `sentences`: every result in plain words; `leads`: other experiments then only say what they
    have decided, and leave out `otherwise`. `folded`: of a section about the measuring, not the
    shop: it stands at the end, folded under this line. `verdicts` go into verdicts.json. `cells`:
    of the comparison table; each names its row in the registry of claims. `tables`: CSV files by
    name. `limits`: what this does not show. `banners`: what has to be said before anything is
    read. `compared`, `arm_levels`: what runs can be compared by. `experiment`: whose it is,
    filled in by `analysis`.
    """

    anchor: str
    title: str
    template: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    contents: str = ""
    figures: tuple[Figure, ...] = ()
    summary: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    leads: bool = False
    headline: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()
    tiles: tuple[Tile, ...] = ()
    first_figure: Figure | None = None
    trust: str = ""
    folded: str = ""
    verdicts: tuple[Verdict, ...] = ()
    cells: tuple[TableCell, ...] = ()
    tables: Mapping[str, Records] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    banners: tuple[str, ...] = ()
    compared: tuple[Comparable, ...] = ()
    arm_levels: tuple[ArmLevel, ...] = ()
    experiment: str = ""


Arm = Literal["monolith", "microservices"]
ARMS: tuple[Arm, ...] = ("monolith", "microservices")
