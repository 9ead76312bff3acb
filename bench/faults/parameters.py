"""The kinds of faults and the parameters of each: name, default, range, unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.errors import ShopbenchError


@dataclass(frozen=True)
class Parameter:
    """A number between `least` and `most`, both included."""

    default: float
    least: float
    most: float
    unit: str

    def check(self, name: str, value: float) -> None:
        """Raises ShopbenchError that names the parameter."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ShopbenchError(f"parameters: {name} must be a number, not {value!r}", 2)
        if not self.least <= value <= self.most:  # also catches NaN
            between = f"between {self.least:g} and {self.most:g}{self.unit and ' ' + self.unit}"
            raise ShopbenchError(f"parameters: {name} must be {between}, not {value:g}", 2)


_SHARE = (0.0, 1.0, "")
_WIRE = {
    "jitter_ms": Parameter(0.0, 0.0, 10_000.0, "ms"),
    "bandwidth": Parameter(0.0, 0.0, 1e12, "bytes/s"),  # 0: no limit
}

DEFAULTS: Mapping[str, Mapping[str, Parameter]] = {
    "crash": {},
    "crash_worker": {},
    "hang": {},
    "hang_worker": {},
    "slow": {"delay_s": Parameter(2.0, 0.0, 60.0, "s"), "probability": Parameter(1.0, *_SHARE)},
    "errors": {"probability": Parameter(0.3, *_SHARE)},
    "database_down": {},
    # one exchange takes so much longer: a few statements and the deadline of a request is used up
    "database_slow": {"delay_ms": Parameter(200.0, 0.0, 10_000.0, "ms"), **_WIRE},
    "database_blackhole": {},
    "hop_latency": {"delay_ms": Parameter(200.0, 0.0, 10_000.0, "ms"), **_WIRE},
    "hop_loss": {
        "loss": Parameter(0.1, *_SHARE),
        "rto_ms": Parameter(200.0, 0.0, 10_000.0, "ms"),
    },
    "hop_blackhole": {},
    "hop_reset": {},
    "poison": {},
    "cpu_hog": {"share": Parameter(0.9, 0.01, 1.0, "of a core")},
    "memory_leak": {
        "mib_per_s": Parameter(64.0, 1.0, 1024.0, "MiB/s"),
        "cap_mib": Parameter(256.0, 1.0, 4096.0, "MiB"),
    },
    "bad_release": {},
    "overload": {},
}
