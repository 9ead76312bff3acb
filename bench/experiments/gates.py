"""The validity gates: from what was observed about a trial to pass, flag or fail. Pure.

A trial that fails one is invalid and its block is run again; a flag is only printed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.journal import Gate, GateOutcome, Loop, TrialStatus

DRIFT_LIMIT = 0.05  # of the median, over the measured window

GENERATOR_CPU_LIMIT = 0.70  # of a core
FOREIGN_CPU_LIMIT = 0.05  # of a core
STEAL_LIMIT = 0.01
RATE_LIMIT = 0.01
LAG_GOOD_MS, LAG_LIMIT_MS, LAG_SHARE_OF_P50 = 1.0, 5.0, 0.05
FAILURE_LIMIT = 0.001
OVERLOAD_SIGNS = {"skipped", "failures", "realised_rate"}
IN_FLIGHT_SHARE, IN_FLIGHT_PER_REQUEST_S, IN_FLIGHT_FROM = 0.05, 0.001, 1.0


@dataclass(frozen=True)
class Window:
    """What the rows of the measured window say. `stated`: by the servers themselves.

    `drift`: change of the response times over the window, None if too few; `drifts`: it is one.
    `lag_ms_p99` and `response_ms_p50` are None with too few rows to say.
    """

    measured_s: float
    answers: int
    failures: int
    due: int  # arrivals, first steps only
    sent: int
    lag_ms_p99: float | None
    response_ms_p50: float | None
    in_flight: float
    in_flight_stated: float | None
    drift: float | None = None
    drifts: bool = False


@dataclass(frozen=True)
class Observed:
    """What the gates judge. None: could not be measured. Shares and cores as fractions.

    `beyond_capacity`: the load was meant to be too much; then what a shop does about overload
    (sheds, skipped arrivals) is a result to be shown, not a fault of the trial.
    """

    loop: Loop
    window: Window
    planned: int
    sent: int
    abandoned: int
    skipped: int
    schema_violations: int | None
    generator_cpu: float | None
    foreign_cpu: float | None
    steal: float | None
    swapped_pages: int | None
    outbox_left: int | None
    beyond_capacity: bool = False


def judge(seen: Observed) -> tuple[Gate, ...]:
    """All gates that apply to the trial."""
    gates = [
        _at_most("generator_cpu", seen.generator_cpu, GENERATOR_CPU_LIMIT, "cores"),
        _at_most("foreign_cpu", seen.foreign_cpu, FOREIGN_CPU_LIMIT, "cores"),
        _at_most("steal", seen.steal, STEAL_LIMIT, "share"),
        _at_most("swap", seen.swapped_pages, 0, "pages"),
        _at_most("skipped", seen.skipped, 0, "requests"),
        _at_most("not_sent", _not_sent(seen), 0, "requests"),
        _failures(seen.window),
        _at_most("schema_violations", seen.schema_violations, 0, "answers"),
        _outbox(seen),
    ]
    if seen.loop == "open":
        gates += [_lag(seen.window), _realised_rate(seen.window), _in_flight(seen.window)]
    if seen.window.drift is not None:  # with too few answers the question does not arise
        outcome: GateOutcome = "flag" if seen.window.drifts else "pass"
        gates.append(Gate("drift", seen.window.drift, DRIFT_LIMIT, "share", outcome))
    if seen.beyond_capacity:
        gates = [_expected(gate) for gate in gates]
    return tuple(gates)


def _expected(gate: Gate) -> Gate:
    """In overload that was asked for, its signs are flags."""
    signs = gate.name in OVERLOAD_SIGNS and gate.outcome == "fail"
    return replace(gate, outcome="flag") if signs else gate


def status_of(gates: tuple[Gate, ...]) -> TrialStatus:
    """The trial's status: the worst of its gates."""
    outcomes = {gate.outcome for gate in gates}
    if "fail" in outcomes:
        return "invalid"
    return "flagged" if "flag" in outcomes else "valid"


def _at_most(name: str, value: float | None, limit: float, unit: str) -> Gate:
    """Pass up to the limit; a value that could not be measured is a flag, never a pass."""
    if value is None:
        return Gate(name, None, limit, unit, "flag")
    return Gate(name, float(value), limit, unit, "pass" if value <= limit else "fail")


def _not_sent(seen: Observed) -> int:
    """Steps after a failed one are not due; skips have a gate of their own."""
    return abs(seen.planned - seen.abandoned - seen.skipped - seen.sent)


def _failures(seen: Window) -> Gate:
    share = seen.failures / seen.answers if seen.answers else 1.0
    outcome: GateOutcome = "pass"
    if share > 0:
        outcome = "flag" if share <= FAILURE_LIMIT else "fail"
    return Gate("failures", share, FAILURE_LIMIT, "share", outcome)


def _outbox(seen: Observed) -> Gate:
    """Left-over work makes the CPU window incomplete, but no response time wrong."""
    outcome: GateOutcome = "pass" if seen.outbox_left == 0 else "flag"
    left = None if seen.outbox_left is None else float(seen.outbox_left)
    return Gate("outbox", left, 0, "events", outcome)


def _lag(seen: Window) -> Gate:
    lag, median = seen.lag_ms_p99, seen.response_ms_p50
    if lag is None or median is None:
        return Gate("send_lag_p99", lag, LAG_GOOD_MS, "ms", "flag")
    outcome: GateOutcome = "pass"
    if lag > LAG_GOOD_MS:
        too_late = lag > LAG_LIMIT_MS and lag > LAG_SHARE_OF_P50 * median
        outcome = "fail" if too_late else "flag"
    return Gate("send_lag_p99", lag, LAG_GOOD_MS, "ms", outcome)


def _realised_rate(seen: Window) -> Gate:
    """Arrivals sent against arrivals due in the window; one at its edge is no deviation."""
    off = abs(seen.sent - seen.due)
    share = off / seen.due if seen.due else 1.0
    outcome: GateOutcome = "pass" if off <= 1 or share <= RATE_LIMIT else "fail"
    return Gate("realised_rate", share, RATE_LIMIT, "share", outcome)


def _in_flight(seen: Window) -> Gate:
    """Little's law from both ends: the client's service times against the server's own."""
    if seen.in_flight_stated is None or seen.in_flight < IN_FLIGHT_FROM:
        return Gate("in_flight", None, None, "requests", "pass")
    rate = seen.answers / seen.measured_s
    limit = max(IN_FLIGHT_SHARE * seen.in_flight, rate * IN_FLIGHT_PER_REQUEST_S)
    off = abs(seen.in_flight - seen.in_flight_stated)
    return Gate("in_flight", off, limit, "requests", "pass" if off <= limit else "flag")
