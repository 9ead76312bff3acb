"""How many starts `latency` makes, and what it says meanwhile. The starts are made up."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.engine.options import PROFILES, RunOptions
from bench.engine.progress import Progress
from bench.engine.run_context import RunContext
from bench.experiments.latency import measure
from bench.experiments.latency.plan import EXPERIMENT, SIZES, Plan, Size
from bench.experiments.latency.start import Recorded
from bench.results.journal import RunWriter
from tests.unit.results.paired.made import BASE_MS, MEASURED_S, PER_SECOND, rows_of, trial_of
from tests.unit.results.test_journal import FACTS

OPTIONS = RunOptions(deployments=("monolith", "microservices"), mixes=("mixed",))
SECONDS = 10.0  # that a made-up start takes, on the clock of the test


@dataclass
class Shop:
    """Starts with given ratios: a deployment takes so many times as long; `scatter` of starts."""

    slower: Mapping[str, float]
    scatter: float = 0.002
    cut_off_in: int = -1  # the start that ends after its first operation
    numbers: list[int] = field(default_factory=list)
    clock_s: float = 0.0

    def start(self, ctx: RunContext, plan: Plan, number: int, rounds: Recorded) -> None:
        """Stands for `measure_start`."""
        self.numbers.append(number)
        self.clock_s += SECONDS
        rng = np.random.default_rng(number)
        for operation in plan.operations:
            machine = rng.lognormal(0, 0.2, int(MEASURED_S * PER_SECOND))
            for name in plan.members:
                own = rng.lognormal(rng.normal(0, self.scatter), 0.02, machine.size)
                factor = self.slower.get(name, 1.0)
                rows = rows_of(BASE_MS[operation] * factor * machine * own, operation)
                made = trial_of(
                    number, operation, name, cpu_s=float(0.08 + 0.32 * factor * own.mean())
                )
                trial = replace(made, rows_file=f"rows/{made.trial_id}.parquet")
                ctx.writer.add_trial(trial, rows)
                rounds[EXPERIMENT].add(trial, rows)
            if number == self.cut_off_in:
                raise KeyboardInterrupt


@dataclass
class Told(Progress):
    """Keeps the lines that stay."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.lines: list[str] = []

    def tell(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunContext]:
    """A laboratory whose `quick` makes at least 6 and at most 8 starts."""
    monkeypatch.setitem(SIZES, "quick", Size(6, 8, 0.0, MEASURED_S, MEASURED_S, 0.0, 1000.0))
    monkeypatch.setattr(measure, "client_time_ms", lambda *_: 0.3)
    writer = RunWriter.create(tmp_path, "run", FACTS)
    writer.add_settings(cpus=[0])
    fleet: Any = SimpleNamespace(close=lambda: None)
    nothing: Any = None
    yield RunContext(OPTIONS, PROFILES["quick"], writer, nothing, nothing, fleet, Told())
    writer.close()


@pytest.fixture
def shop_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Shop]:
    def make(**facts: Any) -> Shop:
        shop = Shop(**facts)
        monkeypatch.setattr(measure, "measure_start", shop.start)
        monkeypatch.setattr(time, "monotonic", lambda: shop.clock_s)
        return shop

    return make


def lines(ctx: RunContext) -> list[str]:
    assert isinstance(ctx.progress, Told)
    return ctx.progress.lines


def test_it_stops_when_every_metric_named_beforehand_is_known(
    ctx: RunContext, shop_of: Callable[..., Shop]
) -> None:
    shop = shop_of(slower={"microservices": 1.6})
    measure.run(ctx)
    assert shop.numbers == [0, 1, 2, 3, 4, 5]
    stopped = "every metric named beforehand is decided or known to 2.5 %, 6 starts"
    assert ctx.setting(EXPERIMENT)["stopped"] == stopped
    assert lines(ctx)[-1] == f"latency: {stopped}"


def test_it_goes_on_while_a_named_metric_is_not_known_well_enough(
    ctx: RunContext, shop_of: Callable[..., Shop]
) -> None:
    shop = shop_of(slower={"microservices": 1.03}, scatter=0.2)
    measure.run(ctx)
    assert len(shop.numbers) == 8
    assert ctx.setting(EXPERIMENT)["stopped"] == "the profile's time is over after 8 starts"
    undecided = [line for line in lines(ctx) if line.startswith("not decided: ")]
    assert len(undecided) == 8
    assert "An order takes microservices " in undecided[2]
    assert " 8 starts: " in undecided[2]


