"""What the profiles promise."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bench.experiments import floor, latency
from bench.experiments.options import DEPLOYMENTS, LATENCY_MIXES, PROFILES
from bench.experiments.progress import Progress, duration


def planned_s(profile: str, *, with_floor: bool = True) -> float:
    """Seconds that `run latency floor` (or `run latency`) plans, with all its reruns."""
    lab: Any = SimpleNamespace(
        profile=PROFILES[profile], progress=Progress(quiet=True), rerun_budget_s=0.0
    )
    latency.announce(lab, DEPLOYMENTS, PROFILES[profile].mixes)
    if with_floor:
        floor.announce(lab)
    return lab.progress.left_s + lab.rerun_budget_s


def test_profiles_plan_no_more_than_they_say() -> None:
    assert planned_s("smoke", with_floor=False) <= 90
    assert planned_s("quick") <= 480


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
