"""Whole starts of `latency`, against echo servers: who is asked what, what the journal says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.engine.options import RunOptions
from bench.engine.runner import RunStopped, run
from bench.experiments.latency.findings import Findings
from bench.experiments.latency.plan import SIZES
from bench.results.dataset import load_run
from bench.results.journal import RunReader, Trial
from bench.results.paired.disturbance import EXPERIMENT_OF_TWO
from bench.results.paired.rounds import cpu_ms_of
from tests.unit.experiments.conftest import EchoDeployment

SLOW = pytest.mark.slow
MEMBERS = ("monolith", "modular", "monolith#2")


@pytest.fixture
def asked(options: RunOptions) -> RunOptions:
    """Two starts of two operations of two deployments; both are shuffled with this seed."""
    return replace(options, mixes=("product_read", "order"), seed=4)


def test_all_members_of_a_start_are_up_together_and_get_the_same_rounds(
    asked: RunOptions, echo: type[EchoDeployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    most: list[int] = []
    original = echo.usage

    def usage(self: EchoDeployment) -> object:
        most.append(len(echo.open_now))
        return original(self)

    monkeypatch.setattr(echo, "usage", usage)
    reader = RunReader(run(["latency"], asked))
    assert set(most) == {3}
    assert len(reader.trials) == 2 * 2 * 3  # starts, operations, members
    assert len({trial.trial_id for trial in reader.trials}) == 12
    for block in blocks(reader):
        assert [trial.deployment for trial in block] == list(MEMBERS)
        assert {trial.loop for trial in block} == {"rounds"}
        rows = [reader.rows(trial.trial_id) for trial in block]
        first = rows[0].column("visit").to_pylist()
        assert first == list(range(len(first)))
        assert all(each.column("visit").to_pylist() == first for each in rows)
        assert {text for each in rows for text in each.column("error").to_pylist()} == {""}
        assert all(t.sent == t.planned == t.cpu_requests == len(first) for t in block)


def test_starts_and_operations_come_in_an_order_of_their_own_and_gaps_are_kept(
    asked: RunOptions, echo: type[EchoDeployment]
) -> None:
    journal = RunReader(run(["latency"], asked)).journal
    made = [echo.made[:3], echo.made[3:]]
    assert sorted(made[0]) == sorted(made[1]) == ["modular", "monolith", "monolith"]
    assert made[0] != made[1]
    orders = [
        list(dict.fromkeys(t.mix for t in journal.trials if t.block == start)) for start in (0, 1)
    ]
    assert sorted(orders[0]) == sorted(orders[1]) == ["order", "product_read"]
    assert orders[0] != orders[1]
    gaps_s = journal.settings["latency"]["gaps_s"]
    assert set(gaps_s) == {"product_read", "order"}
    for trial in journal.trials:
        assert trial.facts["gap_ms"] == pytest.approx(gaps_s[trial.mix] * 1e3)
        assert trial.seed == next(
            t.seed for t in journal.trials if (t.block, t.mix) == (trial.block, trial.mix)
        )
    assert len({trial.seed for trial in journal.trials}) == 4
    assert journal.settings["latency"]["members"] == list(MEMBERS)
    assert journal.settings["deployments"] == ["monolith", "modular"]


def test_cpu_a_request_is_less_what_a_deployment_uses_while_nobody_asks(
    asked: RunOptions, echo: type[EchoDeployment]
) -> None:
    echo.idle_cores = {"modular": 0.15}
    trials = RunReader(run(["latency"], replace(asked, mixes=("product_read",)))).trials
    for trial in trials:
        idle = 0.15 if trial.deployment == "modular" else 0.0
        assert trial.facts["idle_cores"] == pytest.approx(idle, abs=0.08)
    for trial in (each for each in trials if each.deployment == "modular"):
        whole_ms = trial.usage["echo"].cpu_seconds * 1e3 / trial.cpu_requests
        idle_ms = 150 * trial.facts["cpu_window_s"] / trial.cpu_requests
        assert (cpu_ms_of(trial) or 0.0) == pytest.approx(whole_ms - idle_ms, abs=idle_ms / 2)


@pytest.mark.parametrize("operation", ["order", pytest.param("product_read", marks=SLOW)])
def test_an_operation_answered_wrongly_from_the_start_stops_the_run_with_the_answer(
    asked: RunOptions, echo: type[EchoDeployment], operation: str
) -> None:
    answer = {"order": ("--status", "500"), "product_read": ("--body", '{"odd": 1}')}[operation]
    echo.server_options = {"modular": answer}
    with pytest.raises(RunStopped, match=r"modular .*(order|product_read).*") as caught:
        run(["latency"], asked)
    assert caught.value.exit_code == 1
    assert "\n" not in caught.value.message
    assert not RunReader(caught.value.run_dir).trials


@SLOW
def test_a_machine_without_cpu_budgets_is_stamped(
    asked: RunOptions, echo: type[EchoDeployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(echo, "cpu_control", "uncontrolled")
    journal = RunReader(run(["latency"], replace(asked, mixes=("product_read",)))).journal
    assert not journal.controlled
    assert any("uncontrolled" in note for note in journal.notes)


def test_a_start_that_ends_early_leaves_the_operations_it_had(
    asked: RunOptions, echo: type[EchoDeployment], cut_off_after: object
) -> None:
    cut_off_after(3, KeyboardInterrupt())  # type: ignore[operator]
    with pytest.raises(RunStopped) as caught:
        run(["latency"], asked)
    trials = RunReader(caught.value.run_dir).trials
    assert [t.block for t in trials] == [0] * 6 + [1] * 3
    assert echo.open_now == []


def test_the_named_pair_is_measured_in_rounds_of_its_own_too_where_planned(
    asked: RunOptions, echo: type[EchoDeployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SIZES, "tiny", replace(SIZES["tiny"], two=True))
    three = replace(asked, deployments=("monolith", "modular", "microservices"))
    run_dir = run(["latency"], three)
    trials = RunReader(run_dir).trials
    alone = [t for t in trials if t.experiment == EXPERIMENT_OF_TWO]
    assert {t.deployment for t in alone} == {"monolith", "microservices"}
    assert len(alone) == 2 * 2 * 2  # starts, operations, members
    assert len({t.trial_id for t in trials}) == len(trials) == 8 + 2 * 2 * 4
    found = load_run(run_dir).once(Findings)
    assert {len(shift.two) for shift in found.disturbance} == {2}
    assert len(found.rounds.starts) == len(found.two.starts) == 2


def blocks(reader: RunReader) -> list[list[Trial]]:
    """The trials of each start and operation, by position."""
    found: dict[tuple[int, str], list[Trial]] = {}
    for trial in reader.trials:
        found.setdefault((trial.block, trial.mix), []).append(trial)
    return [sorted(each, key=lambda trial: trial.position) for each in found.values()]
