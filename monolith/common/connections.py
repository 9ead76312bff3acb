"""The class of the pool's connections. Apart from `database`, because the settings name it."""

from time import monotonic
from typing import Any

import psycopg


class TrackedConnection(psycopg.Connection[Any]):
    """Remembers when a connect last failed: the pool itself retries in silence."""

    last_failure = float("-inf")

    @classmethod
    def connect(cls, *args: Any, **kwargs: Any) -> "TrackedConnection":
        try:
            return super().connect(*args, **kwargs)
        except psycopg.OperationalError:
            TrackedConnection.last_failure = monotonic()
            raise
