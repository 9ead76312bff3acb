"""Response time and goodput against offered load."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from bench.experiments.capacity.figures.goodput import (
    KINDS,
    good_share,
    goodput_curve,
    lost_requests,
)
from bench.experiments.capacity.figures.load_curve import Loads, load_curve, loads_of
from bench.experiments.capacity.findings import curve_cells
from bench.experiments.capacity.records import known_capacity_rps
from bench.report.naming import deployment_order
from bench.report.section import Section
from bench.report.selection import SATURATED, Cell
from bench.results.dataset import RunData
from bench.results.journal import Journal


def load_curve_section(data: RunData) -> Section | None:
    """Return the section; None where fewer than two loads of a mix were measured."""
    loads = _loads(data)
    if not loads:
        return None
    slo_ms = data.setting("slo_ms", 200.0)
    curves = [load_curve(each, slo_ms) for each in loads]
    goodputs = [goodput_curve(each) for each in loads]
    return Section(
        anchor="load",
        title="Response time against offered load",
        contents="Load",
        template="capacity/load_curve.html",
        context={"curves": curves, "goodputs": goodputs},
        figures=(*curves, *goodputs),
        tables={"goodput": list(goodput_records(data))},
    )


def goodput_records(data: RunData) -> Iterator[dict[str, Any]]:
    """Records of what was served and what became of the rest, for a CSV file."""
    for cell in curve_cells(data):
        for deployment in cell.deployments if cell.offered_rps else ():
            lost, planned = lost_requests(cell, deployment)
            share = good_share(cell, deployment)
            experiment, mix, offered_rps = cell.key
            yield {
                "experiment": experiment,
                "mix": mix,
                "offered_rps": offered_rps,
                "deployment": deployment,
                "planned": planned,
                "goodput_share": share.estimate if share else None,
                "low": share.low if share else None,
                "high": share.high if share else None,
                **{f"lost: {kind}": lost[kind] for kind in KINDS},
            }


def overloaded(journal: Journal, cell: Cell, deployment: str) -> bool:
    """Return whether a cell's load lies above 95 % of a deployment's capacity."""
    known = known_capacity_rps(journal, cell.mix, deployment)
    near = known is not None and cell.offered_rps > SATURATED * known[0]
    return near or cell.saturated(deployment)


def _loads(data: RunData) -> list[Loads]:
    cells = curve_cells(data)
    mixes = dict.fromkeys(cell.mix for cell in cells)
    found = [
        loads_of(cells, mix, *_capacities(data, cells, mix), partial(overloaded, data.journal))
        for mix in mixes
    ]
    return [loads for loads in found if loads is not None]


def _capacities(data: RunData, cells: Sequence[Cell], mix: str) -> tuple[dict[str, float], str]:
    """Requests/s by deployment where they are known, and where they are from."""
    names = deployment_order(name for cell in cells if cell.mix == mix for name in cell.deployments)
    known = {name: known_capacity_rps(data.journal, mix, name) for name in names}
    found = {name: each for name, each in known.items() if each is not None}
    sources = dict.fromkeys(source for _, source in found.values())
    return {name: rps for name, (rps, _) in found.items()}, ", ".join(sources)
