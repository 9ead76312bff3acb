"""What the profiles promise."""

from __future__ import annotations

import subprocess

import pytest

from bench.errors import ShopbenchError
from bench.experiments import capacity, floor, ladder, latency
from bench.experiments.latency import plan_cells
from bench.experiments.options import (
    DEPLOYMENTS,
    LATENCY_MIXES,
    PROFILES,
    RunOptions,
    profile_for,
)
from bench.experiments.progress import Progress, duration
from bench.experiments.rehearsal import Expected, Experiment, expected
from bench.experiments.runner import (
    EXPERIMENTS,
    _planned_after,
    _share,
    durations,
    expected_duration,
)

BENCH = ["latency", "ladder", "capacity", "floor", "failure", "consistency"]  # of `make bench`
BENCH_OPTIONS = RunOptions(profile="quick", spec="bench", kills=4, points=8)


def planned(profile: str, *experiments: Experiment) -> Expected:
    """What a run of these plans, in the profile."""
    return expected(experiments, PROFILES[profile], RunOptions(profile=profile))


def test_profiles_plan_no_more_than_they_say() -> None:
    smoke, quick = planned("smoke", latency.run), planned("quick", latency.run)
    assert smoke.planned_s <= 90
    assert smoke.reruns_s == 0
    # of the ten minutes of `make bench`
    assert 150 < quick.planned_s + quick.reruns_s <= 290
    floors = planned("quick", floor.run)
    assert 90 < floors.planned_s + floors.reruns_s <= 150
    bench = planned("quick", latency.run, ladder.run, capacity.run, floor.run)
    assert bench.planned_s + bench.reruns_s <= 570  # and half a minute for the report
    assert planned("standard", latency.run).planned_s < 3 * 3600


def test_make_bench_is_planned_within_its_quarter_of_an_hour() -> None:
    found = expected_duration(BENCH, BENCH_OPTIONS)
    assert found.planned_s + found.reruns_s <= 15 * 60


@pytest.mark.parametrize("number", range(len(BENCH)))
def test_what_comes_after_an_experiment_is_planned_with_options_that_are_not_its_own(
    number: int,
) -> None:
    left = _planned_after(BENCH, number, BENCH_OPTIONS)
    assert (left > 0) == (number < len(BENCH) - 1)


def test_a_plan_is_what_the_experiments_themselves_announce() -> None:
    one, other = planned("quick", latency.run), planned("quick", floor.run)
    both = planned("quick", latency.run, floor.run)
    assert both.planned_s == pytest.approx(one.planned_s + other.planned_s)
    known = {mix: dict.fromkeys(DEPLOYMENTS, 100.0) for mix in PROFILES["quick"].mixes}
    options = RunOptions(profile="quick")
    again = expected([latency.run], PROFILES["quick"], options, capacity_rps=known)
    assert again.planned_s < one.planned_s  # nothing to probe after a resume
    assert again.planned_s > 100
    assert str(Expected(240.0, 0.0)) == "4 min"
    assert str(Expected(240.0, 60.0)) == "4 min to 5 min"


def test_the_pair_goes_through_all_loads_and_all_deployments_meet_at_the_reference() -> None:
    names = DEPLOYMENTS
    can = dict(zip(names, (100.0, 300.0, 200.0, 110.0), strict=True))
    capacities = {"mixed": can, "order": {name: 2 * rps for name, rps in can.items()}}
    cells = plan_cells(PROFILES["standard"], names, capacities)
    swept = {cell.offered_rps: cell for cell in cells if cell.mix == "mixed"}
    assert sorted(swept) == [10, 30, 50, 70, 90, 110]
    assert swept[30].names == names
    assert swept[110].names == ("monolith", "microservices")
    assert [rate for rate, cell in swept.items() if cell.beyond_capacity] == [110]
    assert [(c.offered_rps, c.names) for c in cells if c.mix == "order"] == [(60, names)]
    full = plan_cells(PROFILES["full"], names, capacities)
    assert {c.offered_rps for c in full if c.mix == "order"} == {20, 60, 100, 140, 180, 220, 240}
    assert len(plan_cells(PROFILES["quick"], names, capacities)) == 2
    two = plan_cells(PROFILES["standard"], names[1:3], {"mixed": {n: 100.0 for n in names}})
    assert {cell.names for cell in two} == {names[1:3]}


