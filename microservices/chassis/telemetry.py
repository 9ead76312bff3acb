"""Request ids and Server-Timing, which each response carries, and the process's log format."""

import logging
import re
from collections.abc import Sequence

from aiohttp.http_exceptions import HttpProcessingError

from microservices.chassis.context import Timings, new_request_id

REQUEST_ID = "X-Request-ID"
SERVER_TIMING = "Server-Timing"
_well_formed = re.compile(r"[A-Za-z0-9._-]{1,64}").fullmatch
_database = re.compile(r"(?:^|,)\s*db;dur=([0-9.]+)").search


def request_id(offered: Sequence[str]) -> str:
    """The caller's id when there is one and it is well formed, else a new one."""
    if len(offered) == 1 and _well_formed(offered[0]):
        return offered[0]
    return new_request_id()


def server_timing(app_seconds: float, timings: Timings) -> str:
    """`app`, `db` and an entry per peer, in milliseconds (W3C Server-Timing)."""
    value = f"app;dur={app_seconds * 1e3:.3f}, db;dur={timings.db * 1e3:.3f}"
    for peer, seconds in timings.peers.items():
        value += f", {peer};dur={seconds * 1e3:.3f}"
    return value


def database_seconds(header: str | None) -> float:
    """The `db` entry of a peer's Server-Timing, in seconds; 0 without one."""
    found = _database(header) if header else None
    return float(found.group(1)) / 1e3 if found else 0.0


def configure_logging(level: str) -> None:
    """One line a record on stderr."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True
    )
    logging.getLogger("aiohttp.server").addFilter(_is_ours)
    # The pool announces each reconnection attempt; its errors reach the caller as answers.
    logging.getLogger("psycopg.pool").setLevel(max(logging.ERROR, logging.getLogger().level))


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether a record is about us: what a client sent wrong is only answered."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)
