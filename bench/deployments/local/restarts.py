"""The restart policy of `local`: what ends by itself is started again at once, as systemd does.

`Deaths` says when that is given up. Who is started again, and when not, is in `managed`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

RESTART_SECONDS = 0.1  # systemd's RestartSec
MOST_DEATHS = 5  # the fifth within this time is the last: systemd's StartLimitBurst
WITHIN_SECONDS = 30.0

# Set when this process is about to end all it has started: from then on nothing is started again.
ENDING = threading.Event()


class Deaths:
    """When a component has ended by itself, and how often it was started again."""

    def __init__(self) -> None:
        self.restarts = 0
        self._moments: deque[float] = deque(maxlen=MOST_DEATHS)

    def one_more(self, now: float) -> bool:
        """Count a death at `now` (monotonic seconds); False if it has been the last."""
        self._moments.append(now)
        full = len(self._moments) == MOST_DEATHS
        return not (full and now - self._moments[0] <= WITHIN_SECONDS)

    def forget(self) -> None:
        """Somebody has looked after it: count from nothing."""
        self._moments.clear()


def watch_for_end(name: str, wait_ended: Callable[[], None], ended: Callable[[], None]) -> None:
    """Call `ended` in a thread of its own, a moment after what `wait_ended` waits for."""

    def watch() -> None:
        wait_ended()
        if not ENDING.wait(RESTART_SECONDS):
            ended()

    threading.Thread(target=watch, name=f"watch-{name}", daemon=True).start()
