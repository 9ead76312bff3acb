"""The validity gates: from what was observed about a trial to pass, flag or fail. Pure.

A gate fails, and its trial is invalid, only where what happened makes the numbers wrong (bias).
What only makes them scatter (foreign CPU, steal, lateness, drift) is flagged: the interval shows
it. Failed and wrong answers are a finding about the shop, so they are flagged too; the report gives
no time ratio from them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.results.journal import Gate, GateOutcome, Loop, TrialStatus, WrongAnswers

DRIFT_LIMIT = 0.05  # of the median, over the measured window

GENERATOR_CPU_LIMIT = 0.70  # of a core
DIVERGED_LIMIT = 0.01  # of the visits
FOREIGN_CPU_LIMIT = 0.05  # of a core
STEAL_LIMIT = 0.01
CLOCK_STEP_LIMIT_MS = 20.0  # NTP slews by 0.5 ms a second at the most
RATE_LIMIT = 0.01
LAG_GOOD_MS = 1.0
WRONG_LIMIT = 0.001  # of the answers to an operation
IN_FLIGHT_SHARE, IN_FLIGHT_PER_REQUEST_S, IN_FLIGHT_FROM = 0.05, 0.001, 1.0


@dataclass(frozen=True)
class Window:
    """What the rows of the measured window say. `stated`: by the servers themselves.

    `wrong`: of the operations with failed answers.

    `drift`: change of the response times over the window, None if too few; `drifts`: it is one.
    `lag_ms_p99` is None with too few rows to say.
    """

    measured_s: float
    answers: int
    wrong: tuple[WrongAnswers, ...]
    due: int  # arrivals, first steps only
    sent: int
    lag_ms_p99: float | None
    in_flight: float
    in_flight_stated: float | None
    drift: float | None = None
    drifts: bool = False


@dataclass(frozen=True)
class Observed:
    """What the gates judge. None: could not be measured. Shares and cores as fractions.

    `beyond_capacity`: the load was meant to be too much; then what a shop does about overload
    (sheds, skipped arrivals) is a result to be shown, not a fault of the trial. `diverged`: share
    of the visits that took another course on another side; None where visits are not compared.
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
    clock_step_ms: float
    outbox_left: int | None
    beyond_capacity: bool = False
    diverged: float | None = None


def judge(seen: Observed) -> tuple[Gate, ...]:
    """All gates that apply to the trial."""
    gates = [
        _at_most("generator_cpu", seen.generator_cpu, GENERATOR_CPU_LIMIT, "cores"),
        _at_most("swap", seen.swapped_pages, 0, "pages"),
        _at_most("clock_step", seen.clock_step_ms, CLOCK_STEP_LIMIT_MS, "ms"),
        _at_most("not_sent", _not_sent(seen), 0, "requests"),
        _shown(_at_most("foreign_cpu", seen.foreign_cpu, FOREIGN_CPU_LIMIT, "cores")),
        _shown(_at_most("steal", seen.steal, STEAL_LIMIT, "share")),
        _wrong(seen.window),
        _shown(_at_most("schema_violations", seen.schema_violations, 0, "answers")),
        _shown(_at_most("outbox", seen.outbox_left, 0, "events")),
    ]
    if seen.diverged is not None:
        gates.append(_at_most("diverged", seen.diverged, DIVERGED_LIMIT, "share"))
    if seen.loop != "rounds":
        gates += _of_arrivals(seen)
    return tuple(gates)


def _of_arrivals(seen: Observed) -> list[Gate]:
    """The gates of a load that does not wait for every answer."""
    skipped = _at_most("skipped", seen.skipped, 0, "requests")
    gates = [_shown(skipped) if seen.beyond_capacity else skipped]
    if seen.loop == "open":
        gates += [_lag(seen.window), _realised_rate(seen.window), _in_flight(seen.window)]
    if seen.window.drift is not None:  # with too few answers the question does not arise
        outcome: GateOutcome = "flag" if seen.window.drifts else "pass"
        gates.append(Gate("drift", seen.window.drift, DRIFT_LIMIT, "share", outcome))
    return gates


def _shown(gate: Gate) -> Gate:
    """A gate that does not invalidate."""
    return replace(gate, outcome="flag") if gate.outcome == "fail" else gate


def shown_only(gates: tuple[Gate, ...], names: frozenset[str]) -> tuple[Gate, ...]:
    """The gates, where what was done on purpose leads to these names' failing: only flagged."""
    return tuple(_shown(gate) if gate.name in names else gate for gate in gates)


def status_of(gates: tuple[Gate, ...]) -> TrialStatus:
    """The trial's status: the worst of its gates."""
    outcomes = {gate.outcome for gate in gates}
    if "fail" in outcomes:
        return "invalid"
    return "flagged" if "flag" in outcomes else "valid"


def reasons(gates: tuple[Gate, ...]) -> str:
    """Why a trial is invalid, in words; "" if it is not."""
    return ", ".join(
        f"{gate.name.replace('_', ' ')} {gate.value:.3g} {gate.unit} (limit {gate.limit:g})"
        for gate in gates
        if gate.outcome == "fail" and gate.value is not None and gate.limit is not None
    )


def _at_most(name: str, value: float | None, limit: float, unit: str) -> Gate:
    """Pass up to the limit; a value that could not be measured is a flag, never a pass."""
    if value is None:
        return Gate(name, None, limit, unit, "flag")
    return Gate(name, float(value), limit, unit, "pass" if value <= limit else "fail")


def _not_sent(seen: Observed) -> int:
    """Steps after a failed one are not due; skips have a gate of their own."""
    return abs(seen.planned - seen.abandoned - seen.skipped - seen.sent)


def _wrong(seen: Window) -> Gate:
    """The largest share of failed answers that an operation has."""
    share = max((each.wrong / each.answers for each in seen.wrong), default=0.0)
    if not seen.answers:
        return Gate("failures", None, WRONG_LIMIT, "share", "flag")
    return Gate("failures", share, WRONG_LIMIT, "share", "flag" if share else "pass")


def _lag(seen: Window) -> Gate:
    return _shown(_at_most("send_lag_p99", seen.lag_ms_p99, LAG_GOOD_MS, "ms"))


def _realised_rate(seen: Window) -> Gate:
    """Arrivals sent against arrivals due in the window; one at its edge is no deviation."""
    off = abs(seen.sent - seen.due)
    share = off / seen.due if seen.due else 1.0
    outcome: GateOutcome = "pass" if off <= 1 or share <= RATE_LIMIT else "flag"
    return Gate("realised_rate", share, RATE_LIMIT, "share", outcome)


def _in_flight(seen: Window) -> Gate:
    """Little's law from both ends: the client's service times against the server's own."""
    if seen.in_flight_stated is None or seen.in_flight < IN_FLIGHT_FROM:
        return Gate("in_flight", None, None, "requests", "pass")
    rate = seen.answers / seen.measured_s
    limit = max(IN_FLIGHT_SHARE * seen.in_flight, rate * IN_FLIGHT_PER_REQUEST_S)
    off = abs(seen.in_flight - seen.in_flight_stated)
    return Gate("in_flight", off, limit, "requests", "pass" if off <= limit else "flag")
