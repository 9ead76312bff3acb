"""Reads the logs of a deployment: the last lines of each component's file, and what follows."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from bench.deployments.base import part_with
from bench.deployments.local.driver import LocalDeployment

MORE = (
    "warnings and errors are logged, requests never; started by `LOG_LEVEL=info shopbench up …`"
    " it logs retries, recoveries and workers too"
)
_POLL_SECONDS = 0.2


def log_files(deployment: LocalDeployment, component: str) -> dict[str, Path]:
    """Map component names to log files; all of them if `component` is empty."""
    files = {part.name: part.log for part in deployment.components()}
    if not component:
        return files
    name = part_with(component, files, deployment.name)
    return {name: files[name]}


def tail(path: Path, lines: int) -> list[str]:
    """Return the last lines of a log; [] if it was not written yet."""
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return [line.rstrip("\n") for line in deque(stream, maxlen=lines)]
    except FileNotFoundError:
        return []


def show_tail(files: dict[str, Path], lines: int, show: Callable[[str, str], None]) -> None:
    """Show the last lines of each."""
    for name, path in files.items():
        for line in tail(path, lines):
            show(name, line)


def follow_logs(files: dict[str, Path], show: Callable[[str, str], None]) -> None:
    """Show lines as they come, until the logs are removed or the reader stops it."""
    offsets = {name: path.stat().st_size if path.exists() else 0 for name, path in files.items()}
    while any(path.exists() for path in files.values()):
        for name, path in files.items():
            if path.exists():
                offsets[name] = _show_new(name, path, offsets[name], show)
        time.sleep(_POLL_SECONDS)


def _show_new(name: str, path: Path, offset: int, show: Callable[[str, str], None]) -> int:
    """Show whole lines behind `offset`; return the offset behind them."""
    with path.open("rb") as stream:
        stream.seek(offset)
        whole, newline, _ = stream.read().rpartition(b"\n")
    if not newline:
        return offset
    for line in whole.decode("utf-8", "replace").splitlines():
        show(name, line)
    return offset + len(whole) + 1
