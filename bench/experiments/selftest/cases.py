"""The ways a trial is made invalid or shown as wrong, and the same trial without that."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.experiments.selftest.reference_server import Behaviour
from bench.results.journal import GateOutcome

TRIAL_PRIMER_S, TRIAL_WARMUP_S, TRIAL_MEASURED_S = 0.05, 0.15, 0.75
END_S = TRIAL_PRIMER_S + TRIAL_WARMUP_S + TRIAL_MEASURED_S


@dataclass(frozen=True)
class Setup:
    """One trial. `spin_ms`: CPU before the answer, beside what `behaviour` says.

    `around`: what goes on meanwhile. `then`: what every second visit does. `known`: for which
    share of the customers there are tokens.
    """

    offered_rps: float = 60.0
    spin_ms: float = 4.0
    then: str = ""
    behaviour: Behaviour = field(default_factory=Behaviour)
    known: float = 1.0


@dataclass(frozen=True)
class Case:
    """A gate, how it is tripped, and the trial with and without that."""

    gate: str
    how: str
    expected: GateOutcome
    disturbed: Setup
    control: Setup = field(default_factory=Setup)


_FREE = Setup(offered_rps=400.0, spin_ms=0.0)

CASES: tuple[Case, ...] = (
    Case(
        "generator_cpu",
        "60,000 arrivals a second, more than one generator core can send",
        "fail",
        Setup(offered_rps=60_000.0, spin_ms=0.0),
        _FREE,
    ),
    Case(
        "skipped",
        "answers take 3 s at 900 arrivals a second: 512 connections are too few",
        "fail",
        Setup(offered_rps=900.0, spin_ms=0.0, behaviour=Behaviour(sleep_ms=3_000)),
        _FREE,
    ),
    Case(
        "not_sent",
        "no tokens: every second visit, which needs one, dies inside the generator",
        "fail",
        Setup(then="wallet_read", spin_ms=0.0, known=0.0),
        Setup(then="wallet_read", spin_ms=0.0),
    ),
    Case(
        "failures",
        "the server answers 500",
        "flag",
        Setup(behaviour=Behaviour(status=500)),
    ),
    Case(
        "schema_violations",
        "answers of the right shape with a price below zero",
        "flag",
        Setup(behaviour=Behaviour(broken=1)),
    ),
)
