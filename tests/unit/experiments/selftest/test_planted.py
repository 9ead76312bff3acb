"""Planted effects judged on made-up starts: what is there is found, a broken bench is refused."""

from __future__ import annotations

from math import log
from pathlib import Path

import numpy as np
import pytest

from bench.experiments.selftest.effects import effects_table
from bench.experiments.selftest.planted_judge import Comparison, judge, sets_of
from bench.experiments.selftest.planting import (
    AGAIN,
    BASE,
    DEARER,
    LARGER,
    SLOWER,
    Calibration,
    Tally,
    environment,
)
from bench.experiments.selftest.record import Outcome

TRUE = {AGAIN: 1.0, SLOWER: 1.05, DEARER: 1.10, LARGER: 1.2}


def pool(
    starts: int = 30, scatter: float = 0.008, bias: float = 0.0, shrink: float = 1.0
) -> list[Comparison]:
    """Starts of a bench that is off by `bias` and finds only `shrink` of an effect."""
    rng, found = np.random.default_rng(3), Comparison.all()
    for comparison in found:
        ratio = TRUE[comparison.member]
        for noise in scatter * rng.standard_normal(starts):
            comparison.add(shrink * log(ratio) + bias + noise, ratio, ratio - 1.0)
    return found


def words(found: list[Comparison], profile: str = "standard") -> dict[str, Outcome]:
    return {each.what: each for each in judge(found, profile, 1, 60.0)[0]}


def test_all_that_is_planted_is_found_with_its_size() -> None:
    outcomes = words(pool())
    assert {each.word for each in outcomes.values()} == {"met"}
    assert len(outcomes) == 1 + 3 + 1
    assert "an order: planted ×1.050" in outcomes["more time"].note


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        ({"shrink": 0.5}, "more time"),  # it pulls ratios towards 1
        ({"scatter": 0.15}, "more CPU"),  # too wide to find anything
        ({"bias": 0.05}, "the same code against itself called different"),
    ],
)
def test_a_broken_bench_is_refused(broken: dict[str, float], what: str) -> None:
    assert words(pool(**broken))[what].word == "not met"


def test_a_small_pool_and_a_smoke_run_claim_nothing() -> None:
    assert {each.word for each in words(pool(starts=12)).values()} == {"not judged"}
    assert {each.word for each in words(pool(), "smoke").values()} == {"not judged"}
    few = judge(pool(starts=3), "standard", 1, 60.0)
    assert few[1]["sets"] == []


def test_sets_are_drawn_without_replacement_and_alike_for_a_seed() -> None:
    comparison = Comparison(SLOWER, "order", "time")
    for at in range(6):
        comparison.add(0.05 + at / 1e4, 1.05, 0.05)
    first, again = sets_of(comparison, 1), sets_of(comparison, 1)
    assert first == again
    assert len({round(each.estimate, 12) for each in first}) == 1  # six of six are all of them


def test_a_working_set_costs_at_least_what_its_touching_takes() -> None:
    comparison = Comparison(LARGER, "order", "time")
    for at in range(8):
        comparison.add(log(1.2) + at / 1e3, 1.2, 0.05)  # caches it emptied cost the rest
    assert all(each.covered and each.found for each in sets_of(comparison, 1))


def test_more_minutes_find_smaller_effects() -> None:
    row = effects_table({"A/A": [0.01, -0.01, 0.02, -0.02]}, 50.0)[0]
    assert row["starts"] == [1, 9, 48]
    assert row["smallest"][0] is None
    assert row["smallest"][2] < row["smallest"][1]


def test_units_come_from_what_the_base_took() -> None:
    each = {"product_read": 4.0, "order": 20.0, "overview": 10.0}
    calibration = Calibration(each, each, dict.fromkeys(each, 1000.0))
    assert calibration.extras(SLOWER)["order"] == {"before": 2000}  # 10 % of 20 ms, at 1 us
    assert calibration.extras(SLOWER)["product_read"] == {"before": 200}
    assert calibration.extras(DEARER)["overview"] == {"after": 1000}
    assert calibration.extras(BASE) == calibration.extras(AGAIN) == {}


def test_what_is_off_plants_nothing() -> None:
    assert environment({}, Path("tally")) == {}


def test_the_services_own_tally_is_read_back_by_operation(tmp_path: Path) -> None:
    from microservices.chassis.planted import TALLY_ENTRIES
    from microservices.chassis.planted import Tally as Written

    path = tmp_path / "tally"
    reader = Tally(path, {"product_read": {}, "order": {}})
    assert reader.take() == {}
    written = Written(path)
    written.add(1, 500)
    written.add(0, 300)
    assert {name: ns.tolist() for name, ns in reader.take().items()} == {
        "product_read": [300],
        "order": [500],
    }
    for number in range(TALLY_ENTRIES):  # round the ring
        written.add(1, number)
    assert reader.take()["order"].tolist() == list(range(TALLY_ENTRIES))
    assert not reader.take()["order"].size
