"""Read by a child process from inside an arm: what it imports, publishes and may fail at.

`python -m bench.experiments.complexity.look_inside PROCESS COMMAND… [--and COMMAND…]` prints JSON.
The commands are those that start the process and fill its database; they get as far as their help,
by which time all that they import is imported. The bench itself imports no arm: this runs in a
process with the settings of the one it looks at.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import runpy
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.deployments.local.guard import PROJECT_ROOT

AND = "--and"
_METHODS = ("get", "post", "put", "patch", "delete")
_GUNICORN = "gunicorn"


def main(arguments: Sequence[str]) -> None:
    """Print what is found, as JSON."""
    name, *rest = arguments
    commands = " ".join(rest).split(f" {AND} ")
    mains = [_imported(command.split()) for command in commands]
    look = _monolith if any(command.startswith(_GUNICORN) for command in commands) else _service
    print(json.dumps({**look(name), "files": sorted(_files(mains))}))


def _imported(command: list[str]) -> str:
    """Import all that a command imports; return the file it began with."""
    module, *arguments = command
    if module == _GUNICORN:
        return _imported_by_gunicorn(arguments)
    sys.argv = [module, *arguments, "--help"]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    spec = find_spec(f"{module}.__main__" if _is_package(module) else module)
    return str(spec.origin) if spec is not None else ""


def _is_package(module: str) -> bool:
    spec = find_spec(module)
    return spec is not None and spec.submodule_search_locations is not None


def _imported_by_gunicorn(arguments: list[str]) -> str:
    """Load configuration, worker and application as the server does."""
    sys.argv = [_GUNICORN, *arguments]
    server = import_module("gunicorn.app.wsgiapp").WSGIApplication(prog=_GUNICORN)
    server.wsgi()
    return str(sys.modules[server.cfg.worker_class.__module__].__file__)


def _files(mains: Sequence[str]) -> set[str]:
    """Our own files that are imported, and the SQL and migrations of their packages."""
    names = [str(getattr(module, "__file__", None) or "") for module in [*sys.modules.values()]]
    paths = {Path(name).resolve() for name in [*names, *mains] if name.endswith(".py")}
    arm = {PROJECT_ROOT / _arm(mains)}
    own = {path for path in paths if arm & set(path.parents)}
    packages = {path.parent for path in own} - arm
    beside = [
        file
        for package in packages
        for file in (*package.glob("*/*.sql"), *package.glob("migrations/*.py"))
    ]
    return {str(path.relative_to(PROJECT_ROOT)) for path in (*own, *beside)}


def _arm(mains: Sequence[str]) -> str:
    return Path(mains[0]).resolve().relative_to(PROJECT_ROOT).parts[0]


def _service(name: str) -> dict[str, Any]:
    """A process of the services: its router, and the fault points of its component."""
    chassis = "microservices.chassis"
    found = import_module(f"microservices.{name}.app")
    component, edge = getattr(found, "SPEC", None), getattr(found, "EDGE", None)
    spec = import_module(f"{chassis}.specs").ProcessSpec((component,) if component else (), edge)
    settings = import_module(f"{chassis}.settings")
    app = import_module(f"{chassis}.app").create_app(
        spec, settings.load(settings.Settings), os.environ
    )
    routes = {f"{route.method} {route.resource.canonical}" for route in app.router.routes()}
    points = {*component.fault_points, f"{name}.operation"} if component else set()
    return {
        "routes": sorted(each for each in routes if not each.startswith(("HEAD ", "*"))),
        "fault_points": sorted(points),
        "parts": [],
    }


def _monolith(name: str) -> dict[str, Any]:
    """The monolith: Django's resolver, its fault points, its apps."""
    faults = import_module(f"{name}.common.faults")
    apps = import_module("django.apps").apps
    own = [each.name.split(".")[1] for each in apps.get_app_configs() if _is_of(each.name, name)]
    patterns = import_module("django.urls").get_resolver().url_patterns
    return {
        "routes": sorted(set(_routes("", patterns))),
        "fault_points": sorted({*faults.POINTS, *faults.OPERATION_POINTS}),
        "parts": own,
    }


def _is_of(app: str, name: str) -> bool:
    return app.startswith(f"{name}.")


def _routes(prefix: str, patterns: Sequence[Any]) -> Iterator[str]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from _routes(path, pattern.url_patterns)
            continue
        view = pattern.callback.view_class
        for method in _METHODS:
            if hasattr(view, method) and method in view.http_method_names:
                yield f"{method.upper()} /{path}"


if __name__ == "__main__":
    main(sys.argv[1:])
