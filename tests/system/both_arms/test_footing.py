"""Equal footing, read from both running systems; each point has a test in which it is changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from bench.contract.conformance.client import Client
from bench.contract.seed import SeedSpec
from bench.deployments.base import UpOptions
from bench.deployments.local.driver import open_deployment
from bench.engine.database_servers import Server, configure, own_servers
from bench.engine.statements import count_log
from tests.system.both_arms import footing
from tests.system.both_arms.pair import ARMS, Arm, new_key

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

Pair = tuple[Arm, Arm]
LOCKED = {"users": "users", "inventory": "products", "orders": "orders", "payments": "wallets"}
READS = {
    "users": "/api/v1/users/me",
    "inventory": "/api/v1/products?limit=1",
    "orders": "/api/v1/orders?limit=1",
    "payments": "/api/v1/wallet",
}
TOTAL_POOL = 16
ORDERS = 20


@contextmanager
def changed(arm: Arm, component: str, do: str, undo: str) -> Iterator[None]:
    """One arm's schema with one thing changed."""
    with psycopg.connect(arm.dsns[component], autocommit=True) as connection:
        connection.execute(do.encode())
        try:
            yield
        finally:
            connection.execute(undo.encode())


def test_the_same_queries_have_the_same_indexes(pair: Pair) -> None:
    first, second = (footing.indexes(arm) for arm in pair)
    assert list(footing.differences(first, second)) == []
    assert len(first["products"]) >= 7


def test_a_table_of_one_arm_is_a_table_of_the_other(pair: Pair) -> None:
    first, second = (set(footing.storage(arm)) for arm in pair)
    assert first == second == set(footing.TABLES)


@pytest.mark.parametrize("page", footing.PAGES)
def test_a_page_of_products_is_a_range_scan(arm: Arm, page: str) -> None:
    assert footing.is_range_scan(arm.dsns["inventory"], footing.PAGES[page])


def test_the_newest_orders_are_a_range_scan(arm: Arm) -> None:
    assert footing.is_range_scan(arm.dsns["orders"], footing.NEWEST)


def test_a_dropped_index_is_seen(pair: Pair) -> None:
    statement = (
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'products'"
        " AND indexdef LIKE '%(category, price_cents, id)'"
    )
    for arm, other in (pair, pair[::-1]):
        ((name, definition),) = footing.rows(arm.dsns["inventory"], statement)
        with changed(arm, "inventory", f"DROP INDEX {name}", definition):
            readings = footing.indexes(arm), footing.indexes(other)
            assert list(footing.differences(*readings))
            page = footing.PAGES["tea by price_cents"]
            assert not footing.is_range_scan(arm.dsns["inventory"], page)


def test_tables_leave_the_same_room_and_are_vacuumed_alike(pair: Pair) -> None:
    first, second = (footing.storage(arm) for arm in pair)
    assert list(footing.differences(first, second)) == []
    assert any("fillfactor=" in option for options in first.values() for option in options)


@pytest.mark.parametrize("option", ["fillfactor", "autovacuum_vacuum_scale_factor"])
def test_another_storage_option_is_seen(pair: Pair, option: str) -> None:
    value = {"fillfactor": "37", "autovacuum_vacuum_scale_factor": "0.37"}[option]
    for arm, other in (pair, pair[::-1]):
        before = footing.storage(arm)["wallets"]
        old = [each.partition("=")[2] for each in before if each.startswith(f"{option}=")]
        back = f"SET ({option} = {old[0]})" if old else f"RESET ({option})"
        with changed(
            arm,
            "payments",
            f"ALTER TABLE wallets SET ({option} = {value})",
            f"ALTER TABLE wallets {back}",
        ):
            assert list(footing.differences(footing.storage(arm), footing.storage(other)))


def test_servers_have_the_same_settings_and_share_the_same_budget(pair: Pair) -> None:
    readings = [reading for arm in pair for reading in footing.server_settings(arm)]
    for other in readings[1:]:
        assert list(footing.differences(readings[0], other)) == []
    assert readings[0]["fsync"] == readings[0]["synchronous_commit"] == "on"
    assert readings[0]["default_transaction_isolation"] == "read committed"
    first, second = (footing.divided_budget(arm) for arm in pair)
    assert first == second


def test_roles_and_databases_have_the_same_defaults(pair: Pair) -> None:
    first, second = (footing.session_defaults(arm) for arm in pair)
    assert first == second


def test_another_setting_of_a_server_is_seen(pair: Pair) -> None:
    for arm, other in (pair, pair[::-1]):
        servers = own_servers(arm.deployment)[:1]
        usual = footing.server_settings(arm)[0]["seq_page_cost"]
        configure(servers, "ALTER SYSTEM SET seq_page_cost = 3.7")
        try:
            await_setting(servers[0], "3.7")
            mine, theirs = footing.server_settings(arm)[0], footing.server_settings(other)[0]
            assert list(footing.differences(mine, theirs))
        finally:
            configure(servers, "ALTER SYSTEM RESET seq_page_cost")
            await_setting(servers[0], usual)


