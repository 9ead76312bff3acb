"""How many blocks a cell gets, and what is said of its end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.engine import precision, run_context
from bench.engine.capacity_probe import Cell
from bench.engine.options import PROFILES, RunOptions
from bench.engine.precision import precise_enough
from bench.engine.progress import Progress
from bench.engine.resume import spent_before
from bench.engine.run_context import RunContext, Series, run_series
from bench.results.journal import RunReader, RunWriter, TrialStatus
from tests.unit.results.test_journal import FACTS, make_rows, make_trial

KEY = ("latency", "product_read", 50.0)
PROFILE = replace(PROFILES["standard"], min_blocks=6, max_blocks=9)


@pytest.fixture
def ctx(tmp_path: Path) -> RunContext:
    nothing: Any = None
    writer = RunWriter.create(tmp_path, "run", FACTS)
    options = RunOptions(profile="standard")
    progress = Progress(quiet=True)
    return RunContext(
        options, PROFILE, writer, nothing, nothing, nothing, progress, rerun_budget_s=25.0
    )


def run(
    ctx: RunContext, precise_from: float, *, valid: bool = True, blocks: list[int] | None = None
) -> tuple[list[int], str]:
    """Run blocks of 10 s; (blocks that were run, why there are no more)."""
    blocks = [] if blocks is None else blocks
    status: TrialStatus = "valid" if valid else "invalid"

    def attempt(block: int):  # type: ignore[no-untyped-def]
        def one(_: int) -> list[TrialStatus]:
            blocks.append(block)
            return [status]

        return one

    each = Series(
        "x", 10.0, attempt, lambda: len(blocks) >= precise_from, key=KEY, names=("monolith",)
    )
    run_series(ctx, [each])
    return blocks, ctx.setting("stopped")["latency/product_read/50"]


@pytest.mark.parametrize(
    ("precise_from", "ran", "why"),
    [
        (1, 6, "every interval narrow enough, 6 valid blocks"),
        (8, 8, "every interval narrow enough, 8 valid blocks"),
        (9, 9, "every interval narrow enough, 9 valid blocks"),
        (99, 9, "block limit 9 reached before every interval was narrow enough"),
    ],
)
def test_a_cell_gets_blocks_until_it_is_precise_or_at_its_limit(
    ctx: RunContext, precise_from: int, ran: int, why: str
) -> None:
    assert run(ctx, precise_from) == (list(range(ran)), why)


def test_the_cells_of_a_block_run_in_the_order_that_is_given(ctx: RunContext) -> None:
    ran: list[tuple[int, str]] = []

    def attempt_of(name: str):  # type: ignore[no-untyped-def]
        def attempt(block: int):  # type: ignore[no-untyped-def]
            def one(_: int) -> list[TrialStatus]:
                ran.append((block, name))
                return ["valid"]

            return one

        return attempt

    a, b = (Series(n, 1.0, attempt_of(n), key=KEY, names=(n,)) for n in "ab")
    two = replace(ctx, profile=replace(PROFILE, min_blocks=2, max_blocks=2))
    run_series(two, [a, b], lambda block: [a, b] if block else [b, a])
    assert ran == [(0, "b"), (0, "a"), (1, "a"), (1, "b")]


def test_invalid_blocks_are_repeated_while_there_is_time_for_it(ctx: RunContext) -> None:
    blocks, why = run(ctx, 1, valid=False)
    assert blocks == [0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]  # two reruns in 25 s, and up to the limit
    assert why == "0 of 6 valid blocks, no time left to repeat others"
    assert ctx.setting("reruns") == {"spent_s": 20.0}


def test_a_block_is_valid_when_all_its_trials_are_in_one_attempt(ctx: RunContext) -> None:
    names, made = ("a", "b", "c"), []

    def attempt(number: int) -> list[TrialStatus]:
        made.append(number)
        found: list[TrialStatus] = ["valid", "valid", "valid"]
        found[2 - number] = "invalid"
        for name, status in zip(names, found, strict=True):
            trial = make_trial(f"{name}{number}", deployment=name, attempt=number, status=status)
            ctx.writer.add_trial(trial, make_rows())
        return found

    profile = replace(PROFILE, min_blocks=1, max_blocks=1)
    each = Series("x", 10.0, lambda _: attempt, key=KEY, names=names)
    run_series(replace(ctx, profile=profile), [each])
    assert made == [0, 1, 2]


def test_a_time_limit_replaces_the_block_limit(
    ctx: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks: list[int] = []
    monkeypatch.setattr(run_context.time, "monotonic", lambda: 10.0 * len(blocks))
    ctx.deadline = 155.0
    _, why = run(ctx, 99, blocks=blocks)
    assert len(blocks) == 15
    assert why == "time limit reached with 15 of at least 6 valid blocks"


def test_a_time_limit_may_leave_too_few_blocks(
    ctx: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_context.time, "monotonic", lambda: 100.0)
    ctx.deadline = 105.0
    assert run(ctx, 1) == ([], "time limit reached with 0 of at least 6 valid blocks")


def test_what_was_spent_on_reruns_is_not_given_twice(ctx: RunContext) -> None:
    assert ctx.spend(20.0)
    assert not ctx.spend(10.0)
    again = replace(ctx, rerun_budget_s=25.0 - ctx.setting("reruns")["spent_s"])
    assert not again.spend(10.0)


@pytest.mark.parametrize(
    ("tail", "precise"), [(0.0, True), (1.5, False)], ids=["steady tail", "tail jumps about"]
)
def test_p95_must_be_precise_too(tmp_path: Path, tail: float, precise: bool) -> None:
    """Medians and CPU are the same in every block; only the slowest tenth differs."""
    writer = RunWriter.create(tmp_path, "run", FACTS)
    for block in range(6):
        for name in ("monolith", "modular"):
            trial = make_trial(
                f"t{block}-{name}",
                block=block,
                deployment=name,
                planned=400,
                sent=400,
                measured_from_s=0.0,
                measured_to_s=100.0,
                cpu_requests=400,
            )
            slow = 0.05 * (1 + tail * (block % 2) * (name == "modular"))
            writer.add_trial(trial, times(slow))
    ctx: Any = type("Lab", (), {"writer": writer, "profile": PROFILE})()
    assert precise_enough(ctx, "latency", Cell("product_read", 50.0)) is precise


def times(slow_s: float):  # type: ignore[no-untyped-def]
    rows = make_rows(400)
    done = np.asarray(rows["due_s"]) + np.where(np.arange(400) % 10 == 0, slow_s, 0.01)
    return rows.set_column(
        rows.schema.get_field_index("done_s"), rows.schema.field("done_s"), [done]
    )


def test_with_too_few_requests_p95_is_left_out(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, "run", FACTS)
    block = []
    for name in ("monolith", "modular"):
        trial = make_trial(
            name, deployment=name, sent=100, measured_from_s=0.0, measured_to_s=99.0, cpu_requests=9
        )
        writer.add_trial(trial, make_rows(100))
        block.append(trial)
    ctx: Any = type("Lab", (), {"writer": writer, "profile": PROFILE})()
    assert set(precision._metrics(ctx, [block])) == {"p50", "cpu"}


def test_the_time_of_earlier_sittings_counts_without_the_gaps(tmp_path: Path) -> None:
    journal = RunReader(RunWriter.create(tmp_path, "run", FACTS).path).journal
    assert spent_before(journal) == 0
    sittings = [
        {"at": "2026-01-01T01:00:00.000Z", "stopped_at": "2026-01-01T00:01:00.000Z"},
        {"at": "2026-01-02T01:00:00.000Z", "stopped_at": "2026-01-01T01:02:00.000Z"},
    ]
    resumed = replace(
        journal, started_at="2026-01-01T00:00:00.000Z", settings={"resumed": sittings}
    )
    assert spent_before(resumed) == 60 + 120
