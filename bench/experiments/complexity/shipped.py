"""What an image is made of, read from its Dockerfile, and a copy of just that in a folder."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import ShopbenchError

_FROM = re.compile(r"FROM (?P<base>\S+)(?: AS (?P<name>\S+))?$")
_COPY = re.compile(r"COPY (?P<paths>(?!--from)\S.*)$")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", "floor.py")  # as .dockerignore


@dataclass
class Stage:
    """A stage of a Dockerfile: what it begins with and what it copies from the tree."""

    base: str
    copies: list[tuple[str, str]] = field(default_factory=list)


def copied(dockerfile: str, arguments: Mapping[str, str]) -> list[tuple[str, str]]:
    """(source, target) of all that the last stage and those below it copy from the tree."""
    stages, last = _stages(dockerfile, arguments)
    found: list[tuple[str, str]] = []
    while last in stages:
        found = [*stages[last].copies, *found]
        last = stages[last].base
    return found


def _stages(dockerfile: str, arguments: Mapping[str, str]) -> tuple[dict[str, Stage], str]:
    stages: dict[str, Stage] = {}
    last = ""
    for line in map(str.strip, dockerfile.splitlines()):
        if begun := _FROM.match(line):
            last = begun["name"] or f"stage {len(stages)}"
            stages[last] = Stage(begun["base"])
        elif given := _COPY.match(line):
            *sources, target = _VARIABLE.sub(lambda m: arguments[m[1]], given["paths"]).split()
            stages[last].copies += [(source, target) for source in sources]
    return stages, last


def build(root: Path, copies: Iterable[tuple[str, str]], folder: Path) -> None:
    """Copy that and nothing else into an empty folder. Raises ShopbenchError."""
    for source, target in copies:
        path, place = root / source, folder / target
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            if path.is_dir():
                shutil.copytree(path, place, ignore=_NOT_SHIPPED, dirs_exist_ok=True)
            else:
                shutil.copy(path, place)
        except OSError as error:
            raise ShopbenchError(f"cannot copy {source}: {error.strerror}", 1) from error
