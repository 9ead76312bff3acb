"""What requests of a server that works on one at a time would have taken with less work each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def without_extra(arrived: Floats, done: Floats, extra: Floats) -> Floats:
    """When each request would have been done without its `extra` work; all (n,), in one unit.

    Sorted by arrival, served in that order. The work of a request is what lies between its
    departure and its arrival or the departure before, whichever is later; without the extra all
    departures follow from the same recursion (Lindley 1952, The theory of queues with a single
    server), so that waits which the extra work of others caused go too.
    """
    if not done.size:
        return done
    before = np.concatenate([[-np.inf], np.maximum.accumulate(done)[:-1]])
    work = done - np.maximum(arrived, before) - extra
    total = np.cumsum(work)
    return total + np.maximum.accumulate(arrived - (total - work))
