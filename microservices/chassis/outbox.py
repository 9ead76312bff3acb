"""The transactional outbox: events committed with the state they follow from, delivered at least
once.

No connection is held while a handler runs. A claimed row is invisible to other relays until its
next attempt is due, so a relay that dies in between delays its events and loses none.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

import msgspec
from msgspec import Struct

from microservices.chassis.context import start_background
from microservices.chassis.database import Connection, Database
from microservices.chassis.errors import ApiError
from microservices.chassis.faults import DropReply

POLL_SECONDS = 0.5  # fallback: rows of other processes, and retries that became due
BATCH = 32
DELIVERY_SECONDS = 2.5
_ADD = "INSERT INTO outbox (topic, subject_id, payload) VALUES (%s, %s, %s::jsonb)"
# A claim lasts longer than a delivery may take (2.5 s), so an event is not out twice at once; the
# back-off between attempts is capped at 5 s.
_CLAIM = """
UPDATE outbox SET attempts = attempts + 1,
       next_attempt_at = clock_timestamp() + least(5.0, 3.0 + 0.5 * attempts) * interval '1 second'
WHERE event_id IN (
  SELECT event_id FROM outbox WHERE next_attempt_at <= now()
  ORDER BY next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING event_id::text, topic, subject_id::text, payload::text, attempts"""
_DELETE = "DELETE FROM outbox WHERE event_id = ANY(%s::uuid[])"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `payload` is JSON, `attempts` counts this delivery too."""

    event_id: str
    topic: str
    subject_id: str
    payload: bytes
    attempts: int


EventHandler: TypeAlias = Callable[[Event], Awaitable[None]]


class Outbox:
    """The outbox of one component in this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._work = asyncio.Event()

    async def add(
        self, connection: Connection, topic: str, subject_id: str, payload: Struct
    ) -> None:
        """Adds an event to the caller's transaction."""
        await connection.execute(_ADD, (topic, subject_id, msgspec.json.encode(payload).decode()))

    def wake(self) -> None:
        """Tells the relay of this process that events were committed."""
        self._work.set()

    async def relay(self, handlers: Mapping[str, EventHandler]) -> NoReturn:
        """Delivers for ever: on `wake`, and on a poll as fallback."""
        while True:
            try:
                more = await self._deliver_batch(handlers)
            except ApiError as error:  # the database is out of reach: nothing was claimed
                _log.warning("outbox of %s: %s", self._database.name, error.detail)
                more = False
            if not more:
                await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._work.wait()
        except TimeoutError:
            pass
        self._work.clear()

    async def _deliver_batch(self, handlers: Mapping[str, EventHandler]) -> bool:
        """Claims, delivers and deletes one batch; whether there may be more."""
        start_background("outbox", DELIVERY_SECONDS)
        rows = await self._database.fetch_all(_CLAIM, (BATCH,))
        if not rows:
            return False
        events = [Event(row[0], row[1], row[2], row[3].encode(), row[4]) for row in rows]
        delivered = await asyncio.gather(*(_deliver(handlers, event) for event in events))
        done = [event.event_id for event, ok in zip(events, delivered, strict=True) if ok]
        if done:
            await self._database.execute(_DELETE, (done,))
        return len(rows) == BATCH


async def _deliver(handlers: Mapping[str, EventHandler], event: Event) -> bool:
    """One delivery; whatever goes wrong is logged, and the event stays for its next attempt."""
    try:
        async with asyncio.timeout(DELIVERY_SECONDS):
            await handlers[event.topic](event)
    except (ApiError, TimeoutError, DropReply) as error:
        _log.info(
            "event %s (%s) attempt %d: %r", event.event_id, event.topic, event.attempts, error
        )
        return False
    except Exception:
        _log.exception("event %s (%s) attempt %d", event.event_id, event.topic, event.attempts)
        return False
    return True
