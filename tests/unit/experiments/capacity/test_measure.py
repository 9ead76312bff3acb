"""Saturation, searches and the load curve over echo servers whose outbox is always empty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bench.engine.options import PROFILES, RunOptions
from bench.engine.progress import Progress
from bench.engine.runner import RunStopped, expected_duration, run
from bench.engine.runner import resume as resume_run
from bench.engine.settle_lag import WatchedSubject
from bench.engine.slo import LagSample, gates_of_a_probe
from bench.errors import ShopbenchError
from bench.experiments.capacity import plan, rest, saturation, searches
from bench.experiments.capacity.curve import loads_of
from bench.experiments.capacity.plan import SIZES, Size
from bench.experiments.capacity.records import CAPACITY, CURVE, SATURATION, SearchEnd, searches_in
from bench.experiments.capacity.saturation import right_answers
from bench.experiments.capacity.searches import SEARCHES_BLOCK, Walk
from bench.results.journal import Gate, RunReader, Trial, rows_table
from tests.unit.experiments.conftest import EchoDeployment

TINY = Size(2, 0.05, 0.2, 2, 0.05, 0.3, 1.25, (0.2, 0.5), 1, 0.05, 0.3)


@pytest.fixture(autouse=True)
def short_and_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows and probes of tenths of a second, no rest, an outbox that is read and empty."""
    monkeypatch.setitem(SIZES, "tiny", TINY)
    monkeypatch.setattr(saturation, "WARM_UP_S", 0.1)
    monkeypatch.setattr(rest, "REST_S", 0.0)
    monkeypatch.setattr(rest, "REST_AFTER_FAILURE_S", 0.0)

    def watch(self: WatchedSubject) -> None:
        self._samples.append(LagSample(0.2, 0.0))

    monkeypatch.setattr(WatchedSubject, "_watch", watch)
    for module in ("runner", "resume"):
        monkeypatch.setattr(f"bench.engine.{module}.source_commit", lambda: ("abc", False))


