"""The command line of a service process: `serve`, `migrate`, `load-seed DIR`.

`main` is for a component alone; composition roots call `run_command` with what they chose.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import uvloop
from psycopg import sql

from microservices.chassis.database import Connection
from microservices.chassis.migrations import migrate
from microservices.chassis.operations import ComponentSpec, SeedRefused
from microservices.chassis.server import serve
from microservices.chassis.settings import Settings, load, required, stop
from microservices.chassis.specs import ProcessSpec
from microservices.chassis.telemetry import configure_logging

NEVER_TRUNCATED = ("schema_migrations", "verification_keys")


def main(component: ComponentSpec) -> None:
    """The entry of `python -m` for one component; without a command it serves."""
    parser = argparse.ArgumentParser(prog=f"python -m microservices.{component.name}")
    add_commands(parser)
    run_command(parser.parse_args(sys.argv[1:] or ["serve"]), ProcessSpec((component,)))


def add_commands(parser: argparse.ArgumentParser, *options: argparse.ArgumentParser) -> Any:
    """Adds the commands that every service process has, each with these options.

    Returns:
        The group of commands, for more of them.
    """
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in (
        ("serve", "listen on SHOP_BIND until SIGTERM"),
        ("migrate", "bring the database up to date"),
        ("load-seed", "replace all rows by those of a seed directory"),
    ):
        command = commands.add_parser(name, help=text, parents=options)
        if name == "load-seed":
            command.add_argument("directory", type=Path)
            command.add_argument(
                "--if-empty", action="store_true", help="leave a database with rows as it is"
            )
            command.add_argument(
                "--migrate", action="store_true", help="bring the database up to date first"
            )
    return commands


def run_command(arguments: argparse.Namespace, spec: ProcessSpec) -> None:
    """Runs `serve`, `migrate` or `load-seed` for the components of `spec`."""
    settings = load(Settings)
    configure_logging(settings.log_level)
    match arguments.command:
        case "serve":
            work: Any = serve(spec, settings, os.environ)
        case "migrate":
            work = _migrate_all(spec.components, os.environ)
        case _:
            work = _load_seed_all(spec.components, arguments, os.environ)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


async def _migrate_all(components: Sequence[ComponentSpec], environ: Mapping[str, str]) -> None:
    for component in components:
        applied = await migrate(component, required(environ, component.database_setting))
        print(f"{component.name}: {', '.join(applied) or 'up to date'}")


async def _load_seed_all(
    components: Sequence[ComponentSpec], arguments: argparse.Namespace, environ: Mapping[str, str]
) -> None:
    directory: Path = arguments.directory
    if not (directory / "seed.json").is_file():  # noqa: ASYNC240 - a command, not a server
        stop(f"{directory} is no seed directory: seed.json is missing")
    if arguments.migrate:
        await _migrate_all(components, environ)
    for component in components:
        url = required(environ, component.database_setting)
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                if arguments.if_empty and await _has_rows(connection):
                    print(f"{component.name}: has data, the seed is not loaded")
                else:
                    await load_seed(component, connection, directory)
        except psycopg.OperationalError as error:
            stop(f"{component.name}: {str(error).splitlines()[0]}")
        except SeedRefused as error:
            stop(f"{component.name}: {error}")


async def load_seed(component: ComponentSpec, connection: Connection, directory: Path) -> None:
    """Replaces all rows of a component, then brings statistics and files to a known state."""
    if component.before_seed is not None:
        await component.before_seed(connection)
    async with connection.transaction():
        await _truncate_all(connection)
        if component.load_seed is not None:
            await component.load_seed(connection, directory)
    await connection.execute("ANALYZE")
    try:
        await connection.execute("CHECKPOINT")
    except psycopg.errors.InsufficientPrivilege:
        print(f"warning: {component.name}: no CHECKPOINT without pg_checkpoint", file=sys.stderr)


async def _has_rows(connection: Connection) -> bool:
    for table in await _tables(connection):
        found = await connection.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(table))
        if found.rowcount:
            return True
    return False


async def _tables(connection: Connection) -> list[sql.Identifier]:
    cursor = await connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL(%s)",
        (list(NEVER_TRUNCATED),),
    )
    return [sql.Identifier(row[0]) for row in await cursor.fetchall()]


async def _truncate_all(connection: Connection) -> None:
    tables = await _tables(connection)
    if tables:
        await connection.execute(
            sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(sql.SQL(", ").join(tables))
        )
