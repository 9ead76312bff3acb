"""Django's argon2id with the contract's parameters, a few at a time.

A hash takes the core for as long as some ten reads. Who waits for one holds no connection, and no
place that another component could use (see `AdmissionMiddleware`).
"""

import threading

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

from monolith.common.clock import CLOCK
from monolith.common.errors import Overloaded

_hashing = threading.Semaphore(settings.SHOP.password_threads)


class ShopArgon2PasswordHasher(Argon2PasswordHasher):
    time_cost = 2
    memory_cost = 19_456
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _Turn():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _Turn():
            return super().verify(password, encoded)


class _Turn:
    def __enter__(self) -> None:
        """Raises Overloaded if the turn does not come before the deadline."""
        if not _hashing.acquire(timeout=CLOCK.seconds_left()):
            raise Overloaded

    def __exit__(self, *error: object) -> None:
        _hashing.release()
