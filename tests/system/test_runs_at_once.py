"""Two runs at once, and a shop that `up` started: said, and none disturbs what another owns."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

import pytest

from bench.results.journal import RunReader
from tests.system.conftest import CommandLine, a_free_port, owned
from tests.system.test_run_kills import MEMBERS, begin

pytestmark = [pytest.mark.soak, pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(600)]


def test_runs_beside_each_other_are_both_whole_and_say_so(
    shopbench: CommandLine, out: Path
) -> None:
    shopbench.ok("up", "modular", "--port", str(a_free_port()))
    first, second = (begin(shopbench, out / name, "start", "latency") for name in ("1", "2"))
    (one,), (other,) = ((out / name).glob("*/") for name in ("1", "2"))
    for command in (first, second):
        _, err = command.communicate(timeout=500)
        assert command.returncode == 0, err
    up = "modular, which `shopbench up` started, is up at"
    for path, about in (
        (one, f"another run began meanwhile: {other}"),
        (other, f"another run is at work: {one}"),
    ):
        reader = RunReader(path)
        rounds = {(t.mix, t.deployment) for t in reader.trials if t.loop == "rounds"}
        assert rounds == set(product(("product_read", "order"), MEMBERS))
        for told in (up, about):
            assert any(told in note for note in reader.journal.notes), (told, reader.journal.notes)
    assert shopbench.status()["ready"]
    shopbench.ok("down")
    assert os.listdir(shopbench.home.root / "runs") == []
    owned(shopbench.home).wait_gone()
