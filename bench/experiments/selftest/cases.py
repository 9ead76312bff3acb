"""The ways each validity gate is tripped, and the same trial without the disturbance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

from bench.experiments.laboratory import Laboratory
from bench.experiments.selftest.disturbances import HAND_OVER_S, Holding, burner
from bench.experiments.selftest.reference import ReferenceServer
from bench.experiments.selftest.reference_server import Behaviour
from bench.journal import GateOutcome

TRIAL_PRIMER_S, TRIAL_WARMUP_S, TRIAL_MEASURED_S = 0.05, 0.15, 0.75
END_S = TRIAL_PRIMER_S + TRIAL_WARMUP_S + TRIAL_MEASURED_S
Around = Callable[[Laboratory, ReferenceServer], AbstractContextManager[None]]


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
    around: Around = lambda lab, server: nullcontext()
    known: float = 1.0


@dataclass(frozen=True)
class Case:
    """A gate, how it is tripped, and the trial with and without that."""

    gate: str
    how: str
    expected: GateOutcome
    disturbed: Setup
    control: Setup = field(default_factory=Setup)


def held_up(*stops: tuple[float, float]) -> Around:
    """The load process stands still at these (seconds after the first arrival, for seconds)."""

    @contextmanager
    def around(lab: Laboratory, server: ReferenceServer) -> Iterator[None]:
        holding = Holding(lambda: lab.load.pids, [(HAND_OVER_S + at, s) for at, s in stops])
        server.heard = holding.begin
        try:
            yield
        finally:
            server.heard = lambda: None
            holding.join()

    return around


def neighbour(lab: Laboratory, server: ReferenceServer) -> AbstractContextManager[None]:
    """A foreign process on the core that is not the deployment's."""
    return burner(tuple(lab.writer.journal.settings["load_cpus"]))


_FREE = Setup(offered_rps=400.0, spin_ms=0.0)
_STEPS = tuple((at / 100, 0.06) for at in range(25, 85, 20))

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
        "send_lag_p99",
        "the load process stopped (SIGSTOP) for 60 ms, three times",
        "flag",
        Setup(around=held_up(*_STEPS)),
    ),
    Case(
        "realised_rate",
        "the load process stopped for 0.4 s across the end of the measured window",
        "flag",
        Setup(around=held_up((END_S - 0.25, 0.4))),
    ),
    Case(
        "foreign_cpu",
        "a foreign process burns CPU on the core that is not the deployment's",
        "flag",
        Setup(around=neighbour),
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
    Case(
        "outbox",
        "the server puts five jobs off and never does them",
        "flag",
        Setup(behaviour=Behaviour(backlog=5)),
    ),
    Case(
        "in_flight",
        "the server states half of its own time, 20 requests in flight",
        "flag",
        Setup(offered_rps=400.0, spin_ms=0.0, behaviour=Behaviour(sleep_ms=50, states=0.5)),
        Setup(offered_rps=400.0, spin_ms=0.0, behaviour=Behaviour(sleep_ms=50)),
    ),
)
