"""What a trial is run against: an endpoint with tokens that can say what it used."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

import psycopg

from bench.deployments.base import Deployment, Usage
from bench.load.generator import Target

OUTBOX_LIMIT_S = 10.0
OUTBOX_VIEW = "audit_outbox"
_POLL_S = 0.02
_COUNT_OUTBOX = f"SELECT count(*) FROM {OUTBOX_VIEW}".encode()


class Subject(Protocol):
    """A system under test."""

    @property
    def name(self) -> str:
        """Its name in the results."""

    @property
    def target(self) -> Target:
        """Where to send the load and as whom."""

    def usage(self) -> Mapping[str, Usage]:
        """CPU so far and memory now, by component."""

    def settle(self) -> int | None:
        """Wait for background work to end, at most 10 s; what is left, None if not readable."""


class DeploymentSubject:
    """A deployment behind its public address."""

    def __init__(self, deployment: Deployment, tokens: list[str]) -> None:
        self._deployment = deployment
        self._tokens = tokens
        self._outbox: psycopg.Connection | None = None

    @property
    def name(self) -> str:
        return self._deployment.name

    @property
    def target(self) -> Target:
        return Target(self._deployment.base_url, self._tokens)

    def usage(self) -> Mapping[str, Usage]:
        return self._deployment.usage()

    def settle(self) -> int | None:
        deadline = time.monotonic() + OUTBOX_LIMIT_S
        try:
            while (left := self._outbox_events()) and time.monotonic() < deadline:
                time.sleep(_POLL_S)
        except psycopg.Error:
            self.close()
            return None
        return left

    def close(self) -> None:
        """Close the connection to the audit view."""
        if self._outbox is not None:
            self._outbox.close()
            self._outbox = None

    def _outbox_events(self) -> int:
        if self._outbox is None:
            dsn = self._deployment.database_dsn("orders")
            self._outbox = psycopg.connect(dsn, autocommit=True, connect_timeout=5)
        row = self._outbox.execute(_COUNT_OUTBOX).fetchone()
        return int(row[0]) if row else 0


def usage_between(
    first: Mapping[str, Usage], last: Mapping[str, Usage]
) -> dict[str, tuple[float, int]]:
    """CPU seconds spent between two readings, and memory at the second, by component."""
    spent = {}
    for name, usage in last.items():
        before = first[name].cpu_seconds if name in first else 0.0
        # a component that was started again counts from zero
        spent[name] = (
            usage.cpu_seconds - before if usage.cpu_seconds >= before else usage.cpu_seconds,
            usage.pss_bytes,
        )
    return spent
