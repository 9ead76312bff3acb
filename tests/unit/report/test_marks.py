"""Marks of figures: what is said of a drawn thing, its arm, and the CSV at a click."""

from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.report.analysis import Analysis
from bench.report.figures.marks import Mark, csv_link, mark
from bench.report.figures.style import INK, Figure, drawing, inline_svg, svg_text, text_on
from bench.report.page import figures_of
from tests.unit.report.hostile import ATTACK, page_faults

ORDER = Mark("microservices", "order", 11.0, 10.1, 11.9, 6, "ms")


def drawn(marks: Sequence[Mark], data: Sequence[dict[str, object]] = ()) -> Figure:
    with drawing(4.0, 2.0) as (canvas, (axis,)):
        for at, each in enumerate(marks):
            mark([*axis.plot(at, 1.0, "o"), *axis.plot([at, at], [0.5, 1.5])], each)
        axis.set_title("T", color=INK)
        axis.text(0, 0, "on a cell", color=text_on("#E69F00"))
    return Figure("f", "A figure", "Its caption.", canvas, data=data)


def lines_of(link: str) -> list[str]:
    return b64decode(link.partition(",")[2]).decode().splitlines()


def test_a_mark_says_value_interval_and_n() -> None:
    assert ORDER.told == "microservices · order: 11.0 ms [10.1, 11.9], n = 6"
    assert Mark("", "a set", 1.5, unit="×").told == "a set: ×1.50"
    assert Mark("monolith").told == ""


def test_the_page_gets_a_title_and_the_arm_of_every_part() -> None:
    svg = inline_svg(svg_text(figure := drawn([ORDER, Mark("monolith")])), figure)
    assert svg.count(f"<title>{ORDER.told}</title>") == 2
    assert svg.count('data-arm="microservices"') == svg.count('data-arm="monolith"') == 2
    assert svg.count('class="mark"') == 2


def test_a_hostile_name_stays_text_in_title_arm_and_csv() -> None:
    figure = drawn([Mark(ATTACK, ATTACK, 1.0)])
    svg = inline_svg(svg_text(figure), figure)
    ElementTree.fromstring(svg)
    assert page_faults(f'{svg}<a href="{figure.csv}">CSV</a>', scripts=0) == []


def test_the_csv_holds_what_the_marks_say_or_what_a_figure_brings() -> None:
    assert lines_of(drawn([ORDER, Mark("monolith")]).csv) == [
        "arm,what,value,low,high,n,unit", "microservices,order,11.0,10.1,11.9,6,ms",
    ]  # fmt: skip
    assert lines_of(drawn([ORDER], [{"percentile": 50.0, "ms": 4.2}]).csv)[1] == "50.0,4.2"
    assert csv_link([], []) == ""


def test_in_the_dark_ink_and_paper_change_but_not_what_stands_on_a_colour() -> None:
    svg = inline_svg(svg_text(figure := drawn([ORDER])), figure)
    assert INK not in svg
    assert "var(--ink)" in svg
    assert "var(--paper)" in svg
    assert f"fill: {text_on('#E69F00')}" in svg


def test_a_narrow_form_stands_in_the_page_beside_the_wide_one(built: Path) -> None:
    page = (built / "report.html").read_text(encoding="utf-8")
    figure = page[page.index('id="figure-ladder"') :].partition("</figure>")[0]
    assert figure.count("<svg") == 2
    assert figure.count('class="desk"') == figure.count('class="phone"') == 1
    assert not (built / "figures" / "ladder-narrow.svg").exists()


def test_every_figure_of_a_report_has_its_numbers(analysis: Analysis) -> None:
    assert [figure.name for figure in figures_of(analysis) if not figure.csv] == []


@pytest.mark.parametrize("name", ["ladder", "forest-named", "percentiles-rounds", "cpu-components"])
def test_the_marks_of_a_figure_have_intervals_and_arms(analysis: Analysis, name: str) -> None:
    (figure,) = [each for each in figures_of(analysis) if each.name == name]
    marks = figure.canvas.marks
    assert len({each.arm for each in marks}) > 1
    assert any(each.low is not None and each.n for each in marks)