def test_planning_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("started a process"))
    found = durations()
    assert set(found) == set(EXPERIMENTS)
    for name, profiles in found.items():
        assert set(profiles) == set(PROFILES)
        assert all(text and text != "0 s" for text in profiles.values()), name


def test_a_search_plans_the_start_of_a_fresh_deployment_for_every_probe() -> None:
    profile = PROFILES["standard"]
    assert profile.restart
    size = capacity.SIZES["standard"]
    probe_s = size.primer_s + size.warmup_s + size.measured_s + latency.start_seconds(profile)
    probes = len(capacity.ARMS) * size.searches * capacity.EXPECTED_PROBES
    planned = expected_duration(["capacity"], RunOptions(profile="standard"))
    assert planned.planned_s >= probes * probe_s


def test_only_smoke_has_too_few_blocks_for_a_verdict() -> None:
    for profile in PROFILES.values():
        assert (profile.min_blocks >= 6) == (profile.name != "smoke")
        assert profile.max_blocks >= profile.min_blocks
        assert set(profile.mixes) <= set(LATENCY_MIXES)


def test_the_time_left_follows_the_pace_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 20.0, 30.0])
    monkeypatch.setattr("bench.experiments.progress.time.monotonic", lambda: next(clock))
    progress = Progress(quiet=True)
    progress.plan(100)
    assert progress.left_s == 100
    progress.done(10)  # took 20
    assert progress.left_s == 180
    progress.done(20)  # took 10: back to the plan's pace
    assert progress.left_s == 70


def test_the_time_left_is_never_negative() -> None:
    progress = Progress(quiet=True)
    progress.plan(1)
    progress.done(5)
    assert progress.left_s == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.3, "12 s"), (89, "89 s"), (240, "4 min"), (9000, "2.5 h")]
)
def test_durations_are_written_as_people_do(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("asked", "shares"),
    [
        (None, PROFILES["standard"].sweep_shares),
        ((), ()),
        ((0.9, 0.5, 0.5), (0.5, 0.9)),
        ((0.3, 0.7), (0.7,)),  # 0.3 is the reference: measured anyway, with all deployments
    ],
)
def test_a_run_may_name_its_loads(asked: tuple[float, ...] | None, shares: tuple[float]) -> None:
    options = RunOptions(profile="standard", sweep=asked)
    profile = profile_for(options)
    assert profile.sweep_shares == shares
    capacities = {mix: dict.fromkeys(DEPLOYMENTS, 100.0) for mix in ("mixed", "order")}
    cells = plan_cells(profile, DEPLOYMENTS, capacities)
    loads = [cell.offered_rps for cell in cells if cell.mix == "mixed"]
    assert loads == pytest.approx([*(100 * share for share in shares), 30])
    assert [cell.offered_rps for cell in cells if cell.mix == "order"] == [30]
    whole = expected_duration(["latency"], RunOptions(profile="standard"))
    assert (expected_duration(["latency"], options).planned_s < whole.planned_s) == (
        len(shares) < len(PROFILES["standard"].sweep_shares)
    )


@pytest.mark.parametrize("share", [0.0, -0.1, 2.5, float("nan")])
def test_a_load_outside_its_range_is_refused(share: float) -> None:
    with pytest.raises(ShopbenchError, match="--sweep") as refused:
        profile_for(RunOptions(sweep=(0.5, share)))
    assert refused.value.exit_code == 2


def test_the_time_left_is_shared_by_what_each_experiment_adds() -> None:
    """`ladder` begins with the blocks of `latency`, which are there already after `latency`."""
    options = RunOptions(profile="standard")
    names = ["latency", "ladder", "capacity"]
    steps, alone = planned("standard", latency.run), planned("standard", capacity.run)
    both = planned("standard", latency.run, ladder.run)
    whole = both.planned_s + alone.planned_s
    found = [_share(names, number, options) for number in range(3)]
    assert found == pytest.approx(
        [
            steps.planned_s / whole,
            (both.planned_s - steps.planned_s) / (whole - steps.planned_s),
            1.0,
        ],
        rel=0.02,  # capacity after latency knows where to begin
    )
