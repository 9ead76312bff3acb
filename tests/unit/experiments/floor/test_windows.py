"""How close an arm comes to its bare handler: by rate, and by CPU where the load was the limit."""

from dataclasses import replace
from math import exp

import pytest

from bench.experiments.floor.windows import LIMIT, Reached, reached
from bench.results.journal import ComponentUsage, Gate, GateOutcome, Trial
from tests.unit.report.factory import Plan, trial_entry

PLAN = Plan()


def window(side: str, rate_rps: float, cpu_s: float, generator: GateOutcome = "pass") -> Trial:
    entry = trial_entry(
        PLAN,
        trial_id=f"floor-{side}",
        experiment="floor",
        block=0,
        position=0,
        deployment=side,
        mix="product_read",
        offered_rps=0.0,
        status="valid",
        loop="closed",
        usage={side: ComponentUsage(cpu_s, 2**26), "db:shop": ComponentUsage(cpu_s / 2, 2**26)},
        facts={"throughput_rps": rate_rps},
    )
    return replace(entry, gates=(Gate(LIMIT, 0.5, 0.7, "cores", generator),))


def ratio(found: Reached) -> float:
    (log,) = found.logs
    return exp(log)


def test_the_rate_counts_where_the_server_was_the_limit() -> None:
    found = reached([(window("service", 900.0, 2.0), window("bare", 1000.0, 1.0))])
    assert found.basis == "rate"
    assert ratio(found) == pytest.approx(0.9)


def test_two_servers_that_outrun_the_generator_are_not_called_alike() -> None:
    """Both answer what one core can ask; the arm costs twice the CPU."""
    both = (window("service", 1000.0, 2.0, "flag"), window("bare", 1000.0, 1.0, "flag"))
    found = reached([both])
    assert found.basis == "CPU a request"
    assert ratio(found) == pytest.approx(0.5)


def test_one_limited_window_makes_all_pairs_be_judged_alike() -> None:
    pairs = [
        (window("service", 900.0, 2.0), window("bare", 1000.0, 1.0, "flag")),
        (window("service", 900.0, 2.0), window("bare", 1000.0, 1.0)),
    ]
    found = reached(pairs)
    assert found.basis == "CPU a request"
    assert [exp(log) for log in found.logs] == pytest.approx([0.5, 0.5])


def test_a_window_without_an_answer_has_no_ratio() -> None:
    assert reached([(window("service", 0.0, 2.0), window("bare", 9.0, 1.0))]).logs == ()
