"""One ACID transaction, tried again after a deadlock or serialization failure, counted."""

import logging
import random
import threading
import time
from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

import psycopg
from django.db import OperationalError, transaction

from monolith.common.clock import CLOCK

Result = TypeVar("Result")

MAX_RETRIES = 3
_LONGEST_PAUSE_SECONDS = 0.02
_TRANSIENT = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)

logger = logging.getLogger(__name__)


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
            return _run_once(work)
        except OperationalError as error:
            if not isinstance(error.__cause__, _TRANSIENT):
                raise
            RETRIES.count(type(error.__cause__).__name__)
            time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS * 2**attempt))
    return _run_once(work)


def _run_once(work: Callable[[], Result]) -> Result:
    with transaction.atomic():
        result = work()
        finished = perf_counter()
    CLOCK.db_seconds += perf_counter() - finished  # the commit, which no execute wrapper sees
    return result
