"""The command `shopbench`: reads arguments, calls the parts, prints. No logic of its own.

Exit codes: 0 done, 1 a check failed or the state does not allow it, 2 wrong usage, 3 the machine
or its environment does not allow it. Every error a user can cause is one line on stderr.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.contract.seed import SeedSpec
from bench.deployments.base import UpOptions
from bench.errors import ShopbenchError

if TYPE_CHECKING:
    from bench.deployments.local.driver import LocalDeployment

SCHEMA_VERSION = 1
_OVERVIEW = """One shop, deployed as a monolith or as microservices, measured against each other.

\b
Try it:
  shopbench up monolith              the Django shop on http://127.0.0.1:8000
  shopbench switch microservices     the same URL, now a gateway and four services
  shopbench status                   what runs, with CPU and memory of each part
  shopbench verify                   does each deployment keep the same contract?
  shopbench run latency floor        measure, and write a report
  shopbench down

DEPLOYMENT is monolith, modular (one process, one database server), modular-split (one process,
four servers), microservices, or any partition such as "users+inventory|orders+payments".
"""

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=_OVERVIEW,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

DeploymentName = Annotated[
    str, typer.Argument(metavar="DEPLOYMENT", help="See `shopbench --help`.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Number the shop's data is made from.")]
Scarce = Annotated[
    bool, typer.Option("--scarce", help="Little stock and empty wallets, for tests.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON with a schema_version.")]
Cpus = Annotated[
    str, typer.Option("--cpus", help="CPUs the whole deployment may use, like 0 or 0,2-3.")
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Drop databases shop_* on your own PostgreSQL that shopbench did not make.",
    ),
]


@app.callback(invoke_without_command=True)
def start(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def up(
    deployment: DeploymentName,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Public port.")] = 8000,
    seed: Seed = 1,
    scarce: Scarce = False,
    cpus: Cpus = "",
    overwrite: Overwrite = False,
) -> None:
    """Start a deployment and leave it running; returns when it serves.

    Example: shopbench up "users+inventory|orders+payments" --port 8080 --cpus 0

    PostgreSQL is part of the installation. To use your own, set SHOPBENCH_DATABASE_URL to an admin
    DSN (or SHOPBENCH_DATABASE_URL_USERS, _INVENTORY, _ORDERS, _PAYMENTS).
    """
    from bench.deployments.local import lifecycle
    from bench.deployments.local.home import StateHome

    options = _options(seed, scarce, cpus, overwrite)
    home = StateHome.from_environment()
    with _progress(f"starting {deployment}") as report:
        running = lifecycle.bring_up(home, deployment, port, options, report)
    _say_up(running)


@app.command()
def down() -> None:
    """Stop what is up. Nothing of it is left but its logs."""
    from bench.deployments.local import lifecycle
    from bench.deployments.local.home import StateHome

    with _progress("stopping"):
        name = lifecycle.bring_down(StateHome.from_environment())
    out.print(f"{escape(name)} is down")


@app.command()
def switch(
    deployment: DeploymentName,
    seed: Seed = 1,
    scarce: Scarce = False,
    cpus: Cpus = "",
    overwrite: Overwrite = False,
) -> None:
    """Replace what is up by another deployment under the same URL.

    Example: shopbench switch microservices

    The new one is ready before the old one stops; tokens stay valid, data starts from the seed.
    """
    from bench.deployments.local import lifecycle
    from bench.deployments.local.home import StateHome

    options = _options(seed, scarce, cpus, overwrite)
    home = StateHome.from_environment()
    with _progress(f"starting {deployment}") as report:
        running = lifecycle.switch(home, deployment, options, report)
    _say_up(running)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show what is up: its parts, their state, CPU and memory."""
    running = _current()
    usage = running.usage()
    parts = [{**asdict(part), **asdict(usage[part.name])} for part in running.components()]
    ready = running.ready()
    if as_json:
        state = running.state
        document = {
            **{"name": state.name, "base_url": state.base_url, "ready": ready},
            **{"cpu_control": state.cpu_control, "cpus": state.cpus, "logs": state.logs},
            **{"started_at": state.started_at, "supervisor_pid": state.supervisor.pid},
            "components": parts,
        }
        _print_json(document)
        return
    table = _table("component", "state", "pid", "port", "CPU s", "PSS MiB")
    for part in parts:
        table.add_row(
            *(escape(str(part[key])) for key in ("name", "condition", "pid", "port")),
            f"{part['cpu_seconds']:.2f}",
            f"{part['pss_bytes'] / 2**20:.0f}",
        )
    word = "ready" if ready else "NOT READY"
    out.print(f"{escape(running.name)} at {running.base_url}: {word}, CPU {running.cpu_control}")
    out.print(table)


