"""How many requests the edge serves at once, in all and of one component; the others wait a little.

The share of one component is a bulkhead: requests that wait inside it (for a password, a database)
leave slots to those of the others.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from microservices.chassis.errors import Overloaded

SHARE = 2 / 3  # of the slots, for one component
MAX_WAITING = 256  # for each kind of slot: what they hold is bounded, too


class Slots(asyncio.Semaphore):
    """A bounded number of slots, a bounded number of callers who wait, each a bounded time."""

    def __init__(self, count: int, patience_seconds: float) -> None:
        super().__init__(count)
        self._patience = patience_seconds
        self._waiting = 0

    async def take(self) -> None:
        """Takes a slot. Overloaded if none became free in time, or too many wait already."""
        if not self.locked():
            await self.acquire()
            return
        if self._waiting >= MAX_WAITING:
            raise Overloaded("Too many requests are waiting.")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                await self.acquire()
        except TimeoutError:
            raise Overloaded("Too many requests are under way.") from None
        finally:
            self._waiting -= 1


class Admission:
    """The slots of an edge: `limit` in all, two thirds of them at most for one component."""

    def __init__(self, limit: int, patience_seconds: float) -> None:
        share = max(1, int(limit * SHARE))
        self._all = Slots(limit, patience_seconds)
        self._of = defaultdict[str, Slots](lambda: Slots(share, patience_seconds))

    @asynccontextmanager
    async def slot(self, component: str) -> AsyncIterator[None]:
        """A slot of this component for the block."""
        own = self._of[component]
        await own.take()
        try:
            await self._all.take()
            try:
                yield
            finally:
                self._all.release()
        finally:
            own.release()
