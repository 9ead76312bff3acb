"""`redeploy` on real deployments: a whole smoke run, and its migration step by step."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from bench.contract.conformance.world import World
from bench.deployments.local.driver import open_deployment
from bench.experiments.redeploy.findings import Findings, findings_of
from bench.experiments.redeploy.migration import Migration
from bench.experiments.redeploy.records import ARMS, MONOLITH, SERVICES, TWO
from bench.results.dataset import load_run
from bench.results.journal import RunReader
from tests.system.conftest import CommandLine, owned

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(600)]

SWAP = """
ALTER TABLE products ADD COLUMN other integer;
UPDATE products SET other = version;
ALTER TABLE products RENAME COLUMN version TO before;
ALTER TABLE products RENAME COLUMN other TO version"""


@pytest.fixture(scope="module")
def run_dir(shopbench: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a smoke run."""
    out = tmp_path_factory.mktemp("runs")
    command = shopbench.start("run", "redeploy", "--profile", "smoke", "--out", str(out))
    _, err = command.communicate(timeout=500)
    assert command.returncode == 0, err
    owned(shopbench.home).wait_gone()
    (path,) = out.glob("*/")
    return path


@pytest.fixture(scope="module")
def found(run_dir: Path) -> Findings:
    made = findings_of(load_run(run_dir))
    assert made is not None
    return made


def test_releases_of_services_fail_no_visit_and_everything_was_done(found: Findings) -> None:
    for service in SERVICES:
        (each,) = found.of("release", "microservices", service)
        assert each.visits > 0
        assert not each.valid or each.failed == 0
    assert found.of("release", "monolith")
    for arm in ARMS:
        (refused,) = found.of("never ready", arm)
        assert refused.change.held, refused.change.said
        (both,) = found.of("side by side", TWO[arm])
        assert both.change.held, both.change.said
        steps = found.of("migration", TWO[arm])
        assert [each.change.step for each in steps] == [
            "expand", "backfill", "constrain", "switch", "contract"
        ]  # fmt: skip
        assert all(each.change.held for each in steps), [each.change.said for each in steps]


def test_a_release_without_drain_and_a_locked_table_are_seen(found: Findings) -> None:
    for arm in ARMS:
        (killed,) = found.of("no drain", arm)
        assert killed.failed > 0
        (locked,) = found.of("lock", arm)
        assert locked.failed + locked.slow > 0


def test_the_monolith_is_in_everything_and_a_service_is_not(found: Findings) -> None:
    (whole,) = found.touched(MONOLITH)
    assert whole.touched == whole.asked
    parts = {each.component: set(each.touched) for each in found.touched("microservices")}
    assert parts["gateway"] == set(whole.asked)
    assert "get_product" in parts["inventory"]
    assert "get_wallet" not in parts["inventory"]
    assert {"create_order", "get_overview"} <= parts["payments"] & parts["orders"]


def test_the_run_is_reported(run_dir: Path) -> None:
    page = (run_dir / "report.html").read_text(encoding="utf-8")
    assert 'id="redeploy"' in page
    assert "figure-redeploy-releases" in page
    cells = RunReader(run_dir).cells or ()
    assert {cell.deployment for cell in cells if cell.row == "deployment"} == set(ARMS)


def test_old_and_new_column_are_in_step_while_staff_change_products(
    shopbench: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPBENCH_HOME", str(shopbench.home.root))
    with open_deployment("microservices") as up:
        world = World(up.base_url)
        product = world.new_product()["id"]
        version = 1
        for act in Migration(up, "inventory").acts():
            done = act.do()
            assert done.held, (act.step, done.said)
            version += 1
            assert changed(world, product) == version, act.step
            fresh = world.new_product()
            assert world.call("GET", f"/products/{fresh['id']}")["version"] == 1, act.step
        with psycopg.connect(up.database_dsn("inventory"), autocommit=True) as database:
            (kind,) = database.execute(
                "SELECT data_type FROM information_schema.columns"
                " WHERE table_name = 'products' AND column_name = 'version'"
            ).fetchone() or ("",)
            assert kind == "bigint"
            # Why the names are not just swapped: statements are prepared by now.
            for _ in range(60):
                world.call("GET", f"/products/{product}")
            database.execute(SWAP)
            answers = [
                world.call("GET", f"/products/{product}", checked=False).status for _ in range(20)
            ]
        assert set(answers) - {200}
        world.client.close()


def changed(world: World, product: str) -> int:
    """The version of a product after one change by staff."""
    answer = world.call(
        "PATCH", f"/products/{product}", token=world.staff().token, payload={"price_cents": 7}
    )
    assert answer.status == 200, str(answer)
    return int(answer["version"])
