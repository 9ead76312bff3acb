"""What is planted in the services, and how much of it was really done.

The work is done by the edge, which is in series with everything a request does, so that its time
is the request's on any number of cores (`microservices.chassis.planted`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.results.paired.rounds import twin_of

BASE = "microservices"
AGAIN, SLOWER, DEARER, LARGER = twin_of(BASE), "slower", "dearer", "larger"
MEMBERS = (BASE, AGAIN, SLOWER, DEARER, LARGER)
PROCESS = "gateway"
ROUTES = {
    "product_read": "GET /api/v1/products/{product_id}",
    "order": "POST /api/v1/orders",
    "overview": "GET /api/v1/account/overview",
}
OPERATIONS = tuple(ROUTES)
TIME_STEPS = {"product_read": 0.05, "order": 0.10, "overview": 0.05}  # starts of orders scatter
CPU_STEP = 0.10
WORKING_SET_MIB = 8
_ENTRIES = 1 << 16  # of the ring: `planted.TALLY_ENTRIES`

Extras = dict[str, dict[str, int]]  # by operation: fields of `planted.Extra`


@dataclass(frozen=True)
class Calibration:
    """The base alone, by operation: median time, CPU a request, and one unit of planted work."""

    time_ms: dict[str, float]
    cpu_ms: dict[str, float]
    unit_ns: dict[str, float]

    def extras(self, member: str) -> Extras:
        """What a member does beyond the base, so that the ratios come out near the steps."""
        if member == LARGER:
            return {name: {"touched_mib": WORKING_SET_MIB} for name in OPERATIONS}
        if member == SLOWER:
            return {n: {"before": self._units(n, TIME_STEPS[n] * self.time_ms[n])} for n in ROUTES}
        if member == DEARER:
            return {n: {"after": self._units(n, CPU_STEP * self.cpu_ms[n])} for n in ROUTES}
        return {}

    def _units(self, operation: str, wanted_ms: float) -> int:
        return max(1, round(wanted_ms * 1e6 / self.unit_ns[operation]))


def environment(extras: Extras, tally: Path) -> dict[str, str]:
    """The setting that plants them; none if there is nothing to plant."""
    if not extras:
        return {}
    routes = {ROUTES[operation]: extra for operation, extra in extras.items()}
    plan = {"process": PROCESS, "tally": str(tally), "routes": routes}
    return {"SHOP_PLANTED": json.dumps(plan)}


class Tally:
    """Reads what a member adds to its tally. `extras`: whose routes the entries are numbered by."""

    def __init__(self, path: Path, extras: Mapping[str, object]) -> None:
        self._path = path
        self._operations = list(extras)
        self._seen = 0

    def take(self) -> dict[str, NDArray[np.int64]]:
        """Nanoseconds of extra work since the last time, by operation, one entry a request."""
        if not self._path.exists():
            return {}
        words = np.fromfile(self._path, dtype=np.int64)
        count = int(words[0])
        numbers = np.arange(max(self._seen, count - _ENTRIES), count) % _ENTRIES
        self._seen = count
        entries = words[1:].reshape(-1, 2)[numbers]
        return {
            name: entries[entries[:, 0] == number, 1]
            for number, name in enumerate(self._operations)
        }
