"""Who is killed when: the same for the same seed, everybody in turn, all points once."""

import pytest

from bench.experiments.consistency.measure import SIZES
from bench.experiments.consistency.nemesis import Pace, planned_kills
from bench.experiments.consistency.points import all_point_faults, chosen_faults
from bench.faults.points import SINGLE_FAULTS

TARGETS = ["a worker of monolith", "db:shop", "monolith"]


def test_the_same_seed_kills_the_same_at_the_same_times() -> None:
    plans = [list(planned_kills(TARGETS, 20, seed, Pace())) for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]


def test_every_round_reaches_every_target_and_keeps_to_its_pace() -> None:
    pace = Pace(gap_s=(0.5, 1.0), down_s=(0.1, 0.2))
    kills = list(planned_kills(TARGETS, 10, 3, pace))
    for start in (0, 3, 6):
        assert sorted(kill.target for kill in kills[start : start + 3]) == TARGETS
    assert all(0.5 <= kill.gap_s <= 1.0 and 0.1 <= kill.down_s <= 0.2 for kill in kills)


def test_every_point_and_action_of_the_single_faults_is_there_once() -> None:
    every = all_point_faults()
    assert len(every) == len(set(every))
    assert {(each.point, each.action) for each in every} == {
        (each.point, each.action) for each in SINGLE_FAULTS
    }


@pytest.mark.parametrize("count", [1, 40, 10_000])
def test_so_many_points_are_chosen_and_none_twice(count: int) -> None:
    chosen = chosen_faults(count, 5)
    assert len(chosen) == len(set(chosen)) == min(count, len(all_point_faults()))
    assert chosen == chosen_faults(count, 5)


def test_standard_and_full_reach_every_point() -> None:
    assert SIZES["standard"].points == SIZES["full"].points == len(all_point_faults())