def test_the_profiles_minutes_end_it_too(
    ctx: RunContext, shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shop_of(slower={"microservices": 1.03}, scatter=0.2)
    limit_s = measure.plan_of(OPTIONS, "quick").start_s + 6.5 * SECONDS
    monkeypatch.setitem(SIZES, "quick", replace(SIZES["quick"], limit_s=limit_s))
    measure.run(ctx)
    assert len(shop.numbers) == 7


def test_a_time_limit_ends_it_before_its_starts_are_made(
    ctx: RunContext, shop_of: Callable[..., Shop]
) -> None:
    shop = shop_of(slower={"microservices": 1.6})
    planned_s = measure.plan_of(OPTIONS, "quick").start_s
    ctx.deadline = planned_s + 3 * SECONDS + 1
    measure.run(ctx)
    assert len(shop.numbers) == 4
    assert ctx.setting(EXPERIMENT)["stopped"] == "time limit reached after 4 starts"


def test_with_a_time_limit_of_ones_own_the_profiles_is_no_limit(
    ctx: RunContext, shop_of: Callable[..., Shop]
) -> None:
    shop = shop_of(slower={"microservices": 1.03}, scatter=0.2)
    ctx.deadline = measure.plan_of(OPTIONS, "quick").start_s + 8 * SECONDS + 1
    measure.run(ctx)
    assert len(shop.numbers) == 9


def test_what_is_decided_is_said_once(ctx: RunContext, shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(slower={"microservices": 1.6}, scatter=0.05)
    measure.run(ctx)
    assert len(shop.numbers) >= 6
    decided = [line for line in lines(ctx) if line.startswith("decided: ")]
    orders = [line for line in decided if "An order takes microservices 1." in line]
    assert len(orders) == 1
    assert "times as long as monolith [" in orders[0]
    assert len(decided) == len(set(decided)) == 8  # time and CPU of three operations and the mix


def test_after_a_start_it_says_what_is_known_so_far(
    ctx: RunContext, shop_of: Callable[..., Shop]
) -> None:
    shop_of(slower={"microservices": 1.6})
    measure.run(ctx)
    so_far = [line for line in lines(ctx) if line.startswith("so far: ")]
    assert re.match(r"so far: one start: time of a product read ×1\.(59|6\d) ±\d%, time", so_far[0])
    assert so_far[0].endswith("; others may differ")
    assert "×1.6" in so_far[1]


def test_a_resumed_run_goes_on_with_the_next_start_and_counts_what_is_there(
    ctx: RunContext, shop_of: Callable[..., Shop]
) -> None:
    first = shop_of(slower={"microservices": 1.6})
    ctx.deadline = measure.plan_of(OPTIONS, "quick").start_s + 3 * SECONDS + 1
    measure.run(ctx)
    again = shop_of(slower={"microservices": 1.6})
    measure.run(replace(ctx, deadline=float("inf")))
    assert first.numbers + again.numbers == [0, 1, 2, 3, 4, 5]


def test_a_start_that_was_cut_off_keeps_what_it_had_and_another_is_made_in_its_place(
    ctx: RunContext, shop_of: Callable[..., Shop]
) -> None:
    shop_of(slower={"microservices": 1.6}, cut_off_in=2)
    with pytest.raises(KeyboardInterrupt):
        measure.run(ctx)
    kept = [trial for trial in ctx.writer.journal.trials if trial.block == 2]
    assert {trial.mix for trial in kept} == {"product_read"}
    again = shop_of(slower={"microservices": 1.6})
    measure.run(ctx)
    assert again.numbers == [3, 4, 5, 6]
    assert [t for t in ctx.writer.journal.trials if t.block == 2] == kept


def test_a_resumed_run_plans_only_what_is_missing(
    ctx: RunContext, shop_of: Callable[..., Shop]
) -> None:
    shop_of(slower={"microservices": 1.6})
    ctx.deadline = measure.plan_of(OPTIONS, "quick").start_s + 3 * SECONDS + 1
    measure.run(ctx)
    whole = replace(ctx, deadline=float("inf"), progress=Told())
    shop_of(slower={"microservices": 1.6})
    plan = measure.plan_of(OPTIONS, "quick")
    whole.progress.plan(plan.planned_s)
    measure.run(whole)
    assert whole.progress.planned_s == pytest.approx(plan.once_s + 2 * plan.start_s)
