"""How every Python process of ours is started, so that it imports nothing from a working folder.

A `bench.py` or a `logging.py` in the folder where somebody works is theirs: by itself Python would
search that folder first and run it instead of ours.
"""

from __future__ import annotations

import os
import sys

_VARIABLE = "PYTHONPATH"


def child_python(*arguments: str) -> tuple[str, ...]:
    """The command of a child: `-m MODULE …` or `-c CODE …`, without the current folder (`-P`)."""
    return (sys.executable, "-P", *arguments)


def absolute_python_path() -> dict[str, str]:
    """PYTHONPATH for a child that begins in another folder; {} where none is set."""
    entries = [entry for entry in os.environ.get(_VARIABLE, "").split(os.pathsep) if entry]
    return {_VARIABLE: os.pathsep.join(map(os.path.abspath, entries))} if entries else {}
