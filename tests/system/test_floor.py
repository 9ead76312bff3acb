"""The floor as it is run: both sides of all six comparisons answer rightly, windows in turns."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.results.journal import RunReader
from tests.system.conftest import CommandLine


@pytest.mark.slow
def test_every_bare_handler_answers_rightly_beside_its_arm(
    shopbench: CommandLine, tmp_path: Path
) -> None:
    """The bare handlers run as the experiment starts them; one wrong answer would be counted."""
    command = shopbench.start("run", "floor", "--profile", "smoke", "--out", str(tmp_path))
    _, err = command.communicate(timeout=400)
    assert command.returncode == 0, err
    (path,) = tmp_path.glob("*/")
    trials = RunReader(path).trials
    sides = {(trial.mix, trial.deployment) for trial in trials}
    operations = ("product_read", "wallet_read", "order")
    assert sides == {
        (operation, side)
        for operation in operations
        for side in ("monolith", "bare-drf", "service", "bare-aiohttp")
    }
    assert [trial.wrong for trial in trials if trial.wrong] == []
    assert all(trial.facts["throughput_rps"] > 0 for trial in trials)
    for operation in operations:
        said = f"floor: {operation.replace('_', ' ')} on the "
        assert err.count(said) == 2, err
