"""Reading paired rounds: by start, by operation, and the mix of all."""

from dataclasses import replace
from math import exp

import numpy as np
import pytest

from bench.results.paired.rounds import MIX, PairedRounds, Stretch, cpu_ms_of, is_twin, twin_of
from tests.unit.results.paired.made import SHARES, rounds_with, rows_of, trial_of


def test_every_start_gives_one_ratio_close_to_what_was_planted() -> None:
    rounds = rounds_with({"monolith": 1.0, "microservices": 1.6})
    found = rounds.logs("microservices", "monolith", "order", "time")
    assert len(found.logs) == 6
    assert exp(np.mean(found.logs)) == pytest.approx(1.6, rel=0.02)
    assert found.ratios[0].clusters == 8


def test_the_mix_weighs_medians_by_their_shares() -> None:
    rounds = rounds_with({"monolith": 1.0, "microservices": 2.0})
    found = rounds.logs("microservices", "monolith", MIX, "time")
    assert exp(np.mean(found.logs)) == pytest.approx(2.0, rel=0.02)
    value = np.mean(rounds.values("monolith", MIX, "time"))
    assert value == pytest.approx(0.65 * 2 + 0.1 * 2.5 + 0.18 * 9 + 0.07 * 6, rel=0.1)


def test_there_is_no_mix_without_all_its_operations() -> None:
    rounds = PairedRounds(SHARES)
    rounds.add(trial_of(0, "order", "monolith"), rows_of(np.full(96, 9.0), "order"))
    assert rounds.roles == ["order"]


def test_cpu_is_of_the_whole_deployment_less_what_it_uses_unasked() -> None:
    trial = trial_of(0, "order", "monolith", cpu_s=0.4)
    assert cpu_ms_of(trial) == pytest.approx((0.4 - 0.01 * 8.0) / 96 * 1e3)


def test_the_idle_rate_is_one_for_all_starts() -> None:
    """A burst of background work in a reading is not taken off one start alone."""
    rounds, rows = PairedRounds(SHARES), rows_of(np.full(96, 9.0), "order")
    for start, idle_cores in enumerate((0.01, 0.01, 0.04)):
        trial = trial_of(start, "order", "monolith", cpu_s=0.4)
        rounds.add(replace(trial, facts={**trial.facts, "idle_cores": idle_cores}), rows)
    assert rounds.idle_cores("monolith") == pytest.approx(0.02)
    found = rounds.values("monolith", "order", "cpu")
    assert found == pytest.approx([(0.4 - 0.02 * 8.0) / 96 * 1e3] * 3)


def test_a_start_in_which_one_side_is_missing_is_lost_and_says_so() -> None:
    rounds = rounds_with({"monolith": 1.0, "microservices": 1.6})
    del rounds.starts[3]["order", "microservices"]
    found = rounds.logs("microservices", "monolith", "order", "time")
    assert (len(found.logs), found.lost) == (5, 1)
    assert "microservices has no order" in found.why


def test_wrong_answers_are_counted_by_operation_and_by_mix() -> None:
    rounds = rounds_with({"monolith": 1.0, "microservices": 1.6}, wrong={"monolith": 1})
    assert rounds.wrong_answers("monolith", "order") == (6, 576)
    assert rounds.wrong_answers("monolith", MIX) == (24, 2304)
    assert rounds.failing(["microservices", "monolith"], "order") == (
        "monolith answered 6 of 576 (1.0 %) wrongly, for example: status 500"
    )


def test_only_the_measured_window_counts_and_rounds_are_matched_by_number() -> None:
    rows = rows_of(np.full(96, 9.0), "order")
    trial = trial_of(0, "order", "monolith")
    late = Stretch.of(trial, rows.take(list(reversed(range(96)))))
    assert list(late.rounds) == list(range(96))


def test_the_second_instance_has_a_name_of_its_own() -> None:
    assert is_twin(twin_of("monolith"))
    assert not is_twin("monolith")


def test_the_ratio_without_the_clients_own_time_is_told_where_that_is_large() -> None:
    rounds = rounds_with({"monolith": 1.0, "microservices": 2.0}, scatter=0.0)
    names = ("microservices", "monolith", "product_read")
    monolith, services = (np.median(rounds.values(n, names[2], "time")) for n in names[1::-1])
    assert rounds.without_client(*names, 0.1) is None
    found = rounds.without_client(*names, 0.5)
    assert found == pytest.approx((services - 0.5) / (monolith - 0.5))