@app.command()
def logs(
    component: Annotated[
        str, typer.Argument(help="e.g. orders or db:orders; all if left out")
    ] = "",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as lines come.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="Last lines of each.")] = 20,
) -> None:
    """Show the logs of what is up, or follow them.

    Example: shopbench logs orders -f
    """
    from bench.deployments.local.logs import follow_logs, log_files, tail

    files = log_files(_current(), component)
    show = _printer(len(files) > 1)
    for name, path in files.items():
        for line in tail(path, lines):
            show(name, line)
    if follow:
        try:
            follow_logs(files, show)
        except KeyboardInterrupt:
            return


@app.command()
def seed(scarce: Scarce = False, seed: Seed = 1) -> None:
    """Put the shop that is up back to its first day: same ids, fresh stock and wallets.

    Waits until no order is pending. Example: shopbench seed --scarce
    """
    running = _current()
    with _progress("loading the seed"):
        running.reset(SeedSpec(seed=seed, scarce=scarce))
    out.print(f"{escape(running.name)} has the data of seed {seed}{' (scarce)' if scarce else ''}")


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what this machine allows, and what will be stamped uncontrolled."""
    from bench.deployments.local.doctor import diagnose, is_controlled
    from bench.machine import machine_facts, package_versions

    checks = diagnose()
    controlled = is_controlled(checks)
    if as_json:
        listed = [asdict(check) for check in checks]
        facts = {"machine": machine_facts(), "versions": package_versions()}
        _print_json({"controlled": controlled, "checks": listed, **facts})
    else:
        table = _table("check", "", "found", "consequence")
        for check in checks:
            table.add_row(*map(escape, (check.name, check.outcome, check.value, check.consequence)))
        out.print(table)
        out.print(f"Runs on this machine are {'controlled' if controlled else 'UNCONTROLLED'}.")
    if any(check.outcome == "missing" for check in checks):
        raise typer.Exit(3)


def _options(seed: int, scarce: bool, cpus: str, overwrite: bool) -> UpOptions:
    spec = SeedSpec(seed=seed, scarce=scarce)
    return UpOptions(seed=spec, cpus=_cpus(cpus), overwrite=overwrite)


def _cpus(text: str) -> tuple[int, ...]:
    from bench.machine import parse_cpus

    return parse_cpus(text)


def _current() -> LocalDeployment:
    from bench.deployments.local import lifecycle
    from bench.deployments.local.home import StateHome

    return lifecycle.current(StateHome.from_environment())


def _say_up(running: LocalDeployment) -> None:
    out.print(f"{escape(running.name)} is up at {running.base_url}")
    out.print(
        "sign in: user0001@shop.example … (and staff@shop.example), password correct-horse-battery"
    )


def _print_json(document: dict[str, Any]) -> None:
    print(json.dumps({"schema_version": SCHEMA_VERSION, **document}, default=str, indent=2))


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _printer(named: bool) -> Callable[[str, str], None]:
    def show(name: str, line: str) -> None:
        print(f"{name:<12} {line}" if named else line, flush=True)

    return show


@contextmanager
def _progress(title: str) -> Iterator[Callable[[str], None]]:
    """Show the step at work: a spinner on a terminal, a line a step elsewhere."""
    start = time.monotonic()
    if err.is_terminal:
        with err.status(escape(title)) as spinner:
            yield lambda text: spinner.update(escape(text))
    else:
        yield lambda text: err.print(f"{time.monotonic() - start:5.1f} s  {escape(text)}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    raise SystemExit(run_command(list(sys.argv[1:] if arguments is None else arguments)))


def run_command(arguments: list[str]) -> int:
    """Run the command line; return the exit code."""
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]  # typer has its own copy of click
    try:
        result = app(arguments, prog_name="shopbench", standalone_mode=False)
    except ShopbenchError as error:
        return _fail(error.message, error.exit_code)
    except usage_error as error:
        text = error.format_message() if hasattr(error, "format_message") else str(error)
        return _fail(f"{text} (see `shopbench --help`)", 2)
    except (typer.Abort, KeyboardInterrupt):
        return _fail("interrupted", 130)
    except BrokenPipeError:
        return 0
    return result if isinstance(result, int) else 0


def _fail(message: str, code: int) -> int:
    line = " ".join(message.split())
    print(f"error: {line}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
