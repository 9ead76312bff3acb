"""Expectations for a pipeline: `--fail-on 'p95@monolith/order>200ms'`, judged at the end of a run.

Grammar: METRIC[@deployment][/operation] OP VALUE [UNIT]. Metrics: p50 p95 p99 (ms, s), errors
(%), throughput (rps), cpu (ms a request). Without a deployment or operation every one must hold.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.errors import ShopbenchError, near
from bench.registry import Measurable

_PATTERN = re.compile(
    r"^\s*(?P<metric>[a-z0-9]+)(?:@(?P<deployment>[A-Za-z0-9+|_-]+))?"
    r"(?:/(?P<operation>[A-Za-z0-9_/.-]+))?"
    r"\s*(?P<op><=|>=|<|>)\s*(?P<value>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[a-z%]*)\s*$"
)
# Factor to the metric's own unit, by unit; "" is that unit itself.
_UNITS: dict[str, dict[str, float]] = {
    **{name: {"ms": 1.0, "s": 1000.0, "us": 0.001, "": 1.0} for name in ("p50", "p95", "p99")},
    "errors": {"%": 0.01, "": 1.0},
    "throughput": {"rps": 1.0, "": 1.0},
    "cpu": {"ms": 1.0, "": 1.0},
}
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Condition:
    """The run fails where `metric op value` is true. None: every deployment, every operation."""

    text: str
    metric: str
    deployment: str | None
    operation: str | None
    op: str
    value: float

    def breaks(self, measured: float) -> bool:
        """Tell whether a measured value meets the condition for failing."""
        return _OPERATORS[self.op](measured, self.value)


@dataclass(frozen=True)
class Measured:
    """One value a condition can be held against, in the metric's own unit."""

    metric: str
    deployment: str
    operation: str
    value: float


def parse_condition(text: str) -> Condition:
    """Read a condition. Raises ShopbenchError (usage) that says what is wrong."""
    match = _PATTERN.match(text)
    if match is None:
        raise ShopbenchError(
            f"cannot read --fail-on {text!r}; it is METRIC[@deployment][/operation] OP VALUE UNIT,"
            " as in 'p95@monolith/order>200ms'",
            2,
        )
    metric, unit = match["metric"], match["unit"]
    if metric not in _UNITS:
        raise ShopbenchError(
            f"--fail-on {text!r}: unknown metric {metric!r}{near(metric, _UNITS)}", 2
        )
    if unit not in _UNITS[metric]:
        known = ", ".join(name for name in _UNITS[metric] if name)
        raise ShopbenchError(f"--fail-on {text!r}: {metric} is given in {known}", 2)
    value = float(match["value"]) * _UNITS[metric][unit]
    return Condition(text, metric, match["deployment"], match["operation"], match["op"], value)


def check_measurable(condition: Condition, offered: Sequence[Measurable]) -> None:
    """Refuse a condition that nothing in the run can meet. Raises ShopbenchError (usage)."""
    metrics = [metric for each in offered for metric in each.operations]
    _check_named(condition, "metric", condition.metric, metrics)
    offered = [each for each in offered if condition.metric in each.operations]
    deployments = [name for each in offered for name in each.deployments]
    _check_named(condition, "deployment", condition.deployment, deployments)
    offered = [each for each in offered if condition.deployment in {None, *each.deployments}]
    operations = [each.operations[condition.metric] for each in offered]
    known = [names for names in operations if names is not None]
    if len(known) == len(operations):
        _check_named(condition, "operation", condition.operation, sum(known, ()))


def _check_named(condition: Condition, what: str, name: str | None, known: Iterable[str]) -> None:
    there = list(dict.fromkeys(known))
    if name is not None and name not in there:
        why = f"no {what} {name!r} in this run{near(name, there)}"
        raise ShopbenchError(f"--fail-on {condition.text!r}: {why}", 2)


def broken(conditions: list[Condition], measured: list[Measured]) -> list[str]:
    """One line for each broken condition; one that nothing was measured for is broken too."""
    lines = []
    for condition in conditions:
        matching = [value for value in measured if _applies(condition, value)]
        if not matching:
            lines.append(f"{condition.text}: nothing was measured for it")
        lines += [
            f"{condition.text}: {value.metric} of {value.deployment}/{value.operation}"
            f" is {value.value:.4g}"
            for value in matching
            if condition.breaks(value.value)
        ]
    return lines


def _applies(condition: Condition, value: Measured) -> bool:
    return (
        condition.metric == value.metric
        and condition.deployment in {None, value.deployment}
        and condition.operation in {None, value.operation}
    )
