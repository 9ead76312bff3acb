"""The network section on a run with known slopes: where the ranking flips, and what it says."""

from pathlib import Path

import numpy as np
import pytest

from bench.experiments.network.findings import curves_of, proxy_costs, verdicts_of
from bench.experiments.network.section import section, sentence
from bench.report.build import build_report
from bench.results.dataset import load_run
from bench.results.journal import ComponentUsage, RunWriter
from tests.unit.report.factory import Plan, facts, make_rows, trial_entry

HOPS = (0.0, 2.0, 5.0, 20.0)
# p50 in ms at 0 ms, and round trips in sequence, by setting and deployment
SHOPS = {
    "services": {"monolith": (10.0, 0.0), "microservices": (5.0, 2.0)},
    "all": {"monolith": (10.0, 1.0), "microservices": (12.0, 4.0)},
}


def write_run(
    root: Path, *, blocks: int = 6, profile: str = "quick", noise: float = 0.01, shops=SHOPS
) -> Path:
    plan = Plan(requests=200, profile=profile)
    counted = {"services/order/microservices": {"sequential": 2.0, "calls": 3.0}}
    writer = RunWriter.create(root, "run", facts(plan, {"network": {"counted": counted}}))
    rng = np.random.default_rng(7)
    levels = [(hop, 0.0) for hop in HOPS] + [(2.0, 0.01)]
    for setting, sides in shops.items():
        cells = [(f"network:{setting}@{h:g}ms/{100 * loss:g}%", h, loss) for h, loss in levels]
        cells.append((f"network:{setting}@proxy", 0.0, 0.0))
        for number, (experiment, hop, loss) in enumerate(cells):
            names = sides
            if experiment.endswith("@proxy"):
                names = {
                    n: sides["microservices"] for n in ("microservices", "microservices (direct)")
                }
            for block in range(blocks):
                for position, (name, (base_ms, trips)) in enumerate(names.items()):
                    ms = (base_ms + trips * hop) * float(np.exp(rng.normal(0, noise)))
                    due = np.linspace(2.0, 11.9, 200)
                    rows = make_rows(due, np.full(200, ms / 1000), ["order"] * 200)
                    entry = trial_entry(
                        plan,
                        trial_id=f"network-{setting}-{number}-{block}-{position}",
                        experiment=experiment,
                        block=block,
                        position=position,
                        deployment=name,
                        mix="order",
                        offered_rps=20.0,
                        status="valid",
                        usage={"shop": ComponentUsage(1.0, 2**20)},
                        facts={"hop_ms": hop, "loss": loss, "all_hops": float(setting == "all")},
                    )
                    writer.add_trial(entry, rows)
    writer.finish()
    return writer.path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("network"))


def test_the_crossing_and_the_slopes_are_those_of_the_run(run: Path) -> None:
    services, everything = curves_of(load_run(run))
    assert (services.setting, everything.setting) == ("services", "all")
    # log-linear between 2 ms (9 / 10) and 5 ms (15 / 10)
    expected = 2 + 3 * np.log(10 / 9) / (np.log(10 / 9) + np.log(1.5))
    assert services.crossing is not None
    assert services.crossing.at == pytest.approx(expected, abs=0.1)
    assert services.crossing.interval is not None
    assert services.slopes["microservices"].mean == pytest.approx(2.0, abs=0.1)
    assert services.slopes["monolith"].mean == pytest.approx(0.0, abs=0.05)
    assert everything.crossing is not None
    assert everything.crossing.side == "always above"
    assert everything.slopes["microservices"].mean == pytest.approx(4.0, abs=0.1)
    assert [point.loss for point in services.lossy] == [0.01]


def test_the_claim_is_judged_at_the_largest_hop_latency(run: Path) -> None:
    data = load_run(run)
    verdicts = verdicts_of(data, curves_of(data))
    assert [v.verdict for v in verdicts] == ["supported", "supported"]
    assert verdicts[0].estimate == pytest.approx(4.5, rel=0.05)
    assert verdicts[0].n_blocks == 6


def test_services_that_stay_faster_refute_it(tmp_path: Path) -> None:
    sides = {"services": {"monolith": (30.0, 0.0), "microservices": (5.0, 1.0)}}
    data = load_run(write_run(tmp_path, shops=sides))
    curves = curves_of(data)
    assert [v.verdict for v in verdicts_of(data, curves)] == ["refuted"]
    assert "no crossing within 0–20 ms: microservices is faster" in sentence(curves[0])


def test_smoke_claims_nothing(tmp_path: Path) -> None:
    data = load_run(write_run(tmp_path, blocks=2, profile="smoke"))
    assert {v.verdict for v in verdicts_of(data, curves_of(data))} == {"inconclusive"}


def test_the_proxys_own_cost_is_told(run: Path) -> None:
    costs = proxy_costs(load_run(run))
    assert [(cost.setting, cost.deployment) for cost in costs] == [
        ("all", "microservices"),
        ("services", "microservices"),
    ]
    assert costs[0].ratio is not None
    assert costs[0].ratio.estimate == pytest.approx(1.0, abs=0.03)


def test_the_report_holds_the_section(run: Path) -> None:
    build_report(run)
    page = (run / "report.html").read_text()
    assert 'id="network"' in page
    assert "the ranking flips at" in page
    assert "figure-network-hops" in page
    assert (run / "figures" / "network-hops.svg").exists()


def test_a_run_without_the_experiment_has_no_section(analysis) -> None:
    assert section(analysis.data) is None
