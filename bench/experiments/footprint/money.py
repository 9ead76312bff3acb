"""What a shop costs an hour and a million requests: a fixed part and one for each request. Pure.

Fixed: the memory that has to be reserved, and the CPU that is used unasked. For each request: the
CPU beyond that. Load that one copy cannot carry takes more copies, each with its fixed part.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf

from bench.report.prices import MILLION, SECONDS_AN_HOUR, Prices

PER_MINUTE = (1.0, 100.0, 10_000.0)
ALIKE = 1.1  # costs whose ratio is nearer to 1 no longer differ in what matters


@dataclass(frozen=True)
class Costs:
    """What one deployment takes. `capacity_rps`: requests a second that one copy can answer."""

    deployment: str
    memory_gib: float
    idle_cores: float
    cpu_s_per_request: float
    capacity_rps: float

    def copies(self, rps: float) -> int:
        """How many copies of the whole deployment carry a load."""
        return max(1, ceil(rps / self.capacity_rps))

    def standing_hour(self, prices: Prices) -> float:
        """Money an hour for one copy that nobody asks."""
        return self.memory_gib * prices.gib_hour + self.idle_cores * prices.vcpu_hour

    def request(self, prices: Prices) -> float:
        """Money for one request more."""
        return self.cpu_s_per_request / SECONDS_AN_HOUR * prices.vcpu_hour

    def fixed_million(self, prices: Prices, rps: float) -> float:
        """The fixed money in a million requests at a load."""
        hours = MILLION / rps / SECONDS_AN_HOUR
        return self.copies(rps) * self.standing_hour(prices) * hours

    def million(self, prices: Prices, rps: float) -> float:
        """All money in a million requests at a load."""
        return self.fixed_million(prices, rps) + MILLION * self.request(prices)

    def even_rps(self, prices: Prices) -> float:
        """The load at which the requests cost as much as one standing copy."""
        each = self.request(prices) * SECONDS_AN_HOUR
        return self.standing_hour(prices) / each if each else inf


@dataclass(frozen=True)
class Course:
    """How the ratio of two costs goes from no load to much, one copy of each.

    `idle`: of the standing copies, `busy`: of the requests alone. `alike_rps`: from which load on
    the ratio stays within `ALIKE` of 1, 0 at any load, None at none. `even_rps`: where it is 1.
    """

    idle: float
    busy: float
    alike_rps: float | None
    even_rps: float | None


def course(top: Costs, bottom: Costs, prices: Prices) -> Course:
    """The ratio top / bottom against the load: it is monotonic, so that each limit is met once."""
    idle = top.standing_hour(prices) / bottom.standing_hour(prices)
    busy = top.request(prices) / bottom.request(prices)
    alike: float | None = None
    if 1 / ALIKE <= busy <= ALIKE:
        limit = ALIKE if idle > ALIKE else 1 / ALIKE
        apart = not 1 / ALIKE <= idle <= ALIKE
        alike = _load_at(limit, top, bottom, prices) if apart else 0.0
    return Course(idle, busy, alike, _load_at(1.0, top, bottom, prices))


def _load_at(ratio: float, top: Costs, bottom: Costs, prices: Prices) -> float | None:
    """The load in requests a second at which top costs `ratio` of bottom; None if it never does."""
    fixed = top.standing_hour(prices) - ratio * bottom.standing_hour(prices)
    each = SECONDS_AN_HOUR * (ratio * bottom.request(prices) - top.request(prices))
    return fixed / each if each and fixed / each > 0 else None
