"""The command `runs`: every run there is, newest first, each with its answer in words."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from bench.cli.console import AsJson, print_json, say
from bench.cli.run_arguments import Folder
from bench.errors import ShopbenchError
from bench.results.plain_text import plain
from bench.results.run_list import RESULTS

if TYPE_CHECKING:
    from bench.results.run_list import ListedRun, RunList

_WIDTH = 100
_INTERVAL, _TIED = re.compile(r"\[[^\]]*\]"), "\u00a0"  # a line does not end within one
_MOST_LINES = 4  # of an answer
_COLUMNS = "{:<{}}  {:<16}  {:<8}  {:>6}  {:<9}  {:<11}  {}"


def runs(
    folder: Folder = RESULTS,
    html: Annotated[
        bool, typer.Option("--html", help="Write the list as a page too: index.html beside them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List all runs, newest first: when, how long, what was measured, and the answer in words.

    Any command takes a run by the name in the first column, or any other part of its folder's
    name that no other run has; `latest` and `latest~1` are the last ones with results.

    Example: shopbench compare latest~1 latest
    """
    from bench.results.run_list import runs_in

    found = runs_in(folder)
    if as_json:
        print_json(_document(found))
    else:
        _print(found)
    if html:
        from bench.report.index import write_index

        page = write_index(folder, found)
        print(f"page: {plain(str(page))}", file=sys.stderr if as_json else sys.stdout)


def has_index(root: Path) -> bool:
    """Whether there is a page of all runs, which a new report changes."""
    from bench.report.index import INDEX

    return (root / INDEX).is_file()


def refresh_index(root: Path) -> None:
    """Write the page of all runs again; where that cannot be, it is a remark."""
    from bench.report.index import write_index

    try:
        write_index(root)
    except ShopbenchError as exc:
        print(f"note: the page of all runs is not new: {plain(exc.message)}", file=sys.stderr)


def _print(found: RunList) -> None:
    from bench.results.run_names import short_names

    short = short_names([run.name for run in found.runs] + [name for name, _ in found.others])
    wide = max((len(short[run.name]) for run in found.runs), default=4)
    if found.runs:
        heads = ("started, UTC", "profile", "min", "commit", "state", "measured")
        say(_COLUMNS.format("name", wide, *heads).rstrip())
    for run in found.runs:
        for line in _lines(run, short[run.name], wide):
            say(escape(line))
    for name, why in found.others:
        say(escape(shorten_end(f"no run: {name}: {why}", _WIDTH)))
    say(escape(_ending(found)))


def _lines(run: ListedRun, short: str, wide: int) -> list[str]:
    """One line of facts, and below it the answer."""
    cells = (
        *(f"{run.started_at:%Y-%m-%d %H:%M}", run.profile[:8], f"{run.minutes:.1f}"),
        *(run.commit[:8] + ("+" if run.dirty else ""), run.state, " ".join(run.experiments)),
    )
    facts = shorten_end(_COLUMNS.format(short, wide, *cells), _WIDTH)
    indent = " " * (wide + 2)
    answer = _INTERVAL.sub(lambda found: found[0].replace(" ", _TIED), run.answer(short))
    lines = wrap(answer, _WIDTH - len(indent), max_lines=_MOST_LINES, placeholder=" …")
    return [facts, *(indent + line.replace(_TIED, " ") for line in lines)]


def shorten_end(line: str, most: int) -> str:
    """Cut a line off at a blank, so that it has at most so many letters."""
    if len(line.rstrip()) <= most:
        return line.rstrip()
    return f"{line[: most - 2].rpartition(' ')[0]} …"


def _ending(found: RunList) -> str:
    if not found.runs:
        return f"no runs in {found.root} yet: `shopbench run latency` makes one"
    count = f"{len(found.runs)} runs" if len(found.runs) > 1 else "1 run"
    more = "; two of them compared: `shopbench compare latest~1 latest`"
    return f"{count} in {found.root}{more if len(found.runs) > 1 else ''}"


def _document(found: RunList) -> dict[str, Any]:
    from bench.results.run_names import short_names

    short = short_names([run.name for run in found.runs] + [name for name, _ in found.others])
    listed = [
        {
            "name": run.name,
            "short": short[run.name],
            "answer": run.answer(short[run.name]),
            **{name: value for name, value in asdict(run).items() if name != "words"},
            "started_at": run.started_at.isoformat(),
        }
        for run in found.runs
    ]
    others = [{"name": name, "why": why} for name, why in found.others]
    return {"root": str(found.root), "runs": listed, "others": others}
