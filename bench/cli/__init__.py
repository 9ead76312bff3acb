"""The command `shopbench`: reads arguments, calls the parts, prints. No logic of its own.

Exit codes: 0 done, 1 a check failed or the state does not allow it, 2 wrong usage, 3 the machine
or its environment does not allow it. Every error a user can cause is one line on stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer

from bench.cli import deploy, measure
from bench.cli.claims import claims
from bench.cli.run_command import RunCommand
from bench.cli.runs import runs
from bench.cli.selftest import selftest
from bench.cli.streams import NoOutput, prepare_streams
from bench.deployments.local.home import StateHome, home_root
from bench.errors import ShopbenchError
from bench.results.plain_text import plain

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
COMMANDS: tuple[Callable[..., None], ...] = (
    *(deploy.up, deploy.switch, deploy.status, deploy.logs, deploy.seed, deploy.redeploy),
    *(deploy.scale, deploy.down),
    *(measure.verify, measure.run, runs, measure.report, measure.compare, measure.export),
    claims,
    selftest,
    deploy.doctor,
)
USAGE_ERROR: Any = typer.BadParameter.__mro__[1]  # typer has its own copy of click
for command in COMMANDS:
    app.command(cls=RunCommand if command is measure.run else None)(command)


@app.callback(invoke_without_command=True)
def start(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())
        return
    for line in _left_over():
        print(line, file=sys.stderr)


def _left_over() -> list[str]:
    """Undo the faults that a killed bench has left in a deployment, before anything else."""
    home = StateHome(home_root())
    if not any(home.faults.glob("*.json")):
        return []
    from bench.faults.fault_ledger import undo_left_over

    return undo_left_over(home)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    try:
        prepare_streams()
        code = run_command(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except NoOutput as error:
        code = _fail(error.message, error.exit_code)
    raise SystemExit(code)


def run_command(arguments: list[str]) -> int:
    """Run the command line; return the exit code."""
    try:
        result = app(arguments, prog_name="shopbench", standalone_mode=False)
    except ShopbenchError as error:
        return _fail(error.message, error.exit_code)
    except USAGE_ERROR as error:
        return _fail(f"{error.format_message()} (see `{_command_of(error)} --help`)", 2)
    except (typer.Abort, KeyboardInterrupt):
        return _fail("interrupted", 130)
    return result if isinstance(result, int) else 0


def _command_of(error: Any) -> str:
    """The command whose help says how it is used."""
    return error.ctx.command_path if error.ctx is not None else "shopbench"


def _fail(message: str, code: int) -> int:
    line = plain(" ".join(message.split()))
    print(f"error: {line}", file=sys.stderr)
    return code
