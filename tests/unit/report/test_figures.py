"""Figures: what they are made of, and what of them goes into the page."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.experiments.latency import figure_selection
from bench.experiments.latency.figures.tail import percentile_curve
from bench.experiments.latency.findings import Findings
from bench.report.analysis import Analysis
from bench.report.figures.style import (
    Figure,
    below,
    inline_svg,
    log_limits,
    look,
    spread_labels,
    svg_text,
    text_on,
)
from bench.report.naming import DEPLOYMENTS
from bench.report.page import figures_of


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=12), st.floats(0.01, 2))
def test_spread_labels_keep_their_distance_and_their_order(places: list[float], gap: float) -> None:
    placed = spread_labels(places, gap)
    order = sorted(range(len(places)), key=lambda i: places[i])
    steps = np.diff([placed[i] for i in order])
    assert (steps >= gap - 1e-9).all()


def test_labels_that_are_far_apart_stay_where_they_are() -> None:
    assert spread_labels([3.0, 1.0, 2.0], 0.5) == [3.0, 1.0, 2.0]


def test_labels_at_the_top_are_pushed_down_under_the_edge() -> None:
    assert below([3.0, 2.9, 1.0], 0.5, 3.0) == [3.0, 2.5, 1.0]
    assert below([3.2, 1.0], 0.5, 3.0) == [3.0, 1.0]


def test_one_endless_interval_does_not_squeeze_the_axis() -> None:
    low, high = log_limits([(10.0, 9.0, 11.0), (20.0, 1e-6, 1e9)]) or (0.0, 0.0)
    assert 10 / 3 / 1.2 < low < 9
    assert 20 < high < 60 * 1.2
    assert log_limits([]) is None


@pytest.mark.parametrize("n", [11, 100, 5000])
def test_the_distribution_is_cut_where_fewer_than_ten_samples_remain(n: int) -> None:
    values = np.arange(1, n + 1, dtype=np.float32)
    x, y = percentile_curve(values)
    assert y[-1] == n - 10
    assert x[-1] == pytest.approx(n / 10)
    assert (np.diff(y) > 0).all()


def test_ten_samples_draw_nothing() -> None:
    assert percentile_curve(np.ones(10, dtype=np.float32))[0].size == 0


def test_each_deployment_has_a_look_of_its_own() -> None:
    looks = [look(name) for name in DEPLOYMENTS]
    for part in ("colour", "dashes", "marker"):
        assert len({getattr(x, part) for x in looks}) == len(looks)
    assert look("users|orders") == look("users|orders")
    assert (text_on("#0072B2"), text_on("#E69F00")) == ("white", "#1b1f23")


def quality(analysis: Analysis) -> Figure:
    return figures_of(analysis)[-1]


def test_every_figure_is_drawn_once_with_its_words(analysis: Analysis) -> None:
    figures = figures_of(analysis)
    names = [f.name for f in figures]
    assert len(set(names)) == len(names)
    assert {"forest-named", "ladder", "tail-order-order", "tail-overview-overview",
            "percentiles-rounds", "cpu-components", "quality"} <= set(names)  # fmt: skip
    assert all(f.title and f.caption for f in figures)
    stated = [f for f in figures if not f.name.startswith(("quality", "tail", "floor"))]
    assert all("start" in f.caption and "interval" in f.caption.lower() for f in stated)
    assert not any("block" in f.caption for f in stated)
    assert not any("closed loop" in f.title + f.caption for f in stated)


def test_the_time_of_rounds_is_labelled_service_time(analysis: Analysis) -> None:
    for figure in (
        *figure_selection.tails(analysis.data.once(Findings)),
        *figure_selection.percentiles(analysis.data.once(Findings)),
    ):
        assert "service time" in figure.title
        text = svg_text(figure)
        assert "service time, ms" in text
        assert "response time" not in text


def test_the_percentiles_of_all_operations_stand_in_one_figure(analysis: Analysis) -> None:
    (figure,) = figure_selection.percentiles(analysis.data.once(Findings))
    text = svg_text(figure)
    assert all(name in text for name in ("product read", "wallet read", "order", "overview"))
    assert "all operations" not in text


def test_cpu_stands_there_less_the_idle_rate_and_the_idle_rate_beside_it(
    analysis: Analysis,
) -> None:
    figure = figure_selection.cpu(analysis.data.once(Findings))
    assert figure is not None
    text = svg_text(figure)
    assert text.count("+ 0.8") >= 8  # 0.08 s of 96 requests are idle
    assert "order, one request at a time" in text


def test_the_inlined_svg_has_its_own_ids_and_no_address(analysis: Analysis) -> None:
    figure = quality(analysis)
    text = inline_svg(svg_text(figure), figure)
    assert text.startswith("<svg viewBox=")
    assert "://" not in text
    assert "<metadata" not in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert all(i.startswith("quality-") for i in ids)
    assert len(set(ids)) == len(ids)
    used = re.findall(r'(?:href="#|url\(#)([^")]+)', text)
    assert set(used) <= set(ids)


def test_the_same_run_gives_the_same_drawing(analysis: Analysis) -> None:
    first, second = quality(analysis), quality(analysis)
    assert svg_text(first) == svg_text(second)
