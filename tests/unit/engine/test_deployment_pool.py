"""Deployments started side by side: all of them or none, and none is left."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, cast

import pytest

from bench.deployments.base import Deployment
from bench.engine.deployment_pool import start_together
from bench.errors import ShopbenchError

NAMES = ("monolith", "modular", "monolith#2")
MEET_S = 20.0


class Member:
    """Starts and stops only when all the others do so at the same time."""

    def __init__(self, meeting: threading.Barrier) -> None:
        self._meeting = meeting
        self.started = self.stopped = False

    def __enter__(self) -> Deployment:
        self._meeting.wait(MEET_S)
        self.started = True
        return cast(Deployment, self)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._meeting.wait(MEET_S)
        self.stopped = True


class Slow(Member):
    """Starts for ever, until it is ended."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self.started = self.stopped = False

    def __enter__(self) -> Deployment:
        self.started = True
        assert self._ended.wait(MEET_S)
        raise ShopbenchError("the supervisor ended during the start")

    def __exit__(self, *_: object) -> None:
        self.stopped = True
        self._ended.set()


class Broken(Slow):
    def __enter__(self) -> Deployment:
        raise ShopbenchError("PostgreSQL did not start: no space left on device", 3)


def openers(**kinds: Any) -> dict[str, Callable[[], Any]]:
    return {name: lambda made=made: made for name, made in kinds.items()}


def test_members_start_and_stop_at_the_same_time() -> None:
    meeting = threading.Barrier(len(NAMES))
    members = {name: Member(meeting) for name in NAMES}
    with start_together(openers(**members), NAMES) as pool:
        assert list(pool.members) == list(NAMES)
        assert pool.members == members
        assert not any(member.stopped for member in members.values())
    assert all(member.stopped for member in members.values())


def test_one_that_does_not_start_ends_the_others() -> None:
    alone = threading.Barrier(1)
    members = {"modular": Slow(), "monolith#2": Broken(), "monolith": Member(alone)}
    with (
        pytest.raises(ShopbenchError, match="monolith#2 did not start: .* no space left") as raised,
        start_together(openers(**members), list(members)),
    ):
        pytest.fail("the block ran without all members")
    assert raised.value.exit_code == 3
    assert members["modular"].stopped
    assert members["monolith"].stopped == members["monolith"].started
    assert not members["monolith#2"].stopped


def test_an_error_in_the_block_stops_all_and_is_the_news() -> None:
    members = {name: Member(threading.Barrier(1)) for name in NAMES}
    with (
        pytest.raises(ZeroDivisionError),
        start_together(openers(**members), NAMES),
    ):
        raise ZeroDivisionError
    assert all(member.stopped for member in members.values())
