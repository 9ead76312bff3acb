"""The user's own PostgreSQL: only what carries our mark is ever dropped."""

from collections.abc import Iterator

import psycopg
import pytest

from bench.deployments.local.external import external_urls, names_own_servers, prepare_external
from bench.deployments.local.postgres import PostgresServer, temporary_server
from bench.deployments.local.topology import parse_topology
from bench.errors import ShopbenchError

URL = "SHOPBENCH_DATABASE_URL"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with temporary_server() as running:
        yield running


def test_without_the_variable_the_embedded_servers_are_used() -> None:
    assert external_urls(parse_topology("microservices")) == {}


def test_one_url_serves_all_and_a_special_one_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL, "postgresql://a@one/x")
    monkeypatch.setenv(f"{URL}_ORDERS", "postgresql://a@two/x")
    urls = external_urls(parse_topology("modular"))
    assert urls["orders"] == "postgresql://a@two/x"
    assert {urls[name] for name in ("users", "inventory", "payments")} == {"postgresql://a@one/x"}
    assert external_urls(parse_topology("monolith")) == {"monolith": "postgresql://a@one/x"}


def test_the_role_owns_a_database_made_anew_each_time(server: PostgresServer) -> None:
    for _ in range(2):
        dsn = prepare_external(server.admin_dsn, "users", overwrite=False)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("CREATE TABLE t (x int)")
            connection.execute("CHECKPOINT")


def test_the_dsn_keeps_what_the_admin_url_says_of_the_way(server: PostgresServer) -> None:
    dsn = prepare_external(f"{server.admin_dsn}?sslmode=prefer", "payments", overwrite=False)
    assert dsn.endswith(f"@127.0.0.1:{server.port}/shop_payments?sslmode=prefer")
    psycopg.connect(dsn).close()


def test_a_database_of_somebody_else_is_refused_unless_told(server: PostgresServer) -> None:
    server.execute("CREATE DATABASE shop_orders")
    with pytest.raises(ShopbenchError, match="not made by shopbench; pass --overwrite"):
        prepare_external(server.admin_dsn, "orders", overwrite=False)
    psycopg.connect(prepare_external(server.admin_dsn, "orders", overwrite=True)).close()


def test_a_role_of_somebody_else_is_refused(server: PostgresServer) -> None:
    server.execute("CREATE ROLE shop_inventory")
    with pytest.raises(ShopbenchError, match="role shop_inventory"):
        prepare_external(server.admin_dsn, "inventory", overwrite=False)


def test_a_database_in_use_is_not_pulled_away(server: PostgresServer) -> None:
    dsn = prepare_external(server.admin_dsn, "monolith", overwrite=False)
    with psycopg.connect(dsn), pytest.raises(ShopbenchError, match="is in use"):
        prepare_external(server.admin_dsn, "monolith", overwrite=True)


def test_an_unreachable_server_is_one_clear_line() -> None:
    with pytest.raises(ShopbenchError, match=r"cannot make shop_users on 127.0.0.1:1: ") as refused:
        prepare_external("postgresql://me:secret@127.0.0.1:1/x", "users", overwrite=False)
    assert "secret" not in refused.value.message


def test_own_servers_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOPBENCH_DATABASE_URL", raising=False)
    assert not names_own_servers()
    monkeypatch.setenv("SHOPBENCH_DATABASE_URL_ORDERS", "postgresql://admin@db.example/postgres")
    assert names_own_servers()
