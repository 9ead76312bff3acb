"""What is read out of rows, against numpy and by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.engine.window import _quantile, read_window
from bench.engine.wrong_answers import off_schema, with_examples, wrong_answers
from bench.load.plan import Sample
from bench.results.journal import WrongAnswers, rows_table


def table(due: list[float], **changes: list[object]) -> pa.Table:
    columns: dict[str, list[object]] = {
        "due_s": list(due),
        "sent_s": [at + 0.001 for at in due],
        "done_s": [at + 0.011 for at in due],
        "status": [200] * len(due),
        "bytes": [1] * len(due),
        "operation": ["order"] * len(due),
        "journey": ["buy"] * len(due),
        "error": [""] * len(due),
        "visit": list(range(len(due))),
        "app_ms": [8.0] * len(due),
        "db_ms": [1.0] * len(due),
    }
    return rows_table({**columns, **changes})


def test_only_rows_due_in_the_window_count() -> None:
    due = [0.5, 0.999, 1.0, 1.5, 1.9999, 2.0, 2.5]
    seen = read_window(table(due), 1.0, 2.0)
    assert (seen.answers, seen.due, seen.measured_s) == (3, 3, 1.0)
    assert seen.in_flight == pytest.approx(0.03)  # three of 10 ms each in a second
    assert seen.in_flight_stated == pytest.approx(0.024)


def test_later_steps_of_a_visit_are_answers_but_no_arrivals() -> None:
    rows = table([1.0, 1.1, 1.2, 1.3], visit=[0, 0, 0, 1])
    seen = read_window(rows, 1.0, 2.0)
    assert (seen.answers, seen.due, seen.sent) == (4, 2, 2)


def test_failures_in_the_window_are_counted() -> None:
    rows = table([0.5, 1.1, 1.2], error=["timeout", "", "status 500"])
    assert read_window(rows, 1.0, 2.0).wrong == (WrongAnswers("order", 1, 2, "status 500"),)


def test_each_operation_has_its_own_share_and_most_frequent_reason() -> None:
    operations = np.array(["order"] * 4 + ["overview"] * 2)
    errors = np.array(["", "timeout", "status 503", "status 503", "", ""])
    (found,) = wrong_answers(operations, errors)
    assert found == WrongAnswers("order", 3, 4, "status 503")
    long = Sample("order", 503, b'{"code":\n "shed"}' + b"x" * 500)
    (shown,) = with_examples([found], [long, Sample("overview", 500, b"no")])
    assert shown.example.startswith('503 {"code": "shed"}xxx')
    assert len(shown.example) == len("503 ") + 200


def test_sampled_answers_that_break_the_contract_are_counted_by_operation() -> None:
    good, bad = Sample("order", 201, b"{}"), Sample("order", 201, b'{"total_cents": -1}')
    (found,) = off_schema([bad], [good, bad, good, Sample("overview", 200, b"{}")])
    assert (found.wrong, found.answers, found.sampled) == (1, 3, True)
    assert found.example == '201 {"total_cents": -1}'


def test_a_server_that_does_not_state_its_time_is_not_compared() -> None:
    rows = table([1.1, 1.2], app_ms=[1.0, float("nan")])
    assert read_window(rows, 1.0, 2.0).in_flight_stated is None


def test_lag_in_milliseconds() -> None:
    due = [1 + number / 100 for number in range(50)]
    seen = read_window(table(due), 1.0, 2.0)
    assert seen.lag_ms_p99 == pytest.approx(1.0)


def test_too_few_rows_give_no_quantile() -> None:
    seen = read_window(table([1.1, 1.2]), 1.0, 2.0)
    assert seen.lag_ms_p99 is None


@given(st.lists(st.floats(0, 1e6), min_size=20, max_size=300), st.floats(0.01, 0.99))
def test_quantiles_are_numpys_order_statistics(values: list[float], q: float) -> None:
    array = np.array(values)
    assert _quantile(array, q) == np.quantile(array, q, method="inverted_cdf")
