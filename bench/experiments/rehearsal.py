"""How long an experiment will take: it runs until it first does anything, and its plan is read.

So what `--help` and the start of a run say comes from the experiments themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from bench.experiments.laboratory import Laboratory
from bench.experiments.options import Profile, RunOptions
from bench.experiments.progress import Progress, duration

Experiment = Callable[[Laboratory], None]
_EMPTY: dict[str, Any] = {"settings": {}, "trials": (), "notes": (), "episodes": ()}


class _Begun(Exception):
    """The experiment stopped planning and wants to work."""


@dataclass(frozen=True)
class Expected:
    """Seconds: the planned blocks, and what reruns of invalid ones may take on top.

    More blocks for narrower intervals, in `standard` and `full`, come on top of that.
    """

    planned_s: float
    reruns_s: float

    def __str__(self) -> str:
        least, most = duration(self.planned_s), duration(self.planned_s + self.reruns_s)
        return least if least == most else f"{least} to {most}"


@dataclass
class _Notebook:
    """Plays the writer of a run: settings are kept, nothing is written."""

    journal: Any = field(default_factory=lambda: SimpleNamespace(**{**_EMPTY, "settings": {}}))

    def add_settings(self, **settings: Any) -> None:
        self.journal.settings.update(settings)

    def note(self, _: str) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        raise _Begun(name)


class _Plan(Progress):
    """Adds up what is planned; the first thing that is done or said ends the rehearsal."""

    def __init__(self) -> None:
        super().__init__(quiet=True)

    def say(self, text: str) -> None:
        raise _Begun(text)

    def done(self, seconds: float) -> None:
        raise _Begun


class _Absent:
    """Plays what only work needs: any use but a registration ends the rehearsal."""

    def __getattr__(self, name: str) -> Any:
        if name == "on_fresh":
            return lambda _: None
        raise _Begun(name)


def expected(
    experiments: Sequence[Experiment], profile: Profile, options: RunOptions, **settings: Any
) -> Expected:
    """Planned seconds of experiments that run one after the other. `settings`: known before."""
    notebook, plan = _Notebook(), _Plan()
    notebook.add_settings(cpus=[0], load_cpus=[0], slo_ms=200.0, **settings)
    absent: Any = _Absent()
    writer = cast(Any, notebook)
    lab = Laboratory(options, profile, writer, absent, absent, absent, plan)
    for run in experiments:
        with suppress(_Begun):
            run(lab)
    return Expected(plan.planned_s, lab.rerun_budget_s)
