"""The request's own clock, one a thread: when it began, its deadline, time spent in the database.

`config.worker` says how long the request had waited for a thread before it began.
"""

import threading
from time import perf_counter


class RequestClock(threading.local):
    """Outside a request there is no deadline: commands and tests run as long as they like."""

    started = 0.0
    deadline = float("inf")
    db_seconds = 0.0
    waited_seconds = 0.0

    def start(self, deadline_seconds: float) -> None:
        """The deadline counts from the request's arrival, whenever a thread took it up."""
        self.started = perf_counter()
        self.deadline = self.started - self.waited_seconds + deadline_seconds
        self.db_seconds = 0.0

    def seconds_left(self) -> float:
        """Until the deadline; a long time where there is none."""
        return max(0.0, min(self.deadline - perf_counter(), threading.TIMEOUT_MAX))

    def stop(self) -> None:
        self.deadline = float("inf")


CLOCK = RequestClock()