def await_setting(server: Server, cost: str) -> None:
    """Until new connections see this `seq_page_cost`: a reload takes effect when it does."""
    deadline = time.monotonic() + 10
    while footing.rows(server.dsn, "SHOW seq_page_cost") != [(cost,)]:
        assert time.monotonic() < deadline, "the setting did not take effect"
        time.sleep(0.05)


def test_processes_are_started_with_the_same_settings(pair: Pair) -> None:
    first, second = (footing.settings_of_processes(arm) for arm in pair)
    for name in footing.SETTINGS:
        assert len(first[name] | second[name]) == 1, f"{name}: {first[name]} and {second[name]}"


def test_passwords_cost_the_same(pair: Pair) -> None:
    for arm in pair:
        arm.world.new_person()
    first, second = (footing.password_hash_form(arm) for arm in pair)
    assert first == second == "$argon2id$v=19$m=19456,t=2,p=1"


@contextmanager
def tables_locked(arm: Arm) -> Iterator[None]:
    """Whoever reads one table of each component waits, with the connection it has."""
    with ExitStack() as stack:
        for component, table in LOCKED.items():
            connection = stack.enter_context(psycopg.connect(arm.dsns[component]))
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield


def at_rest(arm: Arm) -> int:
    """Connections that nobody has asked for; gunicorn forks its workers one after the other."""
    deadline = time.monotonic() + 3.0
    while (found := footing.connections(arm)) < TOTAL_POOL and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def most_waiting(arm: Arm) -> int:
    """The most connections that wait for a locked table while many people read everything."""
    most, until = 0, time.monotonic() + 2.0

    def read(component: str) -> None:
        """Each time on a new connection: another worker may have places left."""
        while time.monotonic() < until:
            client = Client(arm.url)
            client.send("GET", READS[component], [("Authorization", f"Bearer {arm.customer}")])
            client.close()
            time.sleep(0.05)

    with ThreadPoolExecutor(48) as pool, tables_locked(arm):
        for _ in range(12):
            for component in READS:
                pool.submit(read, component)
        while time.monotonic() < until:
            most = max(most, footing.connections(arm, "wait_event_type = 'Lock'"))
            time.sleep(0.05)
    return most


def test_pools_have_the_same_size_at_rest_and_at_most() -> None:
    """Of shops that nobody has asked for anything yet."""
    rest, most = {}, {}
    options = UpOptions(seed=SeedSpec(users=3, products=5))
    for name in ARMS:
        with open_deployment(name, options=options) as up:
            arm = Arm(up, options.seed)
            rest[name] = at_rest(arm)
            most[name] = most_waiting(arm)
    assert rest == most, f"{rest} at rest and {most} at most"  # the same from the first request on
    assert set(most.values()) == {TOTAL_POOL}, most


@pytest.mark.slow
def test_another_pool_is_seen() -> None:
    options = UpOptions(seed=SeedSpec(users=3, products=5), environment={"DATABASE_POOL_MAX": "3"})
    for name, wanted in zip(ARMS, (3, 12), strict=True):
        with open_deployment(name, options=options) as up:
            assert most_waiting(Arm(up, options.seed)) == wanted


def logged(arm: Arm, do_it: int) -> list[str]:
    """What the servers log while so many orders are placed, one after the other."""
    servers = own_servers(arm.deployment)
    configure(servers, "ALTER SYSTEM SET log_statement = 'all'")
    try:
        time.sleep(0.3)
        sizes = [server.log.stat().st_size for server in servers]
        for number in range(do_it):
            items = [{"product_id": arm.products[number], "quantity": 1}]
            answer = arm.world.call(
                "POST", "/orders", token=arm.customer, key=new_key(), payload={"items": items}
            )
            assert answer.status == 201, answer
        arm.effects()  # what is delivered later is a part of the order
        time.sleep(0.3)
    finally:
        configure(servers, "ALTER SYSTEM RESET log_statement")
    lines: list[str] = []
    for server, size in zip(servers, sizes, strict=True):
        with server.log.open(encoding="utf-8", errors="replace") as log:
            log.seek(size)
            lines += log
    return lines


def test_what_an_order_costs_is_counted_and_prepared_in_both(
    pair: Pair, record_property: Callable[[str, object], None]
) -> None:
    """As each framework does it: printed, not tuned away in one arm only."""
    for arm in pair:
        # A connection prepares what it sees the sixth time, and a worker has up to six of them.
        logged(arm, 6 * 6)
        lines = logged(arm, ORDERS)
        count = count_log(lines)
        of_control = sum("SAVEPOINT" in line.upper() for line in lines)
        prepared = sum(" execute _pg3_" in line for line in lines)
        said = {
            "statements": (count.statements or 0) / ORDERS,
            "commits": count.commits / ORDERS,
            "savepoints": of_control / ORDERS,
            "prepared": prepared / ORDERS,
        }
        print(f"{arm.name}: an order is {said}")
        record_property(arm.name, str(said))
        assert said["commits"] >= 1
        assert prepared, f"{arm.name} prepares nothing"
