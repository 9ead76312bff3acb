"""What all commands share: consoles, JSON, tables, progress, and the types of common options."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.cli.streams import ReaderGone, reader_gone
from bench.results.plain_text import plain

SCHEMA_VERSION = 1

RUN_HELP = "A folder, a part of its name that no other run has, latest or latest~1."
_PIPE_WIDTH = 140  # rich takes 80 where there is no terminal, which folds topology names

_ON_TERMINAL = sys.stdout is not None and sys.stdout.isatty()
out = Console(highlight=False, width=None if _ON_TERMINAL else _PIPE_WIDTH)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Deployment = Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="See `shopbench --help`.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Number the shop's data is made from.")]
Scarce = Annotated[
    bool, typer.Option("--scarce", help="Little stock and empty wallets, for tests.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON with a schema_version.")]
On = Annotated[str, typer.Option("--on", help="Where: local (processes) or compose (containers).")]
OnCurrent = Annotated[
    str, typer.Option("--on", help="local or compose; where something is up if left out.")
]
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


def run_named(given: str) -> Path:
    """The folder of the run that is meant; which one is said where it was not written out."""
    from bench.results.run_names import find_run

    found = find_run(given)
    if str(found) != given and found.name != Path(given).name:
        err.print(escape(plain(f"{given}: {found}")))
    return found


Run = Annotated[Path, typer.Argument(metavar="RUN", parser=run_named, help=RUN_HELP)]
Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", parser=run_named, help=RUN_HELP)]


def say(text: str) -> None:
    """Print a line as it is, however long: paths are copied from the terminal."""
    out.print(plain(text), soft_wrap=True)


def print_json(document: dict[str, Any]) -> None:
    print(json.dumps({"schema_version": SCHEMA_VERSION, **document}, default=str, indent=2))


def new_table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def line_printer(named: bool, heard: set[str]) -> Callable[[str, str], None]:
    """Prints lines of components; `heard` gets the names of those that had one."""

    def show(name: str, line: str) -> None:
        heard.add(name)
        print(f"{name:<12} {line}" if named else line, flush=True)
        if reader_gone():
            raise ReaderGone

    return show


@contextmanager
def show_progress(title: str, *, every_line: bool = True) -> Iterator[Callable[[str], None]]:
    """Show the step at work: a spinner on a terminal, elsewhere a line a step or nothing."""
    start = time.monotonic()
    if err.is_terminal:
        with err.status(escape(title)) as spinner:
            yield lambda text: spinner.update(escape(text))
    elif not every_line:
        yield lambda _: None
    else:
        yield lambda text: err.print(f"{time.monotonic() - start:5.1f} s  {escape(text)}")
