"""What the profiles promise."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from bench.engine.options import PROFILES, RunOptions
from bench.engine.progress import Progress, duration
from bench.engine.runner import durations, expected_duration, said
from bench.registry import Planned, registered

MAKEFILE = Path(__file__).parents[3] / "Makefile"


def make_bench() -> tuple[list[str], RunOptions]:
    """The experiments and options of `make bench`, as the Makefile says them."""
    text = MAKEFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.search(r"^bench:.*\n\t\S*shopbench run (.*)$", text, re.MULTILINE)
    assert found is not None
    words = shlex.split(found.group(1))
    first = next(at for at, word in enumerate(words) if word.startswith("--"))
    given = dict(zip(words[first::2], words[first + 1 :: 2], strict=True))
    assert set(given) == {"--profile", "--spec", "--kills", "--points"}
    own = {name: int(given[f"--{name}"]) for name in ("kills", "points")}
    own |= {"spec": given["--spec"]}
    return words[:first], RunOptions(profile=given["--profile"], own=own)


BENCH, BENCH_OPTIONS = make_bench()


def planned(profile: str, *names: str) -> Planned:
    """What a run of these plans, in the profile."""
    return expected_duration(list(names), RunOptions(profile=profile))


def test_profiles_plan_no_more_than_they_say() -> None:
    smoke, quick = planned("smoke", "latency"), planned("quick", "latency")
    assert smoke.planned_s <= 75
    assert smoke.reruns_s == quick.reruns_s == 0
    assert quick.planned_s <= 8 * 60
    assert planned("standard", "latency").planned_s <= 40 * 60


def test_make_bench_is_planned_within_its_twenty_two_minutes() -> None:
    assert expected_duration(BENCH, BENCH_OPTIONS).planned_s <= 22 * 60


def test_a_plan_is_what_the_experiments_themselves_announce() -> None:
    one, other = planned("quick", "latency"), planned("quick", "floor")
    both = planned("quick", "latency", "floor")
    assert both.planned_s == pytest.approx(one.planned_s + other.planned_s)
    assert said(Planned(240.0)) == "4 min"
    assert said(Planned(240.0, 60.0)) == "4 min to 5 min"


def test_planning_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("started a process"))
    found = durations()
    assert set(found) == {each.name for each in registered() if not each.instead_of}
    for name, profiles in found.items():
        assert set(profiles) == set(PROFILES)
        assert all(text and text != "0 s" for text in profiles.values()), name


def test_only_smoke_has_too_few_blocks_for_a_verdict() -> None:
    for profile in PROFILES.values():
        assert (profile.min_blocks >= 6) == (profile.name != "smoke")
        assert profile.max_blocks >= profile.min_blocks


def test_the_time_left_follows_the_pace_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 20.0, 30.0])
    monkeypatch.setattr("bench.engine.progress.time.monotonic", lambda: next(clock))
    progress = Progress(quiet=True)
    progress.plan(100)
    assert progress.left_s == 100
    progress.done(10)  # took 20, and 20 of the plan are trusted: 40 for 30
    assert progress.left_s == 120
    progress.done(20)  # took 10: back to the plan's pace
    assert progress.left_s == 70


def test_a_first_piece_of_ten_times_its_plan_does_not_make_hours_of_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([0.0, 100.0])
    monkeypatch.setattr("bench.engine.progress.time.monotonic", lambda: next(clock))
    progress = Progress(quiet=True)
    progress.plan(1000)
    progress.done(10)  # took 100
    assert 1000 < progress.left_s < 1500


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
