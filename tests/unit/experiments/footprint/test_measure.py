"""How long it is planned to take, what a resumed run leaves out, when a shop is at rest."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.engine.options import PROFILES, RunOptions
from bench.experiments.footprint.measure import Course, planned
from bench.experiments.footprint.meter import at_rest
from bench.experiments.footprint.plan import SIZES
from bench.experiments.footprint.records import NAME
from tests.unit.experiments.footprint.footprint_runs import MONOLITH, SERVICES, settings_of


def course(settings: Any, profile: str = "quick", *, time_left: bool = True) -> Course:
    """A run whose journal holds some settings, and that tells which starts it makes."""
    journal = SimpleNamespace(settings={NAME: settings}, trials=())
    told: dict[str, Any] = {}
    ctx: Any = SimpleNamespace(
        writer=SimpleNamespace(
            journal=journal, path=Path("run"), add_settings=lambda **found: told.update(found)
        ),
        profile=PROFILES[profile],
        progress=SimpleNamespace(drop=lambda _: None, say=lambda _: None),
        has_time=lambda _: time_left,
        seed=lambda *_: 1,
        setting=journal.settings.get,
        told=told,
    )
    return Course(ctx, (MONOLITH, SERVICES), SIZES[profile])


def test_the_quick_form_fits_into_the_bench() -> None:
    assert planned(RunOptions(), PROFILES["quick"], {}).planned_s <= 75.0


def test_a_resumed_run_makes_only_the_starts_that_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[tuple[str, int]] = []
    monkeypatch.setattr(Course, "_start", lambda self, name, number: made.append((name, number)))
    course(settings_of(starts=5)).repeat()
    assert sorted(made) == [(SERVICES, 6), (MONOLITH, 6)]


def test_a_start_whose_loads_were_cut_off_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, int]] = []
    monkeypatch.setattr(Course, "_start", lambda self, name, number: made.append((name, number)))
    course(settings_of(loads=[])).repeat()
    assert sorted(made) == [(SERVICES, 0), (MONOLITH, 0)]


def test_no_repetition_begins_that_would_end_too_late() -> None:
    late = course(settings_of(starts=4), time_left=False)
    late.repeat()
    assert late.ctx.told[NAME]["stopped"] == "time limit reached before repetition 6 of 7"


@pytest.mark.parametrize(
    ("cores", "rest"),
    [
        ([float("inf"), 0.003], False),  # one look says nothing
        ([0.004, 0.003], True),
        ([0.5, 0.004], False),  # it still falls
        ([0.5, 0.5], False),  # it works on
    ],
)
def test_at_rest_is_little_cpu_that_no_longer_falls(cores: list[float], rest: bool) -> None:
    assert at_rest(cores) is rest


def test_findings_are_told_in_a_line_each() -> None:
    lines = course(settings_of()).findings()
    assert len(lines) == 5
    assert lines[0].startswith("memory at rest, microservices 300 MiB against monolith 150 MiB: ×2")
    assert lines[0].endswith("6 starts: supported")
