"""Loads a user's own locustfile and says in one line what is wrong with it.

`python -m bench.load.userfile FILE` prints it as JSON, so that the parent never imports user code.
Neighbour: `custom` replays it.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import locust
from locust import FastHttpUser, HttpUser, SequentialTaskSet, TaskSet, User
from locust.event import EventHook

_MODULE = "shopbench_users_locustfile"


class LocustfileError(Exception):
    """Something in the user's file: 'mine.py:12: KeyError: …'."""


@dataclass(frozen=True)
class UserFile:
    """The user classes of a file; weights above 0, tasks that can be a visit."""

    path: Path
    classes: tuple[Any, ...]


def load_userfile(path: Path) -> UserFile:
    """Run the file afresh and check its user classes. Raises LocustfileError.

    Afresh each time: what one trial left in its globals must not reach the next server's.
    """
    try:
        module = _imported(path)
    except (Exception, SystemExit) as exc:
        raise LocustfileError(where(exc, path)) from exc
    values: list[Any] = list(vars(module).values())
    found = [
        value
        for value in values
        if is_class(value) and issubclass(value, User) and not value.abstract
    ]
    classes = tuple(cls for cls in dict.fromkeys(found) if cls.weight > 0)
    if not classes:
        raise LocustfileError(f"{path.name}: has no HttpUser or FastHttpUser class with tasks")
    for cls in classes:
        _check_class(cls, path)
    return UserFile(path, classes)


def where(exc: BaseException, path: Path) -> str:
    """Return 'file:line: Error: text' for an error of the user's file, on one line."""
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
    said = " ".join(text.split())[:160]
    return f"{place}: {type(exc).__name__}: {said}" if said else f"{place}: {type(exc).__name__}"


def handlers() -> dict[str, list[Any]]:
    """Return the listeners of Locust's global events, to be put back by `restore_handlers`."""
    hooks = vars(locust.events)
    return {name: list(hook._handlers) for name, hook in hooks.items() if _is_hook(hook)}


def restore_handlers(saved: dict[str, list[Any]]) -> None:
    """Put back the listeners that stood there before a file was loaded."""
    for name, listeners in saved.items():
        getattr(locust.events, name)._handlers = list(listeners)


def _is_hook(value: object) -> bool:
    return isinstance(value, EventHook)


def _imported(path: Path) -> ModuleType:
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # the file may import its neighbours
    spec = importlib.util.spec_from_file_location(_MODULE, path)
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module
    spec.loader.exec_module(module)
    return module


def _check_class(cls: Any, path: Path) -> None:
    place = f"{path.name}:{_line_of(cls)}: {cls.__name__}"
    if not _has_client(cls):
        raise LocustfileError(f"{place} is neither an HttpUser nor a FastHttpUser")
    if not cls.tasks:
        raise LocustfileError(f"{place} has no @task")
    for task in cls.tasks:
        _check_task(task, path)


def _check_task(task: Any, path: Path) -> None:
    """A TaskSet goes on until it interrupts itself, so it has no end that a visit could have."""
    if not is_class(task):
        return
    place = f"{path.name}:{_line_of(task)}: {task.__name__}"
    if not _is_sequence(task):
        kind = "a TaskSet has no end" if issubclass(task, TaskSet) else "it is no task"
        raise LocustfileError(f"{place}: {kind}; a visit is a @task or a SequentialTaskSet")
    if not task.tasks:
        raise LocustfileError(f"{place} has no @task")
    for inner in task.tasks:
        _check_task(inner, path)


def is_class(value: Any) -> bool:
    """Whether a task is a class (a task set) or a plain function."""
    return inspect.isclass(value)


def _has_client(cls: Any) -> bool:
    return issubclass(cls, HttpUser | FastHttpUser)


def _is_sequence(task: Any) -> bool:
    return issubclass(task, SequentialTaskSet)


def _line_of(cls: Any) -> int:
    try:
        return inspect.getsourcelines(cls)[1]
    except (OSError, TypeError):
        return 1


def main() -> None:
    """Print {"users": [...]} or {"error": text}."""
    path = Path(sys.argv[1]).resolve()
    try:
        with redirect_stdout(sys.stderr):
            classes = load_userfile(path).classes
        said: dict[str, object] = {
            "users": [
                {"name": cls.__name__, "weight": cls.weight, "tasks": len(cls.tasks)}
                for cls in classes
            ]
        }
    except LocustfileError as exc:
        said = {"error": str(exc)}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
