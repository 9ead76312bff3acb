"""Input checks shared by the statistics: everything is a finite one-dimensional float64 array."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench.stats.errors import StatisticsError

Floats: TypeAlias = NDArray[np.float64]
Numbers: TypeAlias = Sequence[float] | NDArray[Any]


def finite_vector(values: Numbers, name: str = "values") -> Floats:
    """Return `values` as a float64 vector; raises StatisticsError unless 1-d and finite."""
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1:
        raise StatisticsError(f"{name}: expected one dimension, got {vector.ndim}")
    if not np.isfinite(vector).all():
        raise StatisticsError(f"{name}: contains a value that is not finite")
    return vector


def check_level(level: float) -> None:
    """Raise StatisticsError unless 0 < level < 1."""
    if not 0.0 < level < 1.0:
        raise StatisticsError(f"confidence level must lie strictly between 0 and 1, got {level}")
