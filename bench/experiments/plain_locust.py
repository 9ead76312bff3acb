"""Plain Locust as everybody runs it: FastHttpUser in a closed loop. The yardstick of our source.

    python -m bench.experiments.plain_locust URL SECONDS USERS

A process of its own, because Locust patches the standard library. Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
from time import perf_counter

import gevent
from locust import FastHttpUser, constant, task
from locust.env import Environment

_PATH = "/api/v1/products/00000000-0000-7000-8000-000000000001"
_RAMP_S = 0.7


class Client(FastHttpUser):  # type: ignore[misc]  # Locust has no types
    """The next request as soon as the last one is answered."""

    wait_time = constant(0)

    @task  # type: ignore[untyped-decorator]
    def read(self) -> None:
        self.client.get(_PATH)


def main() -> None:
    """Measure for the given seconds after everybody has started."""
    url, seconds, users = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    environment = Environment(user_classes=[Client], host=url)
    environment.create_local_runner().start(users, spawn_rate=users)
    gevent.sleep(_RAMP_S)
    total = environment.stats.total
    first, start = total.num_requests, perf_counter()
    gevent.sleep(seconds)
    rps = (total.num_requests - first) / (perf_counter() - start)
    print(json.dumps({"rps": rps, "failures": total.num_failures}), flush=True)
    os._exit(0)  # its users are in the middle of requests


if __name__ == "__main__":
    main()
