"""The floor: is either arm a straw man, held against a bare handler of its own framework?"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.experiments.floor.figures import floor_figure
from bench.experiments.floor.findings import FloorResult, FloorSide, floor_results, source_path
from bench.report.fields import estimate_with_interval
from bench.report.naming import number, words
from bench.report.section import Section
from bench.report.spoken import said
from bench.report.summary_table import markdown_table
from bench.results.dataset import RunData


def sections(data: RunData) -> list[Section]:
    """Return the section, if the run has the experiment."""
    found = floor_results(data)
    if not found:
        return []
    figure, verdicts = floor_figure(found), [result.verdict for result in found]
    decided, otherwise = said(verdicts, {})
    heads = ["Operation", "Arm : bare handler", "Rate ratio (95 %)", "Blocks", "Verdict"]
    return [
        Section(
            anchor="floor",
            title="The floor: is either arm a straw man?",
            contents="Floor",
            template="floor/section.html",
            context=_context(found, data.path),
            figures=(figure,) if figure is not None else (),
            summary=(markdown_table(heads, [_row(result) for result in found]),),
            verdicts=tuple(verdicts),
            sentences=decided,
            otherwise=otherwise,
            folded=_folded(found),
        )
    ]


def _folded(found: Sequence[FloorResult]) -> str:
    reached = sum(result.verdict.verdict == "reached" for result in found)
    return f"{reached} of {len(found)} comparisons with a bare handler reach their target"


def _row(result: FloorResult) -> list[str]:
    verdict = result.verdict
    return [
        words(result.pair.operation),
        f"{result.pair.arm} : {result.pair.bare}",
        estimate_with_interval(verdict),
        str(verdict.n_blocks),
        f"**{verdict.verdict}**",
    ]


def _context(floors: Sequence[FloorResult], run_dir: Path) -> Mapping[str, Any]:
    sources = list(dict.fromkeys(result.pair.source for result in floors))
    links = {}
    for source in sources:
        path = source_path(source)
        links[source] = os.path.relpath(path, run_dir.resolve()) if path else ""
    sides = {
        f"{words(result.pair.operation)} · {side.name}": side
        for result in floors
        for side in (result.arm, result.bare)
    }
    return {
        "floors": floors,
        "floor_first": {
            source: next(i for i, r in enumerate(floors) if r.pair.source == source)
            for source in sources
        },
        "source_links": links,
        "floor_costs": [_side_row(label, side) for label, side in sides.items()],
    }


def _side_row(label: str, side: FloorSide) -> list[str]:
    times = (number(side.times_ms[name]) for name in ("service", "app", "db"))
    cpu_ms = number(side.cpu_ms.value) if side.cpu_ms else "–"
    counts = (number(side.statements), number(side.commits))
    return [label, *counts, cpu_ms, *times, f"{side.failed:,}"]
