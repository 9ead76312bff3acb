"""Where a value and its interval lie on the axis of a figure made of boxes, in percent.

Neighbours: `compare` and `index` hand these to their templates, which draw.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log

Point = tuple[float | None, float | None, float | None]  # value, low, high
_LEAST_SPAN = 0.05  # a ratio's axis spans so much at least: what is smaller is noise
_REACH = 3.0  # an interval goes on beyond an axis of so many times what the values span
_MARGIN = 0.08  # of the axis, free at each end


@dataclass(frozen=True)
class Bar:
    """Percent of the axis from its left. `start`, `width` None: there is no interval."""

    at: float | None
    start: float | None
    width: float | None


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`, in logarithms where `ratio`."""

    low: float
    high: float
    ratio: bool

    @classmethod
    def around(cls, points: Iterable[Point], *, ratio: bool) -> "Scale":
        """An axis that shows all values, and their intervals as far as they do not dwarf them."""
        found = [[_on(each, ratio) for each in point] for point in points]
        values = [value for value, _, _ in found if value is not None]
        if not values:
            return cls(0.0, 1.0, ratio)
        least = _LEAST_SPAN if ratio else max(1.0, 0.05 * max(map(abs, values)))
        span = max(least, max(values) - min(values))
        ends = [end for point in found for end in point if end is not None]
        low = max(min(ends), min(values) - _REACH * span)
        high = min(max(ends), max(values) + _REACH * span)
        free = _MARGIN * max(least, high - low)
        return cls(low - free, high + free, ratio)

    def bar(self, value: float | None, low: float | None, high: float | None) -> Bar:
        """Where a value with its interval lies."""
        at = self.share(value)
        start, end = self.share(low), self.share(high)
        if start is None or end is None:
            return Bar(at, None, None)
        return Bar(at, start, round(end - start, 2))

    def share(self, value: float | None) -> float | None:
        """Where a value lies, cut off at the ends of the axis."""
        found = _on(value, self.ratio)
        if found is None:
            return None
        return round(min(100.0, max(0.0, 100 * (found - self.low) / (self.high - self.low))), 2)

    @property
    def ends(self) -> tuple[float, float]:
        """The values at its ends."""
        low, high = (exp(end) if self.ratio else end for end in (self.low, self.high))
        return low, high

    @property
    def nothing(self) -> float | None:
        """Where 'equal' lies; None if that is beyond the axis."""
        return self.share(1.0 if self.ratio else 0.0) if self.low < 0.0 < self.high else None


def _on(value: float | None, ratio: bool) -> float | None:
    if value is None or (ratio and value <= 0):
        return None
    return log(value) if ratio else value
