"""The questions a run is asked, fixed before it: pairs, claims, and the named metrics.

Named (confirmatory, Holm over at most 8): p50 and CPU per request of product read, order,
overview and the mixed load for microservices : monolith. All else is exploratory, at 95 %, and
labelled so. Neighbours: `verdicts` answers them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.report.dataset import RunData
from bench.report.measures import METRIC_NAMES, Kind
from bench.report.naming import ALL, headline_operation, load_label, own_names, words
from bench.report.selection import Cell
from bench.stats.verdicts import Claim

PAIRS: tuple[tuple[str, str, Claim], ...] = (
    ("microservices", "monolith", "greater"),
    ("modular", "monolith", "different"),  # two frameworks: neither side is claimed
    ("modular-split", "modular", "greater"),
    ("microservices", "modular-split", "greater"),
)
MAX_NAMED = 8  # what Holm's correction is spread over at most
MAX_NAMED_OPERATIONS = 3
NAMED_ROLES = ("product_read", "order", "overview", "mixed")
NAMED_KINDS: tuple[Kind, ...] = ("p50", "cpu")
KINDS: tuple[Kind, ...] = ("p50", "p95", "p99", "cpu")

_KIND_WORDS = {
    "p50": "p50 response time",
    "p95": "p95 response time",
    "p99": "p99 response time",
    "cpu": "CPU per request",
}


@dataclass(frozen=True)
class Question:
    """One ratio to judge in one cell; `named` ones are confirmatory."""

    cell: Cell
    numerator: str
    denominator: str
    claim: Claim
    operation: str
    kind: Kind
    named: bool

    @property
    def id(self) -> str:
        """Stable id: experiment/mix@load/pair/operation/metric."""
        experiment, mix, rps = self.cell.key
        load = f"{rps:g}" if rps else "closed"
        pair = f"{self.numerator}:{self.denominator}"
        return f"{experiment}/{mix}@{load}/{pair}/{self.operation}/{METRIC_NAMES[self.kind]}"

    @property
    def text(self) -> str:
        """The claim as a question."""
        mix = words(self.cell.mix)
        what = words(self.operation) if self.operation != ALL else f"the {mix} load"
        metric = f"{_KIND_WORDS[self.kind]} of {what}"
        where = f"({mix}, {load_label(self.cell.offered_rps)})"
        if self.claim == "different":
            return (
                f"Does the {metric} differ between {self.numerator} and {self.denominator}? {where}"
            )
        side = {"greater": "higher", "less": "lower"}[self.claim]
        return f"Is the {metric} {side} in {self.numerator} than in {self.denominator}? {where}"


def questions_of(data: RunData, cells: Sequence[Cell]) -> list[Question]:
    """Return every question the run's cells can be asked, named ones first."""
    named = {_identity(q): q for q in _named(data, cells)}
    pairs = pairs_of(data)
    rest = [q for cell in cells for q in _all_of(cell, pairs) if _identity(q) not in named]
    return [*named.values(), *rest]


def pairs_of(data: RunData) -> tuple[tuple[str, str, Claim], ...]:
    """Return (numerator, denominator, claim): of the user's own services all against the first."""
    own = own_names(data.journal.settings)
    return tuple((name, own[0], "different") for name in own[1:]) if own else PAIRS


