"""Commands about the deployment that is up: up, down, switch, status, logs, seed, doctor."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.markup import escape

from bench.cli.console import (
    AsJson,
    Cpus,
    Deployment,
    On,
    OnCurrent,
    Overwrite,
    Scarce,
    Seed,
    line_printer,
    new_table,
    out,
    print_json,
    say,
    show_progress,
)
from bench.cli.streams import ReaderGone
from bench.contract.seed import SeedSpec
from bench.deployments.base import UpOptions, cpu_budget
from bench.machine import parse_cpus

if TYPE_CHECKING:
    from bench.deployments.lifecycle import PlacedDeployment


def up(  # noqa: PLR0913, PLR0917 - one argument for each option
    deployment: Deployment,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Public port.")] = 8000,
    seed: Seed = 1,
    scarce: Scarce = False,
    cpus: Cpus = "",
    overwrite: Overwrite = False,
    on: On = "local",
) -> None:
    """Start a deployment and leave it running; returns when it serves.

    Example: shopbench up "users+inventory|orders+payments" --port 8080 --cpus 0

    With `--on compose` it runs in containers: docker-compose.yml, in a project of its own.

    PostgreSQL is part of the installation. To use your own, set SHOPBENCH_DATABASE_URL to an admin
    DSN (or SHOPBENCH_DATABASE_URL_USERS, _INVENTORY, _ORDERS, _PAYMENTS).
    """
    from bench.deployments.local.home import StateHome
    from bench.deployments.places import lifecycle_of, place_named

    options = _options(seed, scarce, cpus, overwrite)
    home = StateHome.from_environment()
    lifecycle = lifecycle_of(place_named(on))
    with show_progress(f"starting {deployment}") as report:
        running = lifecycle.bring_up(home, deployment, port, options, report)
    _say_up(running)


def down(on: OnCurrent = "") -> None:
    """Stop what is up. Nothing of it is left but its logs."""
    from bench.deployments.local.home import StateHome
    from bench.deployments.places import current_place, lifecycle_of

    home = StateHome.from_environment()
    with show_progress("stopping"):
        name = lifecycle_of(current_place(home, on)).bring_down(home)
    say(f"{escape(name)} is down")


def switch(
    deployment: Deployment,
    seed: Seed = 1,
    scarce: Scarce = False,
    cpus: Cpus = "",
    overwrite: Overwrite = False,
    on: OnCurrent = "",
) -> None:
    """Replace what is up by another deployment under the same URL.

    Example: shopbench switch microservices

    The new one is ready before the old one stops; tokens stay valid, data starts from the seed.
    """
    from bench.deployments.local.home import StateHome
    from bench.deployments.places import current_place, lifecycle_of

    options = _options(seed, scarce, cpus, overwrite)
    home = StateHome.from_environment()
    lifecycle = lifecycle_of(current_place(home, on))
    with show_progress(f"starting {deployment}") as report:
        running = lifecycle.switch(home, deployment, options, report)
    _say_up(running)


def status(as_json: AsJson = False, on: OnCurrent = "") -> None:
    """Show what is up: its parts, their state, CPU and memory."""
    running = _current(on)
    listed = running.components()
    usage = running.usage()
    parts = [{**asdict(part), **asdict(usage[part.name])} for part in listed]
    ready, described = running.ready(), running.described()
    if as_json:
        document = {
            **{"name": running.name, "base_url": running.base_url, "ready": ready},
            **{"cpu_control": running.cpu_control, "logs": running.logs, **described},
            "components": parts,
        }
        print_json(document)
        return
    table = new_table("component", "state", "restarts", "pid", "port", "CPU s", "PSS MiB")
    for part in parts:
        table.add_row(
            *(escape(str(part[key])) for key in ("name", "condition", "restarts", "pid", "port")),
            f"{part['cpu_seconds']:.2f}",
            f"{part['pss_bytes'] / 2**20:.0f}",
        )
    word = "ready" if ready else "NOT READY"
    budget = cpu_budget(running.cpu_control, cast(Sequence[int], described["cpus"]))
    say(f"{escape(running.name)} at {running.base_url}: {word}, CPU budget: {budget}")
    out.print(table)
    replicas = described.get("replicas")
    for service, counts in (replicas if isinstance(replicas, dict) else {}).items():
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        say(f"requests by replica of {escape(service)}: {told}")


def logs(
    component: Annotated[
        str, typer.Argument(help="e.g. orders or db:orders; all if left out")
    ] = "",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as lines come.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="Last lines of each.")] = 20,
    on: OnCurrent = "",
) -> None:
    """Show the logs of what is up, or follow them.

    Example: shopbench logs orders -f
    """
    from bench.deployments.places import logs_of

    found = logs_of(_current(on), component)
    heard: set[str] = set()
    show = line_printer(len(found.names) > 1, heard)
    with suppress(ReaderGone):
        found.show_tail(lines, show)
        if lines and (silent := [name for name in found.names if name not in heard]):
            print(f"nothing yet from {', '.join(silent)}: {found.more}", file=sys.stderr)
        if follow:
            with suppress(KeyboardInterrupt):
                found.follow(show)


def seed(scarce: Scarce = False, seed: Seed = 1, on: OnCurrent = "") -> None:
    """Put the shop that is up back to its first day: same ids, fresh stock and wallets.

    Waits until no order is pending. Example: shopbench seed --scarce
    """
    running = _current(on)
    with show_progress("loading the seed"):
        running.reset(SeedSpec(seed=seed, scarce=scarce))
    say(f"{escape(running.name)} has the data of seed {seed}{' (scarce)' if scarce else ''}")


def redeploy(
    component: Annotated[str, typer.Argument(help="e.g. orders or db:orders.")],
    on: OnCurrent = "",
) -> None:
    """Drain one part of what is up and start it again; returns when it is ready.

    Example: shopbench redeploy orders
    """
    running = _current(on)
    with show_progress(f"redeploying {component}"):
        running.redeploy(component)
    say(f"{escape(component)} of {escape(running.name)} is ready again")


def scale(
    component: Annotated[str, typer.Argument(help="monolith, or a process such as inventory.")],
    replicas: Annotated[int, typer.Argument(min=1, help="How many there shall be.")],
    as_json: AsJson = False,
    on: OnCurrent = "",
) -> None:
    """Run replicas of a process of what is up, behind a thin edge that spreads the load.

    Example: shopbench scale inventory 3
    """
    running = _current(on)
    with show_progress(f"scaling {component}"):
        running.scale(component, replicas)
    spread = running.spread(component)
    if as_json:
        print_json({"component": component, "requests": spread})
        return
    table = new_table("replica", "requests so far")
    for name, requests in spread.items():
        table.add_row(escape(name), str(requests))
    out.print(table)


def doctor(as_json: AsJson = False) -> None:
    """Say what this machine allows, and what will be stamped uncontrolled."""
    from bench.deployments.local.doctor import diagnose, is_controlled
    from bench.machine import machine_facts, package_versions

    checks = diagnose()
    controlled = is_controlled(checks)
    if as_json:
        listed = [asdict(check) for check in checks]
        facts = {"machine": machine_facts(), "versions": package_versions()}
        print_json({"controlled": controlled, "checks": listed, **facts})
    else:
        table = new_table("check", "", "found", "consequence")
        for check in checks:
            table.add_row(*map(escape, (check.name, check.outcome, check.value, check.consequence)))
        out.print(table)
        say(f"Runs on this machine are {'controlled' if controlled else 'UNCONTROLLED'}.")
    if any(check.outcome == "missing" for check in checks):
        raise typer.Exit(3)


def _options(seed: int, scarce: bool, cpus: str, overwrite: bool) -> UpOptions:
    spec = SeedSpec(seed=seed, scarce=scarce)
    return UpOptions(seed=spec, cpus=parse_cpus(cpus), overwrite=overwrite)


def _current(on: str) -> PlacedDeployment:
    from bench.deployments.local.home import StateHome
    from bench.deployments.places import current_place, lifecycle_of

    home = StateHome.from_environment()
    return lifecycle_of(current_place(home, on)).current(home)


def _say_up(running: PlacedDeployment) -> None:
    say(f"{escape(running.name)} is up at {running.base_url}")
    say("sign in: user0001@shop.example … (and staff@shop.example), password correct-horse-battery")
