"""Configuration of gunicorn (`-c python:monolith.config.gunicorn`), driven by `env`.

Draining on SIGTERM: readiness goes off, DRAIN_SECONDS later the listener closes, what is in flight
gets `graceful_timeout`. Gunicorn alone would close the listener at once.
"""

import gc
import logging
import os
import time
from types import MethodType
from typing import Any

from monolith.common import drain, places
from monolith.config.env import load_or_exit, require_signing_key

_ENVIRONMENT = load_or_exit(os.environ)
require_signing_key(_ENVIRONMENT)

bind = _ENVIRONMENT.bind
workers = _ENVIRONMENT.workers
threads = _ENVIRONMENT.threads
worker_class = "monolith.config.worker.ShopWorker"
worker_connections = max(1000, 4 * threads)
preload_app = True  # a killed worker is back after a fork, not after an import
keepalive = 75
graceful_timeout = 10
limit_request_line = 8190
limit_request_field_size = 8190
# Nobody stands before it: no header of a client moves the path or the scheme.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
accesslog = None
errorlog = "-"
loglevel = _ENVIRONMENT.log_level.lower()
control_socket_disable = True


def on_starting(server: Any) -> None:
    """Put the drain before the arbiter's own SIGTERM, and keep clients' errors off the log."""
    stop = server.handle_term

    def drain_then_stop(self: Any) -> None:
        drain.enter(drain.DRAINING)
        time.sleep(_ENVIRONMENT.drain_seconds)
        drain.enter(drain.LISTENER_CLOSING)
        stop()

    server.handle_term = MethodType(drain_then_stop, server)
    server.log.error_log.addFilter(_is_no_client_error)


def _is_no_client_error(record: logging.LogRecord) -> bool:
    """Gunicorn logs every bad request with what was bad in it, however long."""
    return not str(record.msg).startswith("Invalid request from ")


def pre_fork(server: Any, worker: Any) -> None:
    """Give the worker the lowest number that no living one has, and a heap of its requests only.

    As the manual of `gc` advises: full collections then take 1 ms, with Django in them 45 to 65 ms.
    """
    gc.collect()
    gc.freeze()
    taken = {other.number for other in server.WORKERS.values()}
    rows = 2 * workers + 1  # of `places`: a reload has twice as many for a while
    worker.number = min(set(range(rows)) - taken, default=rows - 1)


def post_worker_init(worker: Any) -> None:
    """Open the pool now: the first requests are not to pay for its connections."""
    places.count_as(worker.number)
    from django.db import connection  # noqa: PLC0415 - a worker has its settings by now

    # 16 do not go into three: the first workers have what is left over.
    extra = int(worker.number < _ENVIRONMENT.pool_left_over)
    pool = connection.settings_dict["OPTIONS"]["pool"]
    pool["min_size"] = pool["max_size"] = pool["max_size"] + extra
    connection.pool.open()


def child_exit(server: Any, worker: Any) -> None:
    """What a worker held when it ended is free again."""
    places.clear(worker.number)


def pre_request(worker: Any, request: Any) -> None:
    """Keep a repeated Idempotency-Key apart from one that contains a comma: WSGI joins them."""
    if request.method != "POST":
        return
    keys = [header for header in request.headers if header[0] == "IDEMPOTENCY-KEY"]
    if len(keys) > 1:
        others = [header for header in request.headers if header[0] != "IDEMPOTENCY-KEY"]
        request.headers = [*others, ("IDEMPOTENCY-KEY", "")]
