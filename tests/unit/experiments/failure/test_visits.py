"""Planted rows: what became of each visit."""

from typing import Any

import pytest

from bench.load.visits import OUTCOMES, visits_of
from bench.results.journal import rows_table

SLO_MS = 200.0


def rows(*entries: tuple[int, str, float, float, int, str]) -> Any:
    """(visit, operation, due, response ms, status, error)."""
    return rows_table(
        {
            "due_s": [e[2] for e in entries],
            "sent_s": [e[2] for e in entries],
            "done_s": [e[2] + e[3] / 1000 for e in entries],
            "status": [e[4] for e in entries],
            "bytes": [0] * len(entries),
            "operation": [e[1] for e in entries],
            "journey": ["buy"] * len(entries),
            "error": [e[5] for e in entries],
            "visit": [e[0] for e in entries],
            "app_ms": [0.0] * len(entries),
            "db_ms": [0.0] * len(entries),
        }
    )


@pytest.mark.parametrize(
    ("operation", "ms", "status", "error", "outcome"),
    [
        ("order", 20, 201, "", "ok"),
        ("order", 20, 202, "", "degraded"),
        ("order", 201, 201, "", "degraded"),
        ("overview", 20, 200, "degraded", "degraded"),
        ("order", 20, 503, "status 503 overloaded", "failed"),
        ("order", 20, 409, "status 409 out_of_stock", "failed"),
        ("product_read", 20, 200, "shape", "failed"),
        ("order", 9000, 0, "timeout", "unknown"),
        ("order", 2, 0, "reset", "unknown"),
        ("order", 2, 0, "closed", "unknown"),
        ("order", 2, 0, "refused", "failed"),  # nothing was sent
        ("order", 0, 0, "skipped", "failed"),  # never sent at all
        ("product_read", 9000, 0, "timeout", "failed"),  # a read leaves nothing open
    ],
)
def test_a_visit_of_one_step_is_what_its_row_is(
    operation: str, ms: float, status: int, error: str, outcome: str
) -> None:
    found = visits_of(rows((0, operation, 1.0, ms, status, error)), SLO_MS)
    assert OUTCOMES[found.outcome[0]] == outcome


def test_a_visit_is_as_good_as_its_worst_step_and_lasts_to_its_last() -> None:
    found = visits_of(
        rows(
            (0, "product_read", 1.0, 10, 200, ""),
            (1, "product_read", 0.5, 10, 200, ""),
            (0, "order", 1.01, 10, 202, ""),
            (0, "order_read", 1.02, 30, 500, "status 500"),
        ),
        SLO_MS,
    )
    assert found.due_s.tolist() == [0.5, 1.0]  # in order of their due times
    assert [OUTCOMES[code] for code in found.outcome] == ["ok", "failed"]
    assert found.done_s[1] == pytest.approx(1.05)
    assert found.told.tolist() == [False, True]
    assert found.counts(found.between(0.0, 2.0)) == (1, 0, 1, 0)
    assert found.counts(found.between(0.5, 1.0)) == (1, 0, 0, 0)


def test_no_rows_are_no_visits() -> None:
    assert visits_of(rows(), SLO_MS).outcome.size == 0
