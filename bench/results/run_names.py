"""Which run is meant: a path, a part of a name that only one run has, `latest`, `latest~1`.

Neighbours: `run_list` knows the runs; every command that takes a run asks here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from bench.errors import ShopbenchError
from bench.results.journal import JOURNAL_FILE
from bench.results.run_list import RESULTS, run_folders, runs_in

_LATEST = re.compile(r"latest(?:~(\d{1,6}))?")
_SHORTEST = 4  # letters; a run's name ends in so many that are drawn
_TOLD = 5  # candidates in a line


def find_run(given: str, root: Path = RESULTS) -> Path:
    """Return the folder that is meant; a path is returned as it is, whatever is there.

    `latest`: the last run that ended with results. Raises ShopbenchError (usage), with candidates,
    for a name that no run or several runs have.
    """
    if found := _LATEST.fullmatch(given):
        return _latest(int(found[1] or 0), root)
    if not given or "/" in given or os.path.lexists(given):
        return Path(given)
    known = (path for path in run_folders(root) if os.path.lexists(path / JOURNAL_FILE))
    names = [path.name for path in known]
    fits = _fitting(given, names)
    if len(fits) == 1:
        return root / fits[0]
    raise ShopbenchError(_several(given, fits) if fits else _none(given, names, root), 2)


def short_names(names: Sequence[str]) -> dict[str, str]:
    """For each name the shortest end of it, from a dash on, that `find_run` understands."""
    return {name: _shortest(name, names) for name in names}


def _shortest(name: str, names: Sequence[str]) -> str:
    parts = [name[at + 1 :] for at in range(len(name)) if name[at] == "-"]
    ends = (part for part in reversed(parts) if len(part) >= _SHORTEST)
    usable = (end for end in ends if end[0].isalnum() and not _LATEST.fullmatch(end))
    return next((end for end in usable if _fitting(end, names) == [name]), name)


def _fitting(part: str, names: Iterable[str]) -> list[str]:
    """The name itself, else those that end in it, else those that hold it."""
    known = list(names)
    whole = [name for name in known if name == part]
    ending = [name for name in known if name.endswith(part)]
    return whole or ending or [name for name in known if part in name]


def _latest(back: int, root: Path) -> Path:
    ended = [run for run in runs_in(root).runs if run.has_results]
    if back < len(ended):
        return ended[back].path
    if not ended:
        raise ShopbenchError(f"no run in {root} has results yet: `shopbench run` makes one", 2)
    known = "is only 1 run" if len(ended) == 1 else f"are only {len(ended)} runs"
    raise ShopbenchError(f"latest~{back}: there {known} with results in {root}", 2)


def _several(given: str, fits: Sequence[str]) -> str:
    return f"{given!r} fits {len(fits)} runs: {_some(fits)}"


def _none(given: str, names: Sequence[str], root: Path) -> str:
    if not names:
        return f"there is no run folder {given}, and no run in {root}"
    short = short_names(names)
    known = {short[name].lower(): short[name] for name in names} | {n.lower(): n for n in names}
    close = get_close_matches(given.lower(), known, n=1, cutoff=0.5)
    meant = f"did you mean {known[close[0]]!r}? There" if close else "there"
    return f"no run is called {given!r}; {meant} are {_some([*short.values()])}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _TOLD
    told = ", ".join(names[:_TOLD])
    return f"{told} and {more} more: `shopbench runs` lists them" if more > 0 else told
