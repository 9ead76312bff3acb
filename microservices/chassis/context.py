"""What the process knows about the request it is serving: identity, deadline, time spent elsewhere.

One contextvar holds the whole of it, so that the database and the peers can account for a call
without every function passing it on.
"""

import asyncio
import os
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Timings:
    """Seconds spent in databases and in calls to peers, by a request and its calls in memory."""

    db: float = 0.0
    peers: dict[str, float] = field(default_factory=dict)

    def add_peer(self, peer: str, seconds: float) -> None:
        self.peers[peer] = self.peers.get(peer, 0.0) + seconds


@dataclass(slots=True)
class Context:
    """One request. `deadline` is in the loop's clock, `raw` the body, `body` what it holds."""

    request_id: str
    deadline: float
    method: str = ""
    path: str = ""
    timings: Timings = field(default_factory=Timings)
    token: str = ""
    verified: bool = False
    user_id: str = ""
    staff: bool = False
    idempotency_key: str = ""
    raw: bytes = b""
    body: Any = None
    poison: str = ""  # see faults.py

    def remaining(self) -> float:
        """Seconds until the deadline, never negative."""
        return max(0.0, self.deadline - asyncio.get_running_loop().time())

    def child(self, deadline: float, method: str = "", path: str = "") -> "Context":
        """The context of a call made for this request: same id, identity and account of time."""
        child = Context(self.request_id, min(deadline, self.deadline), method, path, self.timings)
        child.token, child.verified = self.token, self.verified
        child.user_id, child.staff = self.user_id, self.staff
        child.poison = self.poison
        return child


_current: ContextVar[Context] = ContextVar("request_context")


def activate(context: Context) -> None:
    """Makes `context` the current one of this task."""
    _current.set(context)


def current() -> Context:
    """The context of the running task; LookupError outside of one."""
    return _current.get()


def current_or_none() -> Context | None:
    """The context of the running task, if it has one."""
    return _current.get(None)


def new_request_id() -> str:
    """16 hexadecimal digits: unique enough to find a request in a log."""
    return os.urandom(8).hex()


def start_background(name: str, seconds: float) -> Context:
    """Gives the running background task a fresh context that ends `seconds` from now."""
    deadline = asyncio.get_running_loop().time() + seconds
    context = Context(f"{name}-{new_request_id()}", deadline)
    _current.set(context)
    return context


_given_up: set[asyncio.Task[Any]] = set()  # a task that nobody holds may be collected


async def give_up_after(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, or TimeoutError on time even where its end is not in our hands.

    `asyncio.timeout` waits until the cancelled work has ended, and a driver that cancels its
    statement at a server that hangs takes seconds over it. Here that end is not waited for.
    """
    task = asyncio.create_task(work)
    done, _ = await asyncio.wait({task}, timeout=max(0.0, seconds))
    if done:
        return task.result()
    _given_up.add(task)
    task.add_done_callback(_given_up.discard)
    task.add_done_callback(seen)
    task.cancel()
    raise TimeoutError


def seen(task: asyncio.Future[Any]) -> None:
    """Takes the outcome that nobody waits for, so that asyncio does not report it as lost."""
    if not task.cancelled():
        task.exception()
