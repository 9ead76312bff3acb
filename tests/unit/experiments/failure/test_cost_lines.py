"""The terminal's line about a fault, from the rows of its repetitions."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.experiments.failure.deployments import Arm
from bench.experiments.failure.plan import Cell
from bench.experiments.failure.served_share import what_it_cost
from bench.experiments.failure.spec import Step
from tests.unit.experiments.failure.fault_runs import Losses, write_run


def cell(component: str = "payments", number: int = 0, arm: str = "monolith") -> Cell:
    kind = "crash" if component == "payments" else "hop_reset"
    return Cell(Arm(arm), 0, Step(kind=kind, component=component), number)


def test_a_fault_is_told_when_all_repetitions_of_both_arms_are_over(tmp_path: Path) -> None:
    run = write_run(tmp_path, Losses(repetitions=3))
    context: Any = SimpleNamespace(writer=SimpleNamespace(path=run), setting={"slo_ms": 200.0}.get)
    assert what_it_cost(context, cell(), 3) == (
        "failure: crash payments: microservices served more visits in time than monolith "
        "in 3 of 3 repetitions (50%, 50%, 50% against 0%, 0%, 0%)"
    )
    assert what_it_cost(context, cell(), 4) == ""
    assert what_it_cost(context, cell("orders", 1), 3) == ""  # the monolith does not know it
    assert what_it_cost(context, Cell(Arm("monolith"), 0, None), 3) == ""