def reference_cell(data: RunData, cells: Iterable[Cell], mix: str) -> Cell | None:
    """Return the cell of a mix whose ratios count as named, by a rule that sees no result.

    `settings["reference_rps"][mix]` if given, else the middle of the loads measured (the lower
    of two); `latency` before `ladder` before any other experiment.
    """
    candidates = [cell for cell in cells if cell.mix == mix]
    if not candidates:
        return None
    rank = {"latency": 0, "ladder": 1}
    best = min(rank.get(cell.key[0], 2) for cell in candidates)
    candidates = [cell for cell in candidates if rank.get(cell.key[0], 2) == best]
    wanted = data.journal.settings.get("reference_rps")
    if isinstance(wanted, dict) and mix in wanted:
        return next((cell for cell in candidates if cell.offered_rps == wanted[mix]), None)
    ordered = sorted(candidates, key=lambda cell: cell.offered_rps)
    return ordered[(len(ordered) - 1) // 2]


def main_mix(cells: Sequence[Cell]) -> str | None:
    """Return `mixed` if it was measured, else the first mix with several operations, else any."""
    mixes = {cell.mix: len(cell.operations) for cell in cells}
    if "mixed" in mixes:
        return "mixed"
    return max(mixes, key=lambda mix: mixes[mix]) if mixes else None


def headline_cell(data: RunData, cells: Sequence[Cell], role: str) -> tuple[Cell, str] | None:
    """Return (cell, operation) that stands for a headline role, None if it was not measured.

    An operation's own mix comes before the mixed one: only there can CPU be told apart.
    """
    if role == "mixed":
        cell = reference_cell(data, cells, "mixed")
        return (cell, ALL) if cell else None
    operation = headline_operation(role, data.operations, data.journal.settings)
    own = next((c.mix for c in cells if operation and c.operations == [operation]), None)
    mix = own or main_mix([c for c in cells if operation in c.operations])
    cell = reference_cell(data, cells, mix) if mix else None
    if cell is None or operation is None:
        return None
    return cell, ALL if own else operation


def _named(data: RunData, cells: Sequence[Cell]) -> list[Question]:
    if own_names(data.journal.settings):
        return _named_own(data, cells)
    numerator, denominator, claim = PAIRS[0]
    found = []
    for role in NAMED_ROLES:
        place = headline_cell(data, cells, role)
        if place is None or not {numerator, denominator} <= set(place[0].deployments):
            continue
        cell, operation = place
        for kind in NAMED_KINDS:
            if kind != "cpu" or operation == ALL:
                found.append(Question(cell, numerator, denominator, claim, operation, kind, True))
    return found


def _named_own(data: RunData, cells: Sequence[Cell]) -> list[Question]:
    """p50 and CPU of the whole load, p50 of its most frequent operations; a rule without results.

    Of services beyond the second and of further mixes as many as Holm's limit allows.
    """
    mixes = dict.fromkeys(cell.mix for cell in cells)
    places = [cell for mix in mixes if (cell := reference_cell(data, cells, mix)) is not None]
    asked: list[tuple[Cell, str, Kind]] = []
    for cell in places:
        asked += [(cell, ALL, kind) for kind in NAMED_KINDS if kind != "cpu" or _has_cpu(cell)]
    for cell in places:
        asked += [(cell, name, "p50") for name in _most_frequent(cell)]
    found = [
        Question(cell, numerator, denominator, claim, operation, kind, True)
        for cell, operation, kind in asked
        for numerator, denominator, claim in pairs_of(data)
        if {numerator, denominator} <= set(cell.deployments)
    ]
    return found[:MAX_NAMED]


def _most_frequent(cell: Cell) -> list[str]:
    """Return the operations with the most requests, all services together; [] if there is one."""
    if len(cell.operations) < 2:
        return []
    counts = {name: 0 for name in cell.operations}
    for block in (*cell.blocks, *cell.spoiled):
        for sample in block.values():
            for name, where in sample.slices.items():
                counts[name] += where.stop - where.start
    return sorted(counts, key=lambda name: (-counts[name], name))[:MAX_NAMED_OPERATIONS]


def _has_cpu(cell: Cell) -> bool:
    """Return whether every trial says what it used (a service without a process id does not)."""
    blocks = (*cell.blocks, *cell.spoiled)
    return all(sample.trial.usage for block in blocks for sample in block.values())


def _all_of(cell: Cell, pairs: Sequence[tuple[str, str, Claim]]) -> list[Question]:
    present = set(cell.deployments)
    operations = [ALL] if len(cell.operations) < 2 else [ALL, *cell.operations]
    return [
        Question(cell, numerator, denominator, claim, operation, kind, False)
        for numerator, denominator, claim in pairs
        if {numerator, denominator} <= present
        for operation in operations
        for kind in KINDS
        if kind != "cpu" or (operation == ALL and _has_cpu(cell))
    ]


def _identity(question: Question) -> str:
    return question.id
