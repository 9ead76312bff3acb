"""`up` on the user's own PostgreSQL."""

from __future__ import annotations

import psycopg
import pytest

from bench.deployments.local.postgres import temporary_server
from bench.machine import usable_cpus
from tests.system.conftest import CommandLine, owned

pytestmark = pytest.mark.system
CPU = str(usable_cpus()[0])


@pytest.mark.slow
def test_a_deployment_runs_on_the_users_own_server(shopbench: CommandLine, free_port: int) -> None:
    with temporary_server() as server:
        env = {"SHOPBENCH_DATABASE_URL": server.admin_dsn}
        shopbench.ok("up", "modular", "--port", str(free_port), "--cpus", CPU, **env)
        status = shopbench.status()
        assert [part["kind"] for part in status["components"]] == ["process"]
        assert (status["ready"], status["cpu_control"]) == (True, "uncontrolled")
        everything = owned(shopbench.home)
        shopbench.ok("down")
        assert everything.left() == []
        with psycopg.connect(server.admin_dsn) as connection:
            kept = connection.execute("SELECT datname FROM pg_database ORDER BY 1").fetchall()
        assert {("shop_users",), ("shop_orders",)} <= set(kept)
        shopbench.ok("up", "monolith", "--port", str(free_port), **env)
        shopbench.ok("down")
