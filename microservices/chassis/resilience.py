"""What keeps one slow or dead peer from taking its callers along: breaker, bulkhead, retry budget.

Pure state machines over an injected clock; `http_transport.py` uses one set per peer.
"""

from collections import deque

BREAKER_WINDOW_SECONDS = 10.0
BREAKER_MIN_CALLS = 20
BREAKER_FAILURE_SHARE = 0.5
BREAKER_OPEN_SECONDS = 1.0
RETRY_SHARE = 0.1
RETRY_RESERVE = 5.0


class Breaker:
    """Opens when at least half of the calls of the last 10 s (20 or more) failed; probes after 1 s.

    `admit` hands out the current generation; an outcome of an earlier one decides nothing any more.
    """

    def __init__(self) -> None:
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=200)
        self._failures = 0
        self._generation = 0
        self._open_until: float | None = None
        self._probing = False

    def admit(self, now: float) -> int | None:
        """The generation a call may go out in, None if it may not. Half open: one probe."""
        if self._open_until is not None:
            if now < self._open_until or self._probing:
                return None
            self._probing = True
        return self._generation

    def record(self, now: float, generation: int, succeeded: bool) -> None:
        """The outcome of an admitted call."""
        if generation != self._generation:
            return
        if self._open_until is None:
            self._remember(now, succeeded)
            if not succeeded and self._too_many_failures():
                self._open(now)
        elif succeeded:
            self._close()
        else:
            self._open(now)

    def abandon(self, generation: int) -> None:
        """An admitted call ended without an outcome: it must not block the next probe."""
        if generation == self._generation:
            self._probing = False

    def _too_many_failures(self) -> bool:
        calls = len(self._outcomes)
        return calls >= BREAKER_MIN_CALLS and self._failures >= BREAKER_FAILURE_SHARE * calls

    def _open(self, now: float) -> None:
        self._open_until = now + BREAKER_OPEN_SECONDS
        self._generation += 1
        self._probing = False

    def _close(self) -> None:
        self._open_until = None
        self._generation += 1
        self._probing = False
        self._outcomes.clear()
        self._failures = 0

    def _remember(self, now: float, succeeded: bool) -> None:
        outcomes = self._outcomes
        if len(outcomes) == outcomes.maxlen:
            self._forget_oldest()
        outcomes.append((now, succeeded))
        self._failures += not succeeded
        while outcomes[0][0] < now - BREAKER_WINDOW_SECONDS:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        _, succeeded = self._outcomes.popleft()
        self._failures -= not succeeded


class RetryBudget:
    """Retries are at most 10 % of calls, and a small reserve for peers that are seldom called."""

    def __init__(self) -> None:
        self._tokens = RETRY_RESERVE

    def deposit(self) -> None:
        """A first try was made."""
        self._tokens = min(self._tokens + RETRY_SHARE, 2 * RETRY_RESERVE)

    def withdraw(self) -> bool:
        """Takes the right to one retry, if there is one."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class Bulkhead:
    """A bounded number of calls at once; the next one is refused, not queued."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.active = 0

    def enter(self) -> bool:
        if self.active >= self._limit:
            return False
        self.active += 1
        return True

    def leave(self) -> None:
        self.active -= 1
