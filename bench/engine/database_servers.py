"""A deployment's database servers as their superuser sees them, if they are of our making."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.deployments.base import Deployment
from bench.deployments.local.binaries import SUPERUSER, prepare_postgres
from bench.deployments.local.home import StateHome
from bench.deployments.local.ports import LOOPBACK


@dataclass(frozen=True)
class Server:
    """A database server of ours: its superuser's DSN and its log."""

    dsn: str
    log: Path


def own_servers(deployment: Deployment) -> list[Server]:
    """The deployment's database servers; none if they are not of our making."""
    found = [each for each in deployment.components() if each.kind == "database"]
    if not found:
        return []
    password = prepare_postgres(StateHome.from_environment()).password
    return [
        Server(f"postgresql://{SUPERUSER}:{password}@{LOOPBACK}:{each.port}/postgres", each.log)
        for each in found
    ]


def configure(servers: list[Server], change: str) -> None:
    """Run an `ALTER SYSTEM` on each server and let it take effect."""
    for server in servers:
        with psycopg.connect(server.dsn, autocommit=True, connect_timeout=5) as connection:
            connection.execute(change.encode())
            connection.execute(b"SELECT pg_reload_conf()")
