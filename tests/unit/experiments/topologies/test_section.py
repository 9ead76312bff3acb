"""The ranking of partitions on a run with known costs."""

from pathlib import Path

import numpy as np
import pytest

from bench.deployments.local.topology import all_partitions
from bench.experiments.topologies.findings import partition_cell, ranking, rankings, verdicts_of
from bench.experiments.topologies.section import section, sentence
from bench.report.build import build_report
from bench.results.dataset import load_run
from bench.results.journal import ComponentUsage, RunWriter
from tests.unit.report.factory import Plan, facts, make_rows, trial_entry

NAMES = [topology.name for topology in all_partitions()]
ALIKE = "users+orders+payments|inventory"


def cost_ms(name: str) -> float:
    """modular-split and one more are equally good; each process more costs 20 %."""
    if name in {"modular-split", ALIKE}:
        return 5.0
    return 5.0 * (1 + 0.2 * (1 + name.count("|") if "|" in name else 4))


def write_run(root: Path, *, blocks: int = 6, profile: str = "quick") -> Path:
    plan = Plan(requests=200, profile=profile)
    writer = RunWriter.create(root, "run", facts(plan, {}))
    rng = np.random.default_rng(3)
    for block in range(blocks):
        drift = float(np.exp(rng.normal(0, 0.1)))  # of the machine: the same for the whole block
        for position, name in enumerate(NAMES):
            ms = cost_ms(name) * drift * float(np.exp(rng.normal(0, 0.004)))
            due = np.linspace(2.0, 11.9, 200)
            times = np.full(200, ms / 1000) * rng.lognormal(0, 0.05, 200)
            entry = trial_entry(
                plan,
                trial_id=f"topologies-{block}-{position}",
                experiment="topologies",
                block=block,
                position=position,
                deployment=name,
                mix="mixed",
                offered_rps=40.0,
                status="valid",
                usage={"users": ComponentUsage(ms * 0.2, 2**20)},
                facts={"processes": 1.0 + 2 * name.count("|")},
            )
            writer.add_trial(entry, make_rows(due, times, ["order"] * 200))
    writer.finish()
    return writer.path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("topologies"))


def test_the_best_and_its_like_stand_apart_from_the_others(run: Path) -> None:
    cell = partition_cell(load_run(run))
    assert cell is not None
    found = ranking(cell, "cpu")
    assert found is not None
    assert set(found.with_best) == {"modular-split", ALIKE}
    assert len(found.places) == 15
    last = found.places[-1]
    assert last.name == "microservices"
    assert last.ratio is not None
    assert last.ratio.estimate == pytest.approx(1.8, rel=0.02)
    assert last.ratio.level > 0.95  # of the 14 comparisons


def test_the_sentence_names_the_best_and_who_is_like_it(run: Path) -> None:
    cell = partition_cell(load_run(run))
    assert cell is not None
    text = sentence(rankings(cell)[2])
    assert text.startswith("CPU per request: ")
    assert "indistinguishable from it" in text
    assert "the last, microservices, takes ×1.8" in text


def test_everything_apart_is_judged_against_the_best(run: Path) -> None:
    data = load_run(run)
    cell = partition_cell(data)
    assert cell is not None
    verdicts = verdicts_of(data, cell, rankings(cell))
    assert [(v.metric, v.verdict) for v in verdicts] == [
        ("response_time_ms_p50", "supported"),
        ("cpu_ms_per_request", "supported"),
    ]


def test_too_few_blocks_tell_nothing_apart(tmp_path: Path) -> None:
    cell = partition_cell(load_run(write_run(tmp_path, blocks=3)))
    assert cell is not None
    found = ranking(cell, "cpu")
    assert found is not None
    assert found.with_best == [place.name for place in found.places]
    assert "6 are needed" in sentence(found)


def test_the_report_holds_the_section(run: Path) -> None:
    build_report(run)
    page = (run / "report.html").read_text()
    assert 'id="topologies"' in page
    assert "is best" in page
    assert (run / "figures" / "topologies.png").exists()


def test_a_run_without_the_experiment_has_no_section(analysis) -> None:
    assert section(analysis.data) is None
