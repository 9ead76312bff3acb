"""Only the timer, no HTTP: how late this machine wakes a process that has nothing else to do.

    python -m bench.experiments.selftest.pacing_control RATE SECONDS SEED

The control for the send lag of the load: what is late here too is the machine's doing. Prints one
line of JSON, the wakes' lateness in ms.
"""

from __future__ import annotations

import json
import random
import sys
from time import perf_counter

from bench.load.pacer import make_pacer


def main() -> None:
    """Wait for Poisson arrivals of the given rate."""
    rate, seconds, rng = float(sys.argv[1]), float(sys.argv[2]), random.Random(sys.argv[3])
    pacer, late_ms = make_pacer(), []
    due = zero = perf_counter() + 0.1
    while due < zero + seconds:
        pacer.wait_until(due)
        late_ms.append((perf_counter() - due) * 1000)
        due += rng.expovariate(rate)
    print(json.dumps(late_ms))


if __name__ == "__main__":
    main()
