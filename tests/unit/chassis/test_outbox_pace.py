"""When the outbox relay looks for events."""

import asyncio
import time

import pytest

from microservices.chassis import outbox
from microservices.chassis.outbox import GATHER_SECONDS, Pace

NEVER = 3600.0


@pytest.fixture
def no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a commit ends a pause."""
    monkeypatch.setattr(outbox, "POLL_SECONDS", NEVER)


@pytest.mark.usefixtures("no_poll")
async def test_a_commit_ends_the_pause() -> None:
    pace = Pace()
    pause = asyncio.create_task(pace.pause(0))
    done, _ = await asyncio.wait({pause}, timeout=0.05)
    assert not done
    pace.wake()
    await asyncio.wait_for(pause, 10.0)


@pytest.mark.usefixtures("no_poll")
async def test_a_commit_before_the_pause_is_not_missed() -> None:
    pace = Pace()
    pace.wake()
    await asyncio.wait_for(pace.pause(1), 10.0)


@pytest.mark.usefixtures("no_poll")
async def test_commits_end_one_pause_and_not_the_next() -> None:
    pace = Pace()
    pace.wake()
    pace.wake()
    await asyncio.wait_for(pace.pause(0), 10.0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pace.pause(0), 0.05)


async def test_without_a_commit_it_looks_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 0.01)
    await asyncio.wait_for(Pace().pause(0), 10.0)


@pytest.mark.parametrize(("events", "seconds"), [(0, 0.0), (1, 0.05), (100, GATHER_SECONDS)])
async def test_under_load_events_gather(events: int, seconds: float) -> None:
    pace = Pace()
    pace.wake()
    started = time.monotonic()
    await pace.pause(events)
    assert time.monotonic() - started >= seconds
