"""`latency` on real deployments: the ladder and a second monolith in one start, and its report."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from bench.engine.options import DEPLOYMENTS
from bench.experiments.latency.plan import SHARES
from bench.results.journal import RunReader
from bench.results.paired.rounds import cpu_ms_of
from tests.system.conftest import CommandLine, owned

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(600)]


def test_smoke_measures_the_whole_ladder_in_one_start_and_claims_nothing(
    shopbench: CommandLine, out: Path
) -> None:
    command = shopbench.start("run", "latency", "--profile", "smoke", "--out", str(out))
    _, err = command.communicate(timeout=550)
    assert command.returncode == 0, err
    (path,) = out.glob("*/")
    reader = RunReader(path)
    rounds = [trial for trial in reader.trials if trial.experiment == "latency"]
    members = (*DEPLOYMENTS, "monolith#2")
    assert {(t.mix, t.deployment) for t in rounds} == set(product(SHARES, members))
    assert {trial.block for trial in rounds} == {0}
    for trial in rounds:
        rows = reader.rows(trial.trial_id)
        assert set(rows.column("error").to_pylist()) == {""}, trial.trial_id
        assert (cpu_ms_of(trial) or 0.0) > 0, trial.trial_id
    for operation in SHARES:  # the same rounds for all
        shares = [reader.rows(t.trial_id) for t in rounds if t.mix == operation]
        numbers = [set(each.column("visit").to_pylist()) for each in shares]
        assert all(each == numbers[0] for each in numbers)
    counted = {(t.deployment, t.mix) for t in reader.trials if t.experiment == "sql"}
    assert counted == set(product(DEPLOYMENTS, SHARES))
    assert (
        reader.journal.settings["latency"]["stopped"] == "the profile's time is over after 1 start"
    )
    page = (path / "report.html").read_text(encoding="utf-8")
    assert 'id="ladder"' in page
    assert {each.verdict for each in reader.verdicts} == {"inconclusive"}  # one start says nothing
    owned(shopbench.home).wait_gone()
