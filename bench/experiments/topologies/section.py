"""Topologies: which of the 15 ways to cut the shop into processes is best, and by how much?"""

from bench.experiments.topologies.figures import partition_figure
from bench.experiments.topologies.findings import (
    KIND_WORDS,
    Place,
    Ranking,
    margin,
    partition_cell,
    rankings,
    verdicts_of,
)
from bench.report.naming import interval, number, percent
from bench.report.section import Section
from bench.report.spoken import said
from bench.results.dataset import RunData


def sections(data: RunData) -> list[Section]:
    """Return the section, if the run has the experiment."""
    made = section(data)
    return [made] if made is not None else []


def section(data: RunData) -> Section | None:
    """Return the section of the topologies experiment, None if the run has none."""
    cell = partition_cell(data)
    if cell is None:
        return None
    ranked = rankings(cell)
    figure = partition_figure(ranked)
    sentences = [sentence(each) for each in ranked]
    verdicts = verdicts_of(data, cell, ranked)
    decided, otherwise = said(verdicts, {})
    if not sentences:
        sentences = ["Fewer than two blocks are valid for every partition: nothing is ranked."]
    return Section(
        anchor="topologies",
        title="Every way to cut the shop",
        template="topologies/section.html",
        context={
            "count": len(cell.deployments),
            "offered_rps": f"{cell.offered_rps:g}",
            "mix": cell.mix,
            "blocks": len(cell.blocks),
            "sentences": sentences,
            "tables": [(KIND_WORDS[each.kind], _rows(each)) for each in ranked],
        },
        figures=(figure,) if figure is not None else (),
        summary=tuple(f"- {text}" for text in sentences),
        verdicts=tuple(verdicts),
        sentences=decided,
        otherwise=otherwise,
    )


def sentence(ranked: Ranking) -> str:
    """Say which is best, who is not told apart from it, and how far the last one is behind."""
    head = f"{KIND_WORDS[ranked.kind]}: "
    if not ranked.settled:
        return f"{head}{ranked.n_blocks} valid blocks, 6 are needed to tell partitions apart."
    best, last = ranked.best, ranked.places[-1]
    others = [name for name in ranked.with_best if name != best.name]
    alike = f"indistinguishable from it: {', '.join(others)}" if others else "no other is as good"
    behind = ""
    if last.ratio is not None and last.apart:
        behind = (
            f"; the last, {last.name}, takes ×{number(margin(ranked))} "
            f"{interval(last.ratio.low, last.ratio.high)} of it"
        )
    return f"{head}{best.name} is best ({_value(best)} ms); {alike}{behind}."


def _rows(ranked: Ranking) -> list[list[str]]:
    return [
        [
            f"{place_number}.\N{NO-BREAK SPACE}{place.name}",
            str(place.processes),
            f"{_value(place)} {interval(place.level.low, place.level.high)}",
            _ratio(place),
            _group(ranked, place),
        ]
        for place_number, place in enumerate(ranked.places, start=1)
    ]


def _value(place: Place) -> str:
    return number(place.level.value)


def _ratio(place: Place) -> str:
    if place.ratio is None:
        return "1"
    found = place.ratio
    return f"×{number(found.estimate)} {interval(found.low, found.high)} at {percent(found.level)}"


def _group(ranked: Ranking, place: Place) -> str:
    if place is ranked.best:
        return "best"
    if not ranked.settled:
        return "too few blocks"
    return "worse" if place.apart else "indistinguishable"
