"""Loads a user's own locustfile and says in one line what is wrong with it.

`python -m bench.load.userfile FILE [ARGUMENT...]` prints it as JSON, so that the parent never
imports user code. Neighbour: `population` makes the instances.
"""

from __future__ import annotations

import argparse
import inspect
import io
import json
import linecache
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locust import TaskSet, User
from locust.argument_parser import get_parser
from locust.util.load_locustfile import load_locustfile

_RAN_OUT = (
    IndexError,
    StopIteration,
    KeyError,
)  # what a list, an iterator or a set says when empty
_MOST_SAID = 160


class LocustfileError(Exception):
    """Something in the user's file: 'mine.py:12: KeyError: …'."""


@dataclass(frozen=True)
class UserFile:
    """What a file has: user classes with tasks, the options Locust would parse, what is unused.

    `options` holds Locust's own arguments and those the file adds, at their defaults unless given.
    """

    path: Path
    classes: tuple[Any, ...]
    options: argparse.Namespace
    shapes: tuple[str, ...]

    @property
    def remarks(self) -> list[str]:
        """What of the file is not used, a line each."""
        said = []
        if self.shapes:
            shape = ", ".join(self.shapes)
            said.append(f"the load shape {shape} is not used: the schedule comes from shopbench")
        waiting = [cls.__name__ for cls in self.classes if _waits(cls)]
        if waiting:
            who = ", ".join(waiting)
            said.append(f"waiting times ({who}) are left out: visits come when shopbench says")
        return said


def load_userfile(path: Path, arguments: Sequence[str] = ()) -> UserFile:
    """Run the file and check its user classes. Raises LocustfileError.

    Its folder becomes the current one, so that data files beside it are found; a file that was
    written to be started from elsewhere gets the folder it was started from. Once a process: what
    the file and its modules keep is not loaded afresh.
    """
    before = Path.cwd()
    try:
        os.chdir(path.parent)
        try:
            classes, shapes = load_locustfile(str(path))
        except FileNotFoundError:
            os.chdir(before)
            classes, shapes = load_locustfile(str(path))
    except (Exception, SystemExit) as exc:
        raise LocustfileError(where(exc, path)) from exc
    # a base class for others has no tasks, marked abstract or not
    chosen = tuple(cls for cls in dict.fromkeys(classes.values()) if cls.tasks and _is_used(cls))
    if not chosen:
        raise LocustfileError(f"{path.name}: has no user class with tasks")
    for cls in chosen:
        for task in cls.tasks:
            _check_task(task, path)
    names = tuple(type(shape).__name__ for shape in shapes)
    return UserFile(path, chosen, _options(path, arguments), names)


def where(exc: BaseException, path: Path) -> str:
    """Return 'file:line: Error: text' for an error of the user's file, on one line.

    The line itself is quoted where something ran out: it names the list.
    """
    line = 0
    if isinstance(exc, SyntaxError) and exc.filename == str(path):
        line = exc.lineno or 0
    trace = exc.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    place = f"{path.name}:{line}" if line else path.name
    text = exc.msg if isinstance(exc, SyntaxError) else str(exc)
    said = " ".join(text.split())[:_MOST_SAID]
    told = f"{place}: {type(exc).__name__}: {said}" if said else f"{place}: {type(exc).__name__}"
    if line and isinstance(exc, _RAN_OUT):
        told += f" in `{linecache.getline(str(path), line).strip()[:_MOST_SAID]}`"
    return told


def is_class(value: Any) -> bool:
    """Whether a task is a class (a task set) or a plain function."""
    return inspect.isclass(value)


def _is_used(cls: Any) -> bool:
    return bool(cls.weight > 0 or cls.fixed_count > 0)


def _options(path: Path, arguments: Sequence[str]) -> argparse.Namespace:
    """Parse as `locust` does: its own arguments, the file's, its configuration files."""
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return _parse(list(arguments))
    except SystemExit as exc:
        reason = " ".join(said.getvalue().partition("error: ")[2].split())
        raise LocustfileError(f"{path.name}: arguments after --: {reason}") from exc
    except Exception as exc:
        raise LocustfileError(where(exc, path)) from exc


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser: Callable[..., argparse.Namespace] = get_parser().parse_args
    return parser(arguments)


def _waits(cls: Any) -> bool:
    """Whether a user class, or a task set of it, states a waiting time of its own."""
    inner = [task for task in cls.tasks if is_class(task)]
    own = cls.wait_time is not (User.wait_time if issubclass(cls, User) else TaskSet.wait_time)
    return own or any(_waits(task) for task in inner)


def _check_task(task: Any, path: Path) -> None:
    if not is_class(task):
        return
    place = f"{path.name}:{_line_of(task)}: {task.__name__}"
    if not issubclass(task, TaskSet):
        raise LocustfileError(f"{place} is no TaskSet")
    if not task.tasks:
        raise LocustfileError(f"{place} has no @task")
    for inner in task.tasks:
        _check_task(inner, path)


def _line_of(cls: Any) -> int:
    try:
        return inspect.getsourcelines(cls)[1]
    except (OSError, TypeError):
        return 1


def main() -> None:
    """Print {"users": [...], "remarks": [...]} or {"error": text}."""
    path = Path(sys.argv[1]).resolve()
    said: dict[str, object]
    try:
        with redirect_stdout(sys.stderr):
            file = load_userfile(path, sys.argv[2:])
        said = {"users": [cls.__name__ for cls in file.classes], "remarks": file.remarks}
    except LocustfileError as exc:
        said = {"error": str(exc)}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