@pytest.fixture
def serves(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The load up to which each deployment meets the objective, whatever the machine does."""
    limits = {"monolith": 300.0, "modular": 130.0}
    original = Walk._judged

    def judged(self: Any, trial: Trial, *rest: Any) -> Trial:
        found = original(self, trial, *rest)
        passed = float(trial.offered_rps <= limits[trial.deployment])
        return replace(found, facts={**found.facts, "slo_pass": passed})

    monkeypatch.setattr(Walk, "_judged", judged)
    # An echo server saturates at whatever the machine gives; searches begin at 100/s instead.
    monkeypatch.setattr(searches, "known_capacity_rps", lambda *_: None)
    return limits


def mixed(options: RunOptions) -> RunOptions:
    return replace(options, mixes=("mixed",))


def of(reader: RunReader, experiment: str) -> list[Trial]:
    return [trial for trial in reader.trials if trial.experiment == experiment]


def ends(reader: RunReader) -> list[SearchEnd]:
    return searches_in(reader.journal.settings)


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.usefixtures("calm_gates", "echo")
def test_a_run_saturates_all_searches_each_and_draws_the_curve(
    options: RunOptions, serves: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(Progress, "tell", lambda _, text: lines.append(text))
    names = replace(options, deployments=("monolith", "microservices"), mixes=("mixed",))
    serves["microservices"] = 130.0
    reader = RunReader(run([CAPACITY], names))
    windows = of(reader, SATURATION)
    assert {t.loop for t in windows} == {"closed"}
    for number in range(TINY.passes):
        own = [t for t in windows if t.block == number]
        assert {t.deployment for t in own} == {"monolith", "microservices"}
        assert all(t.facts["throughput_rps"] > 0 for t in own)
    assert len(ends(reader)) == 4
    for end in ends(reader):
        assert end.closed, end
        assert end.low_rps is not None
        assert end.high_rps is not None
        assert end.low_rps <= serves[end.deployment] < end.high_rps
        assert end.high_rps / end.low_rps <= TINY.step * 1.003
    first = [t.deployment for t in of(reader, CAPACITY)[:4]]
    assert first[:2] == first[2:]  # interleaved, probe by probe
    assert set(first) == {"monolith", "microservices"}
    capacity = min(e.middle_rps or 0.0 for e in ends(reader) if e.deployment == "microservices")
    loads = sorted({t.offered_rps for t in of(reader, CURVE)})
    assert loads == pytest.approx([capacity * 0.2, capacity * 0.5], rel=0.2)
    assert any("throughput at saturation lower in microservices" in line for line in lines)
    assert any("capacity at the SLO lower in microservices" in line for line in lines)


@pytest.mark.usefixtures("calm_gates")
def test_every_deployment_begins_each_part_in_its_first_state(
    options: RunOptions, serves: dict[str, float], echo: type[EchoDeployment],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    resets: list[str] = []
    monkeypatch.setattr(echo, "reset", lambda self, _: resets.append(self.name))
    run([CAPACITY], mixed(options))
    # started for saturation; the seed again before each of two searches and before the curve
    assert sorted(resets) == ["modular"] * 3 + ["monolith"] * 3


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.usefixtures("calm_gates", "echo")
def test_a_resumed_run_keeps_windows_and_probes_and_goes_on(
    options: RunOptions, serves: dict[str, float], broken_after: Callable[..., None]
) -> None:
    broken_after(5, KeyboardInterrupt())
    with pytest.raises(RunStopped) as caught:
        run([CAPACITY], mixed(options))
    before = RunReader(caught.value.run_dir).trials
    assert len([t for t in before if t.experiment == CAPACITY]) == 5
    reader = RunReader(resume_run(caught.value.run_dir, quiet=True))
    assert reader.trials[: len(before)] == before
    assert len(of(reader, SATURATION)) == 2 * TINY.passes
    assert len(ends(reader)) == 4
    assert all(end.closed for end in ends(reader))
    ids = [t.trial_id for t in reader.trials]
    assert len(set(ids)) == len(ids)


@pytest.mark.usefixtures("calm_gates", "echo")
def test_an_outbox_that_cannot_be_read_is_no_pass(
    options: RunOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: WatchedSubject) -> None:
        self._failed = True

    monkeypatch.setattr(WatchedSubject, "_watch", fail)
    reader = RunReader(run([CAPACITY], mixed(options)))
    assert all("slo_pass" not in t.facts for t in of(reader, CAPACITY))
    assert {t.status for t in of(reader, CAPACITY)} == {"invalid"}
    assert not any(end.closed for end in ends(reader))


def test_an_arm_that_answers_wrongly_stops_the_run_with_its_answer(
    options: RunOptions, echo: type[EchoDeployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "bench.engine.runner.request_tokens", lambda users, _: ["token"] * len(users)
    )
    monkeypatch.setitem(PROFILES, "tiny", replace(PROFILES["tiny"], primed_orders=0))
    echo.server_options = {"modular": ("--body", '{"odd": 1}')}
    with pytest.raises(RunStopped, match="modular answers no product_read rightly: ") as caught:
        run([CAPACITY], replace(options, mixes=("product_read",)))
    assert caught.value.exit_code == 1


def test_only_a_load_that_writes_leaves_another_shop_behind() -> None:
    assert [plan.writes(mix) for mix in ("product_read", "browse", "mixed")] == [False, True, True]


def test_right_answers_count_when_they_came_not_when_they_were_asked_for() -> None:
    done = [0.9, 1.1, 1.9, 2.1]
    columns: dict[str, Any] = {
        "due_s": [0.5] * 4, "sent_s": [0.5] * 4, "done_s": done, "status": [200] * 4,
        "bytes": [1] * 4, "operation": ["order"] * 4, "journey": ["buy"] * 4,
        "error": ["", "", "status 503", ""], "visit": [0] * 4, "app_ms": [1.0] * 4,
        "db_ms": [1.0] * 4,
    }  # fmt: skip
    assert right_answers(rows_table(columns), 1.0, 2.0) == 1


def test_loads_are_shares_of_the_smaller_capacity_and_of_an_arms_own() -> None:
    can = {"monolith": 100.0, "microservices": 200.0}
    same = loads_of("mixed", can, (0.5, 1.1), own_shares=False)
    assert [(x.offered_rps, x.names) for x in same] == [(50, tuple(can)), (110, tuple(can))]
    assert same[1].too_much == {"monolith"}  # overload is of an arm
    own = loads_of("mixed", can, (0.5, 1.1), own_shares=True)
    assert [(x.offered_rps, x.names) for x in own] == [
        (50, tuple(can)),
        (100, ("microservices",)),
        (110, tuple(can)),
        (220, ("microservices",)),
    ]
    assert own[3].too_much == {"microservices"}
    assert loads_of("mixed", {}, (0.5,), own_shares=True) == []


def test_skips_of_a_probe_are_the_deployments_others_stay_the_benchs() -> None:
    gates = tuple(Gate(name, 1.0, 0.0, "x", "fail") for name in ("skipped", "generator_cpu"))
    judged = {gate.name: gate.outcome for gate in gates_of_a_probe(gates)}
    assert judged == {"skipped": "flag", "generator_cpu": "fail"}


def test_blocks_of_searches_do_not_meet() -> None:
    assert all(size.max_probes < SEARCHES_BLOCK for size in SIZES.values())


def test_quick_has_what_its_verdicts_need_and_is_planned_within_three_and_a_half_minutes() -> None:
    quick = SIZES["quick"]
    assert quick.passes >= 6
    assert quick.searches >= 3
    assert len(quick.shares) == 3
    assert expected_duration([CAPACITY], RunOptions(profile="quick")).planned_s <= 210
    assert expected_duration([CAPACITY], RunOptions(profile="standard")).planned_s <= 3000


def test_a_run_may_name_the_loads_of_its_curve() -> None:
    def planned(sweep: str) -> float:
        options = RunOptions(profile="quick", own={"sweep": sweep})
        return expected_duration([CAPACITY], options).planned_s

    assert planned("none") < planned("0.5") < planned("")


def test_a_load_outside_its_range_is_refused() -> None:
    for share in (0.0, -0.1, 2.5, float("nan")):
        with pytest.raises(ShopbenchError, match="--sweep") as refused:
            expected_duration([CAPACITY], RunOptions(own={"sweep": f"0.5,{share}"}))
        assert refused.value.exit_code == 2


def test_only_smoke_has_too_few_passes_and_searches_for_a_verdict() -> None:
    for name, size in SIZES.items():
        if name != "tiny":
            enough = size.passes >= 6 and size.searches >= 3
            assert enough == (name != "smoke")
    assert SIZES.keys() >= PROFILES.keys() - {"tiny"}
