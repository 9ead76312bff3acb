"""One ACID transaction, tried again after a deadlock or serialization failure, counted."""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg
from django.db import OperationalError, transaction

Result = TypeVar("Result")

MAX_RETRIES = 3
_LONGEST_PAUSE_SECONDS = 0.02

logger = logging.getLogger(__name__)


class Again(Exception):
    """The transaction lost a race that its next attempt will see settled."""


class RetryCounter:
    """How many transactions of this process were tried again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.total = 0

    def count(self, reason: str) -> None:
        with self._lock:
            self.total += 1
        logger.info("transaction tried again (%s), %d so far", reason, self.total)


RETRIES = RetryCounter()


def run_transaction(work: Callable[[], Result]) -> Result:
    """Run `work` in one transaction; at most 3 retries, each after a jittered pause."""
    for attempt in range(MAX_RETRIES):
        try:
            with transaction.atomic():
                return work()
        except (OperationalError, Again) as error:
            if not _is_transient(error):
                raise
            RETRIES.count(type(error.__cause__ or error).__name__)
            time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS * 2**attempt))
    with transaction.atomic():
        return work()


def _is_transient(error: Exception) -> bool:
    return isinstance(error, Again) or isinstance(
        error.__cause__,
        psycopg.errors.SerializationFailure | psycopg.errors.DeadlockDetected,
    )
