"""Expectations of a pipeline: what is read, what breaks."""

from __future__ import annotations

import pytest

from bench.engine.fail_on import Measured, broken, parse_condition
from bench.errors import ShopbenchError

VALUES = [
    Measured("p95", "monolith", "order", 120.0),
    Measured("p95", "microservices", "order", 250.0),
    Measured("p95", "microservices", "product_read", 12.0),
    Measured("errors", "monolith", "order", 0.002),
]


@pytest.mark.parametrize(
    ("text", "metric", "deployment", "operation", "op", "value"),
    [
        ("p95>200ms", "p95", None, None, ">", 200.0),
        (" p99 >= 1.5 s ", "p99", None, None, ">=", 1500.0),
        ("p50@monolith<3ms", "p50", "monolith", None, "<", 3.0),
        ("p95/order>200", "p95", None, "order", ">", 200.0),
        (
            "p95@users+inventory|orders+payments/order>20ms",
            "p95",
            "users+inventory|orders+payments",
            "order",
            ">",
            20.0,
        ),
        ("errors>0.1%", "errors", None, None, ">", 0.001),
        ("throughput@modular-split<=50rps", "throughput", "modular-split", None, "<=", 50.0),
    ],
)
def test_conditions_are_read(  # noqa: PLR0913 - one column each
    text: str, metric: str, deployment: str | None, operation: str | None, op: str, value: float
) -> None:
    condition = parse_condition(text)
    assert (condition.metric, condition.deployment, condition.operation, condition.op) == (
        metric,
        deployment,
        operation,
        op,
    )
    assert condition.value == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    ["", "p95", "p95>", "p95>ms", "p95=200ms", "p42>1ms", "p95>1rps", "errors>3ms", "p95>-1ms"],
)
def test_anything_else_is_a_usage_error_in_one_line(text: str) -> None:
    with pytest.raises(ShopbenchError) as caught:
        parse_condition(text)
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "breaks"),
    [
        ("p95>200ms", 1),
        ("p95>10ms", 3),
        ("p95@monolith>200ms", 0),
        ("p95@microservices/product_read>20ms", 0),
        ("errors>0.1%", 1),
        ("errors>0.2%", 0),
    ],
)
def test_each_value_that_meets_the_condition_is_named(text: str, breaks: int) -> None:
    assert len(broken([parse_condition(text)], VALUES)) == breaks


def test_a_condition_that_nothing_was_measured_for_is_broken() -> None:
    lines = broken([parse_condition("p99@monolith/overview>1s")], VALUES)
    assert lines == ["p99@monolith/overview>1s: nothing was measured for it"]
