"""Every validity gate trips on the fault it is there for, and on nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.experiments.gates import Observed, Window, judge, status_of
from bench.journal import Gate

WINDOW = Window(
    measured_s=10.0,
    answers=1000,
    failures=0,
    due=1000,
    sent=1000,
    lag_ms_p99=0.4,
    response_ms_p50=5.0,
    in_flight=2.0,
    in_flight_stated=1.98,
)
CLEAN = Observed(
    loop="open",
    window=WINDOW,
    planned=1200,
    sent=1200,
    abandoned=0,
    skipped=0,
    schema_violations=0,
    generator_cpu=0.3,
    foreign_cpu=0.01,
    steal=0.0,
    swapped_pages=0,
    outbox_left=0,
)


def outcome(gate: str, seen: Observed) -> str:
    return next(each.outcome for each in judge(seen) if each.name == gate)


def test_a_clean_trial_passes_every_gate() -> None:
    gates = judge(CLEAN)
    assert {gate.outcome for gate in gates} == {"pass"}
    assert status_of(gates) == "valid"


@pytest.mark.parametrize(
    ("gate", "changes"),
    [
        ("generator_cpu", {"generator_cpu": 0.71}),
        ("foreign_cpu", {"foreign_cpu": 0.051}),
        ("steal", {"steal": 0.011}),
        ("swap", {"swapped_pages": 1}),
        ("skipped", {"skipped": 1, "sent": 1199}),
        ("not_sent", {"sent": 1199}),
        ("schema_violations", {"schema_violations": 1}),
    ],
)
def test_each_gate_trips(gate: str, changes: dict[str, float]) -> None:
    seen = replace(CLEAN, **changes)  # type: ignore[arg-type]
    gates = judge(seen)
    assert [each.name for each in gates if each.outcome == "fail"] == [gate]
    assert status_of(gates) == "invalid"


@pytest.mark.parametrize(
    ("gate", "expected", "changes"),
    [
        ("send_lag_p99", "pass", {"lag_ms_p99": 1.0}),
        ("send_lag_p99", "flag", {"lag_ms_p99": 1.1}),
        ("send_lag_p99", "flag", {"lag_ms_p99": 5.0}),
        ("send_lag_p99", "fail", {"lag_ms_p99": 5.1}),
        # above 5 ms, but not above 5 % of the median
        ("send_lag_p99", "flag", {"lag_ms_p99": 6.0, "response_ms_p50": 200.0}),
        ("send_lag_p99", "flag", {"lag_ms_p99": None}),
        ("realised_rate", "pass", {"sent": 991}),
        ("realised_rate", "fail", {"sent": 989}),
        ("realised_rate", "fail", {"sent": 1011}),
        ("realised_rate", "pass", {"due": 20, "sent": 19}),  # one at the edge
        ("realised_rate", "fail", {"due": 0, "sent": 5}),
        ("failures", "flag", {"failures": 1}),
        ("failures", "fail", {"failures": 2}),
        ("failures", "fail", {"answers": 0}),
        ("in_flight", "pass", {"in_flight_stated": 1.901}),
        ("in_flight", "flag", {"in_flight": 4.0, "in_flight_stated": 3.7}),
        ("in_flight", "pass", {"in_flight": 0.9, "in_flight_stated": 0.1}),
        ("in_flight", "pass", {"in_flight_stated": None}),
    ],
)
def test_gates_on_the_measured_window(gate: str, expected: str, changes: dict[str, float]) -> None:
    assert outcome(gate, replace(CLEAN, window=replace(WINDOW, **changes))) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "unmeasured", ["generator_cpu", "foreign_cpu", "steal", "swapped_pages", "outbox_left"]
)
def test_what_could_not_be_measured_is_flagged_never_passed(unmeasured: str) -> None:
    gates = judge(replace(CLEAN, **{unmeasured: None}))  # type: ignore[arg-type]
    assert status_of(gates) == "flagged"


def test_work_left_in_the_outbox_is_flagged() -> None:
    assert outcome("outbox", replace(CLEAN, outbox_left=3)) == "flag"


def test_steps_after_a_failed_one_are_not_missing() -> None:
    assert outcome("not_sent", replace(CLEAN, sent=1190, abandoned=10)) == "pass"


def test_a_closed_loop_has_no_schedule_to_keep() -> None:
    names = {gate.name for gate in judge(replace(CLEAN, loop="closed"))}
    assert names.isdisjoint({"send_lag_p99", "realised_rate", "in_flight"})


def test_one_failure_makes_the_trial_invalid_whatever_else_is_flagged() -> None:
    flagged = Gate("a", 1.0, 1.0, "", "flag")
    assert status_of((flagged,)) == "flagged"
    assert status_of((flagged, Gate("b", 1.0, 1.0, "", "fail"))) == "invalid"
