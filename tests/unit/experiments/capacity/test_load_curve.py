"""Load curve and goodput at six loads, 10 to 120 % of the smaller capacity."""

import json
from pathlib import Path

import msgspec
import pytest

from bench.experiments.capacity.figures.goodput import good_share, lost_requests
from bench.experiments.capacity.figures.load_curve import OVERLOAD
from bench.experiments.capacity.findings import curve_cells
from bench.experiments.capacity.load import load_curve_section
from bench.experiments.capacity.records import CURVE, SearchEnd
from bench.report.analysis import Analysis, analyse
from bench.report.figures.style import Figure, svg_text
from bench.report.selection import Cell
from tests.unit.report.factory import Plan, open_run

CAPACITY = {"monolith": 500.0, "microservices": 400.0}
LOADS = tuple(400.0 * share for share in (0.1, 0.3, 0.6, 0.8, 1.0, 1.2))


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    searches = [
        SearchEnd("mixed", name, 0, rps / 1.04, rps * 1.04, True, "", 3)
        for name, rps in CAPACITY.items()
    ]
    plan = Plan(
        blocks=6, requests=600, deployments=tuple(CAPACITY), loads=LOADS, capacity=CAPACITY,
        failed_every=300, settings={"capacity_searches": msgspec.to_builtins(searches)},
    )  # fmt: skip
    run = open_run(tmp_path_factory.mktemp("six"), plan)
    journal = run / "journal.json"
    measured = json.loads(journal.read_bytes())
    for trial in measured["trials"]:
        trial["experiment"] = CURVE
    journal.write_text(json.dumps(measured))
    return analyse(run)


def drawn_in(analysis: Analysis, what: str) -> list[Figure]:
    section = load_curve_section(analysis.data)
    assert section is not None
    return list(section.context[what])


def at(analysis: Analysis, load: float) -> Cell:
    return next(cell for cell in curve_cells(analysis.data) if cell.offered_rps == load)


def test_the_curve_says_loads_capacity_and_overload(six: Analysis) -> None:
    (figure,) = drawn_in(six, "curves")
    text = svg_text(figure)
    assert OVERLOAD in text
    assert "SLO 200 ms" in text
    assert "40 (10%)" in figure.caption
    assert "480 (120%)" in figure.caption
    assert "monolith 500, microservices 400; searched at the SLO" in figure.caption


def test_no_response_time_is_drawn_in_overload_but_goodput_is(six: Analysis) -> None:
    (times,), (goodput,) = drawn_in(six, "curves"), drawn_in(six, "goodputs")
    drawn = {line.get_label(): len(line.get_xdata()) for line in times.canvas.axes[0].lines}
    assert (drawn["monolith"], drawn["microservices"]) == (5, 4)  # 500 and 400 requests/s
    longest = max(len(line.get_xdata()) for line in goodput.canvas.axes[0].lines)
    assert longest == len(LOADS)


def test_what_was_lost_is_counted_by_kind_and_adds_up(six: Analysis) -> None:
    cell = at(six, 480.0)
    lost, planned = lost_requests(cell, "microservices")
    good = good_share(cell, "microservices")
    assert good is not None
    assert set(lost) == {"shed (429, 503)", "no answer in time", "answered after the trial"}
    assert planned - sum(lost.values()) == round(good.estimate * planned)
    assert good.estimate < 0.95 < good_share(at(six, 40.0), "microservices").estimate  # type: ignore[union-attr]


def test_no_ratio_is_given_between_the_points_of_a_curve(six: Analysis) -> None:
    assert not any("@480" in v.id or CURVE in v.id for v in six.verdicts)


def test_one_load_is_no_curve(tmp_path: Path) -> None:
    found = analyse(open_run(tmp_path, Plan(blocks=1, requests=40)))
    assert load_curve_section(found.data) is None
