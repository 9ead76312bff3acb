"""What is released when, how long that is planned to take, and what is refused or invalid."""

from collections import Counter
from dataclasses import replace

import pytest

from bench.engine.options import PROFILES, RunOptions
from bench.errors import ShopbenchError
from bench.experiments.redeploy.measure import check, planned
from bench.experiments.redeploy.records import GATEWAY, MICROSERVICES, MONOLITH, SERVICES
from bench.experiments.redeploy.sizes import SIZES, released
from bench.experiments.redeploy.stretches import judged
from bench.experiments.redeploy.touched import is_right
from bench.results.journal import Gate
from tests.unit.report.factory import Plan, trial_entry


def test_standard_releases_every_process_ten_times() -> None:
    size = SIZES["standard"]
    assert size.repetitions == 10
    for block in range(size.repetitions):
        names = released(MICROSERVICES, block, size, 1)
        assert set(names) == {*SERVICES, GATEWAY}
        assert names[-1] == GATEWAY
        assert released(MONOLITH, block, size, 1) == (MONOLITH,)


def test_quick_releases_the_whole_shop_once_and_then_each_service_in_turn() -> None:
    size = SIZES["quick"]
    first, *others = (released(MICROSERVICES, b, size, 7) for b in range(size.repetitions))
    assert set(first) == {*SERVICES, GATEWAY}
    assert Counter(names[0] for names in others[:4]) == dict.fromkeys(SERVICES, 1)
    assert others[0] == released(MICROSERVICES, 1, size, 7)  # a resumed run goes on with these


def test_the_plan_grows_with_the_profile_and_fits_into_make_bench() -> None:
    plans = [
        planned(RunOptions(), PROFILES[name], {}).planned_s
        for name in ("smoke", "quick", "standard", "full")
    ]
    assert plans == sorted(plans)
    assert plans[1] < 240


def test_another_cut_of_the_shop_is_refused() -> None:
    with pytest.raises(ShopbenchError, match="not modular") as caught:
        check(RunOptions(deployments=("monolith", "modular")))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("cut_off", "unquiet", "status"),
    [(False, 0.0, "flagged"), (True, 0.0, "invalid"), (False, 0.2, "invalid")],
)
def test_a_load_that_ends_too_early_and_a_shop_that_was_not_well_before_are_invalid(
    cut_off: bool, unquiet: float, status: str
) -> None:
    trial = trial_entry(
        Plan(), trial_id="t", experiment="redeploy:single", block=0, position=0,
        deployment="monolith", mix="journeys", offered_rps=20.0, status="valid", usage={}, facts={},
    )  # fmt: skip
    trial = replace(trial, gates=(Gate("skipped", 4.0, 0.0, "requests", "fail"),))
    assert judged(trial, cut_off=cut_off, unquiet=unquiet).status == status


@pytest.mark.parametrize(
    ("status", "body", "right"),
    [
        (200, b'{"balance_cents": 1}', True),
        (201, b'{"status": "confirmed"}', True),
        (202, b'{"status": "pending"}', False),
        (200, b'{"wallet": null, "degraded": ["payments"]}', False),
        (200, b'{"wallet": {}, "degraded": []}', True),
        (200, b"[1]", True),
        (503, b"{}", False),
        (200, b"<html>", False),
    ],
)
def test_an_answer_is_right_only_if_it_is_whole(status: int, body: bytes, right: bool) -> None:
    assert is_right(status, body) is right
