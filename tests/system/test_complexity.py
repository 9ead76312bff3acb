"""The whole experiment on a tree with planted faults, and a role with a right too many."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psycopg
import pytest

from bench.deployments.base import COMPONENTS
from bench.deployments.local.home import HOME_VARIABLE
from bench.deployments.local.postgres import PostgresServer, temporary_server
from bench.experiments.complexity.counts import between_processes, opened, standing_alone
from bench.experiments.complexity.own_data import try_databases
from bench.experiments.complexity.records import Counted
from bench.experiments.complexity.tree import arm_tree
from bench.results.journal import RunReader
from tests.system.conftest import ROOT, CommandLine

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(600)]

USERS, SERVICE = "microservices/users/app.py", "microservices/users/service.py"
PAYMENTS, ORDERS = "microservices/payments/app.py", "microservices/orders/service.py"
READ = "        row = await self._database.fetch_one(statements.USER"
CALL = '        await self._peers.call(Message("inventory", "GET", "/live", dict))\n'
OPENED = "        self._database = resources.database\n"
MESSAGE = "from microservices.chassis.peers import Message\n"
SETTINGS = "from microservices.chassis.settings import load\n"
# (file, what stands there, what is planted before it)
PLANTED = (
    # a second dependency: users calls inventory before it tells who somebody is
    (USERS, "    build=Users,\n", '    peers=("inventory",),\n'),
    (SERVICE, OPENED, "        self._peers = resources.peers\n"),
    (SERVICE, READ, CALL),
    (SERVICE, SETTINGS, MESSAGE),
    # a way to fail more
    (PAYMENTS, '"charge", "refund", "deposit")', '"planted", '),
    # a service that needs another's code
    (ORDERS, "import ", "import microservices.payments.messages\n"),
)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with all of it planted."""
    root = tmp_path_factory.mktemp("planted")
    for name in ("bench", "microservices", "monolith"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "docker-compose.yml", root)
    for name, there, put in PLANTED:
        path = root / name
        text = path.read_text(encoding="utf-8")
        assert there in text, name
        path.write_text(text.replace(there, put + there, 1), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def found(
    shopbench: CommandLine, planted: Path, tmp_path_factory: pytest.TempPathFactory
) -> Counted:
    """What a run on the planted tree counts."""
    out = tmp_path_factory.mktemp("runs")
    options = ("--profile", "smoke", "--out", str(out))
    process = shopbench.start("run", "complexity", *options, PYTHONPATH=str(planted))
    _, err = process.communicate(timeout=500)
    assert process.returncode == 0, err
    assert "of 5 services stand alone" in err
    (run,) = out.glob("*/")
    assert '<section id="complexity">' in (run / "report.html").read_text(encoding="utf-8")
    return msgspec.convert(RunReader(run).journal.settings["complexity"], Counted)


def test_a_second_dependency_raises_the_calls(found: Counted) -> None:
    calls = {(each.deployment, each.operation): each for each in found.calls}
    profile = calls["microservices", "profile_read"]
    assert set(profile.calls) == {"users", "inventory", "db:users"}
    assert between_processes(profile) == pytest.approx(2.0, abs=0.2)
    wallet = calls["microservices", "wallet_read"]
    assert set(wallet.calls) == {"payments", "db:payments"}
    assert set(calls["monolith", "profile_read"].calls) == {"db:shop"}
    assert not [each for each in found.calls if each.failed]


def test_a_fault_point_raises_the_ways_to_fail(
    found: Counted, shopbench: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(shopbench.home.root))
    sound = {point for each in arm_tree("microservices").deployables for point in each.fault_points}
    more = {
        point
        for each in found.deployables
        if each.deployment == "microservices"
        for point in each.fault_points
    }
    places = ("before_commit", "after_commit_before_reply")
    assert more - sound == {f"payments.planted.{place}" for place in places}


def test_a_service_that_needs_anothers_code_does_not_stand_alone(found: Counted) -> None:
    tries = [each for each in found.alone if each.unit == "orders" and each.kind == "deployable"]
    assert [(each.stands, each.reached) for each in tries] == [("no", "built")] * 2
    assert {each.detail for each in tries} == {
        "ModuleNotFoundError: No module named 'microservices.payments'"
    }


def test_all_others_stand_alone_and_no_part_of_the_monolith_does(found: Counted) -> None:
    services = standing_alone(found.alone, "microservices", "deployable")
    # users needs inventory now, and is asked who somebody is
    wrong = {each.unit for each in found.alone if each.stands != "yes" and each.kind != "part"}
    assert wrong == {"orders", "users"}
    assert (services.made, services.unmade, services.unstable) == (5, 0, 0)
    assert standing_alone(found.alone, "monolith", "deployable").yes == 1
    apps = standing_alone(found.alone, "monolith", "part")
    assert (apps.made, apps.yes, apps.unmade) == (5, 0, 0)


def test_no_service_opens_anothers_database(found: Counted) -> None:
    for name in ("microservices", "modular"):
        tries = opened(found.databases, name)
        assert (tries.made, tries.yes, tries.unmade) == (12, 0, 0)
    assert opened(found.databases, "monolith").yes == 12


@dataclass(frozen=True)
class Databases:
    """Four databases on one server, as far as they are asked for."""

    dsns: dict[str, str]
    name: str = "modular"

    def database_dsn(self, component: str) -> str:
        return self.dsns[component]


@pytest.fixture
def server(shopbench: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresServer]:
    monkeypatch.setenv(HOME_VARIABLE, str(shopbench.home.root))
    with temporary_server() as running:
        yield running


def test_a_role_with_a_right_too_many_is_caught(server: PostgresServer) -> None:
    databases = Databases({name: server.create_database(f"shop_{name}") for name in COMPONENTS})
    with psycopg.connect(databases.dsns["payments"], autocommit=True) as connection:
        connection.execute("CREATE TABLE wallets AS SELECT 1 AS cents")
        connection.execute("CREATE TABLE secret AS SELECT 1 AS cents")
    assert opened(try_databases(databases, 0), "modular").yes == 0  # type: ignore[arg-type]
    with psycopg.connect(databases.dsns["payments"], autocommit=True) as connection:
        connection.execute("GRANT CONNECT ON DATABASE shop_payments TO shop_orders")
        connection.execute("GRANT SELECT ON wallets TO shop_orders")
    tries = try_databases(databases, 0)  # type: ignore[arg-type]
    caught = [(each.role, each.database, each.tables) for each in tries if each.opened == "yes"]
    assert caught == [("orders", "payments", 1)]
