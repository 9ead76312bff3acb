"""Planted rows: what a change did to the visits, against the quiet window of the same stretch."""

import pytest

from bench.experiments.redeploy.counting import counted, quiet_visits, told
from tests.unit.experiments.redeploy.release_runs import change, rows_with

RELEASE = change("monolith", 0, "release", "monolith", 5.0)


def test_visits_of_a_release_are_those_due_until_a_second_after_it() -> None:
    (found,) = counted(rows_with([(5.0, 7)]), [RELEASE], 200.0)
    assert (found.visits, found.failed, found.slow) == (60, 7, 0)
    assert found.disturbed == 7.0
    assert found.refused == 7
    assert found.refused_for_s == pytest.approx(0.3)
    assert "7 connections refused over 0.3 s" in told(found)


def test_what_the_quiet_window_loses_too_is_taken_off() -> None:
    rows = rows_with([(1.0, 4), (5.0, 10)])
    (found,) = counted(rows, [RELEASE], 200.0)
    assert quiet_visits(rows, RELEASE, 200.0) == (40, 4, 0)
    assert found.expected == pytest.approx(60 * 4 / 40)
    assert found.disturbed == pytest.approx(10 - 6)


def test_what_is_lost_outside_of_its_window_is_not_its_own() -> None:
    (found,) = counted(rows_with([(3.2, 5), (8.1, 5)]), [RELEASE], 200.0)
    assert found.failed == 0
    assert found.refused == 0


def test_late_answers_are_slow_visits() -> None:
    (found,) = counted(rows_with([]), [RELEASE], 5.0)
    assert (found.failed, found.slow) == (0, 60)
    assert found.disturbed == 0.0  # as slow as in the quiet window
