"""CPU quota of a control group (CFS bandwidth, v1 and v2), and how often it held its group back.

The period is 10 ms, not the kernel's default of 100: a group that has used its share waits for
the next period, and waits of up to 100 ms would be most of a response time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.errors import ShopbenchError

PERIOD_US = 10_000
MIN_CORES = 0.1  # the kernel refuses a quota below 1 ms
_V1_NO_LIMIT = "-1"
_V1_SHARES, _V2_WEIGHT = 1_024, 100  # of one process of usual priority


@dataclass(frozen=True)
class Throttling:
    """Since the group was made: periods in which it ran, those in which it was held back, wait.

    `waited_s` adds up over the group's CPUs.
    """

    periods: int = 0
    held_back: int = 0
    waited_s: float = 0.0


def check_cores(cores: float) -> None:
    """Refuse a quota that the kernel would. Raises ShopbenchError (usage)."""
    if not MIN_CORES <= cores <= 1024:
        raise ShopbenchError(f"a quota is at least {MIN_CORES} core, not {cores:g}", 2)


@dataclass(frozen=True)
class Quota:
    """The bandwidth of one group's folder. `kind`: which files it has."""

    folder: Path
    kind: Literal["cpu", "unified"]

    def limit(self, cores: float) -> bool:
        """Hold the group to so many cores; False if the kernel does not let us."""
        quota_us = round(cores * PERIOD_US)
        if self.kind == "unified":
            return _write(self.folder / "cpu.max", f"{quota_us} {PERIOD_US}")
        return _write(self.folder / "cpu.cfs_period_us", str(PERIOD_US)) and _write(
            self.folder / "cpu.cfs_quota_us", str(quota_us)
        )

    def lift(self) -> None:
        """Let the group run freely, for example while it starts."""
        if self.kind == "unified":
            _write(self.folder / "cpu.max", f"max {PERIOD_US}")
        else:
            _write(self.folder / "cpu.cfs_quota_us", _V1_NO_LIMIT)

    def weigh(self, processes: int) -> None:
        """Let the group weigh as much as so many processes.

        A group weighs as one process against those outside of it, however many it holds: on a
        busy machine a deployment would get a fraction of the CPU it gets without a group.
        """
        if self.kind == "unified":
            _write(self.folder / "cpu.weight", str(min(_V2_WEIGHT * processes, 10_000)))
        else:
            _write(self.folder / "cpu.shares", str(_V1_SHARES * processes))

    def throttling(self) -> Throttling:
        """Read the counters; zeros if there are none."""
        try:
            return read_throttling((self.folder / "cpu.stat").read_text())
        except OSError:
            return Throttling()


def read_throttling(text: str) -> Throttling:
    """Parse a `cpu.stat` of either version: v1 counts the wait in ns, v2 in us."""
    found = dict(line.split()[:2] for line in text.splitlines() if len(line.split()) > 1)
    waited_s = int(found.get("throttled_usec", 0)) / 1e6
    if "throttled_time" in found:
        waited_s = int(found["throttled_time"]) / 1e9
    return Throttling(int(found.get("nr_periods", 0)), int(found.get("nr_throttled", 0)), waited_s)


def _write(path: Path, text: str) -> bool:
    try:
        path.write_text(text)
    except OSError:
        return False
    return True
