"""Shows the logs of a deployment's containers: the last lines, and what follows."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from queue import Queue

from bench.deployments.base import part_with
from bench.deployments.compose.containers import containers
from bench.deployments.compose.driver import ComposeDeployment
from bench.deployments.compose.engine import docker

Show = Callable[[str, str], None]
MORE = "warnings and errors are logged, requests never"
_MOST_WAITING = 1000  # lines that wait to be shown; beyond, the containers' logs wait


def log_sources(deployment: ComposeDeployment, component: str) -> dict[str, str]:
    """Map component names to containers; all of them if `component` is empty."""
    found = {
        part.name: each.ident
        for part in deployment.components()
        for each in containers(deployment.state.project)
        if each.pid == part.pid and each.started_at == part.started_at
    }
    if not component:
        return found
    name = part_with(component, found, deployment.name)
    return {name: found[name]}


def show_tail(sources: dict[str, str], lines: int, show: Show) -> None:
    """Show the last lines of each."""
    for name, ident in sources.items():
        for line in docker("logs", "--tail", str(lines), ident, both=True).splitlines():
            show(name, line)


def follow(sources: dict[str, str], show: Show) -> None:
    """Show lines as they come, until the containers end or the reader stops it."""
    lines: Queue[tuple[str, str] | None] = Queue(_MOST_WAITING)
    children = {
        name: subprocess.Popen(
            ("docker", "logs", "--follow", "--tail", "0", ident),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        for name, ident in sources.items()
    }
    readers = [
        threading.Thread(target=_pass_on, args=(name, child, lines), daemon=True)
        for name, child in children.items()
    ]
    try:
        for reader in readers:
            reader.start()
        running = len(readers)
        while running:
            if (said := lines.get()) is None:
                running -= 1
            else:
                show(*said)  # here, so that an error in it ends all
    finally:
        for child in children.values():
            child.terminate()
            child.wait()


def _pass_on(name: str, child: subprocess.Popen[str], lines: Queue[tuple[str, str] | None]) -> None:
    """Hand on each line, and None after the last one."""
    for line in child.stdout or ():
        lines.put((name, line.rstrip("\n")))
    lines.put(None)
