"""Every validity gate trips on the fault it is there for, and on nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.engine.gates import Observed, Window, judge, reasons, status_of
from bench.results.journal import Gate, WrongAnswers

WINDOW = Window(
    measured_s=10.0,
    answers=1000,
    wrong=(),
    due=1000,
    sent=1000,
    lag_ms_p99=0.4,
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
    clock_step_ms=0.1,
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
        ("swap", {"swapped_pages": 1}),
        ("clock_step", {"clock_step_ms": 21.0}),
        ("skipped", {"skipped": 1, "sent": 1199}),
        ("not_sent", {"sent": 1199}),
        ("diverged", {"diverged": 0.011}),
    ],
)
def test_each_gate_trips(gate: str, changes: dict[str, float]) -> None:
    seen = replace(CLEAN, **changes)  # type: ignore[arg-type]
    gates = judge(seen)
    assert [each.name for each in gates if each.outcome == "fail"] == [gate]
    assert status_of(gates) == "invalid"


@pytest.mark.parametrize(
    ("gate", "changes"),
    [
        ("foreign_cpu", {"foreign_cpu": 0.051}),
        ("steal", {"steal": 0.011}),
        ("schema_violations", {"schema_violations": 1}),
        ("outbox", {"outbox_left": 3}),
    ],
)
def test_what_only_widens_an_interval_or_is_a_finding_is_flagged(
    gate: str, changes: dict[str, float]
) -> None:
    gates = judge(replace(CLEAN, **changes))  # type: ignore[arg-type]
    assert [each.name for each in gates if each.outcome != "pass"] == [gate]
    assert status_of(gates) == "flagged"


def test_overload_that_was_asked_for_is_no_fault() -> None:
    seen = replace(CLEAN, skipped=100, sent=1100, beyond_capacity=True)
    assert status_of(judge(seen)) == "flagged"


def test_a_trial_of_rounds_has_no_arrivals_to_judge() -> None:
    names = {gate.name for gate in judge(replace(CLEAN, loop="rounds", diverged=0.0))}
    assert names == {
        *("generator_cpu", "swap", "clock_step", "not_sent", "foreign_cpu", "steal"),
        *("failures", "schema_violations", "outbox", "diverged"),
    }


def test_why_a_trial_is_invalid_is_said_in_words() -> None:
    assert reasons(judge(CLEAN)) == ""
    seen = replace(CLEAN, generator_cpu=0.834, swapped_pages=2, steal=0.5)
    said = "generator cpu 0.834 cores (limit 0.7), swap 2 pages (limit 0)"
    assert reasons(judge(seen)) == said


@pytest.mark.parametrize(
    ("gate", "expected", "changes"),
    [
        ("send_lag_p99", "pass", {"lag_ms_p99": 1.0}),
        ("send_lag_p99", "flag", {"lag_ms_p99": 50.0}),
        ("send_lag_p99", "flag", {"lag_ms_p99": None}),
        ("realised_rate", "pass", {"sent": 991}),
        ("realised_rate", "flag", {"sent": 989}),
        ("realised_rate", "flag", {"sent": 1011}),
        ("realised_rate", "pass", {"due": 20, "sent": 19}),  # one at the edge
        ("realised_rate", "flag", {"due": 0, "sent": 5}),
        ("failures", "flag", {"wrong": (WrongAnswers("order", 1, 1000, "timeout"),)}),
        ("failures", "flag", {"answers": 0}),
        ("in_flight", "pass", {"in_flight_stated": 1.901}),
        ("in_flight", "flag", {"in_flight": 4.0, "in_flight_stated": 3.7}),
        ("in_flight", "pass", {"in_flight": 0.9, "in_flight_stated": 0.1}),
        ("in_flight", "pass", {"in_flight_stated": None}),
    ],
)
def test_gates_on_the_measured_window(gate: str, expected: str, changes: dict[str, object]) -> None:
    assert outcome(gate, replace(CLEAN, window=replace(WINDOW, **changes))) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "unmeasured", ["generator_cpu", "foreign_cpu", "steal", "swapped_pages", "outbox_left"]
)
def test_what_could_not_be_measured_is_flagged_never_passed(unmeasured: str) -> None:
    gates = judge(replace(CLEAN, **{unmeasured: None}))  # type: ignore[arg-type]
    assert status_of(gates) == "flagged"


def test_steps_after_a_failed_one_are_not_missing() -> None:
    assert outcome("not_sent", replace(CLEAN, sent=1190, abandoned=10)) == "pass"


def test_a_closed_loop_has_no_schedule_to_keep() -> None:
    names = {gate.name for gate in judge(replace(CLEAN, loop="closed"))}
    assert names.isdisjoint({"send_lag_p99", "realised_rate", "in_flight"})


def test_one_failure_makes_the_trial_invalid_whatever_else_is_flagged() -> None:
    flagged = Gate("a", 1.0, 1.0, "", "flag")
    assert status_of((flagged,)) == "flagged"
    assert status_of((flagged, Gate("b", 1.0, 1.0, "", "fail"))) == "invalid"
