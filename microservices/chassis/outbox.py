"""The transactional outbox: events are committed with their cause and delivered at least once.

No connection is held while a handler runs. A claimed row is invisible to other relays until its
next attempt is due, so a relay that dies in between delays its events and loses none. Components
insert their events with the statement that commits the state (topic, subject_id, payload), and wake
the relay after it; events of another process or of a delivery that failed are found by a slow poll.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from microservices.chassis.context import start_background
from microservices.chassis.database import Database
from microservices.chassis.errors import ApiError
from microservices.chassis.faults import DropReply

POLL_SECONDS = 1.0
BATCH = 200
ANSWER_SECONDS = 0.005  # the answer to whoever committed leaves first
# Each event of a batch puts the next one off: a lone order is settled at once, and of a stream of
# more than 20 a second a quarter of a second is delivered in one call.
EVENT_SECONDS, GATHER_SECONDS = 0.05, 0.25
DELIVERY_SECONDS = 2.5
# A claim lasts longer than a delivery may take (2.5 s), so an event is not out twice at once; the
# back-off between attempts is capped at 5 s.
CLAIM = """
UPDATE outbox SET attempts = attempts + 1,
       next_attempt_at = clock_timestamp() + least(5.0, 3.0 + 0.5 * attempts) * interval '1 second'
WHERE event_id IN (
  SELECT event_id FROM outbox WHERE next_attempt_at <= now()
  ORDER BY next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING event_id::text, topic, subject_id::text, payload::text, attempts"""
DELETE = "DELETE FROM outbox WHERE event_id = ANY(%s::uuid[])"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `payload` is JSON, `attempts` counts this delivery too."""

    event_id: str
    topic: str
    subject_id: str
    payload: bytes
    attempts: int


# Gets a batch of one topic; returns the events that are delivered (an exception: none of them).
EventHandler: TypeAlias = Callable[[Sequence[Event]], Awaitable[Sequence[Event]]]


class Pace:
    """When a relay looks for events: soon after a commit, not too often, and now and then."""

    def __init__(self) -> None:
        self._committed = asyncio.Event()

    def wake(self) -> None:
        """Says that events may have been committed."""
        self._committed.set()

    async def pause(self, events: int) -> None:
        """Waits after a batch of so many events until there may be others."""
        await asyncio.sleep(min(GATHER_SECONDS, events * EVENT_SECONDS))
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._committed.wait()
            await asyncio.sleep(ANSWER_SECONDS)
        self._committed.clear()


class Outbox:
    """The outbox of one component in this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pace = Pace()

    def wake(self) -> None:
        """Delivers soon; for whoever has committed an event, or may have."""
        self._pace.wake()

    async def relay(self, handlers: Mapping[str, EventHandler]) -> NoReturn:
        """Delivers for ever, a batch of each topic at a time.

        What gathers meanwhile is delivered in one call, so that under load an event costs a
        fraction of a claim, a call and a deletion.
        """
        while True:
            try:
                claimed = await self._deliver_batch(handlers)
            except ApiError as error:  # the database is out of reach: nothing was claimed
                _log.warning("outbox of %s: %s", self._database.name, error.detail)
                await asyncio.sleep(GATHER_SECONDS)
                claimed = 0
            if claimed < BATCH:
                await self._pace.pause(claimed)

    async def _deliver_batch(self, handlers: Mapping[str, EventHandler]) -> int:
        """Claims, delivers and deletes one batch; how many events were claimed."""
        start_background("outbox", DELIVERY_SECONDS)
        rows = await self._database.fetch_all(CLAIM, (BATCH,))
        if not rows:
            return 0
        by_topic: dict[str, list[Event]] = {}
        for row in rows:
            event = Event(row[0], row[1], row[2], row[3].encode(), row[4])
            by_topic.setdefault(event.topic, []).append(event)
        delivered = await asyncio.gather(
            *(_deliver(handlers[topic], events) for topic, events in by_topic.items())
        )
        done = [event.event_id for events in delivered for event in events]
        if done:
            await self._database.execute(DELETE, (done,))
        return len(rows)


async def _deliver(handler: EventHandler, events: Sequence[Event]) -> Sequence[Event]:
    """One delivery; whatever goes wrong is logged, and the events stay for their next attempt."""
    try:
        async with asyncio.timeout(DELIVERY_SECONDS):
            return await handler(events)
    except (ApiError, TimeoutError, DropReply) as error:
        _log.info("%d events of %s, delivery failed: %r", len(events), events[0].topic, error)
    except Exception:
        _log.exception("%d events of %s, delivery failed", len(events), events[0].topic)
    return ()
