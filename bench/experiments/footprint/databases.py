"""What a deployment's databases hold: connections of the shop, and their size on disk."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from bench.deployments.base import COMPONENTS, Deployment
from bench.engine.database_servers import own_servers
from bench.experiments.footprint.records import Databases

_BLOCK_BYTES = 512  # of st_blocks, whatever the file system's own
_HELD = b"""
    SELECT count(*) FILTER (WHERE pid <> pg_backend_pid()), pg_database_size(current_database())
    FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user
"""
_DATA_FOLDER = b"SHOW data_directory"


def look_into(deployment: Deployment, *, local: bool) -> Databases:
    """Ask every database as its owner, and measure the data folders of servers of our own."""
    held = [_ask(dsn, _HELD) for dsn in {deployment.database_dsn(name) for name in COMPONENTS}]
    servers = own_servers(deployment) if local else []
    folders = [folder_bytes(Path(str(_ask(each.dsn, _DATA_FOLDER)[0]))) for each in servers]
    return Databases(
        connections=sum(int(row[0]) for row in held),
        database_bytes=sum(int(row[1]) for row in held),
        folder_bytes=sum(apparent for apparent, _ in folders) if folders else None,
        allocated_bytes=sum(allocated for _, allocated in folders) if folders else None,
    )


def folder_bytes(folder: Path) -> tuple[int, int]:
    """(apparent, allocated) bytes of all files below a folder. Raises OSError if it is closed."""
    apparent = allocated = 0
    for place, _, names in os.walk(folder, onerror=_unless_gone):
        for name in names:
            with suppress(FileNotFoundError):  # PostgreSQL removes files while we look
                found = os.lstat(Path(place) / name)
                apparent += found.st_size
                allocated += found.st_blocks * _BLOCK_BYTES
    return apparent, allocated


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _ask(dsn: str, query: bytes) -> tuple[Any, ...]:
    with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return tuple(row)
