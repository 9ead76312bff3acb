"""Argon2id in a few threads: bounded, because each hash costs 19 MiB and some 20 ms of a core."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from microservices.chassis.errors import Overloaded

T = TypeVar("T")
WAITING_PER_THREAD = 64
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)


class Passwords:
    """Hashes and verifies off the event loop.

    Args:
        bounded: Whether too many waiting callers are refused.
    """

    def __init__(self, threads: int, *, bounded: bool) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._limit = threads * WAITING_PER_THREAD if bounded else 0
        self._waiting = 0
        # Verified when the user is unknown, so that both refusals take the same time.
        self._decoy = _hasher.hash("no user has this password")

    async def hash(self, password: str) -> str:
        return await self._in_thread(lambda: _hasher.hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password is the stored one; as slow for `None` as for a wrong password."""
        matches = await self._in_thread(lambda: _matches(stored or self._decoy, password))
        return matches and stored is not None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if 0 < self._limit <= self._waiting:
            raise Overloaded("Too many passwords are being checked.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
