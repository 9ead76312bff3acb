"""Configuration of gunicorn (`-c python:monolith.config.gunicorn`), driven by `env`.

Draining on SIGTERM: readiness goes off, DRAIN_SECONDS later the listener closes, what is in flight
gets `graceful_timeout`. Gunicorn alone would close the listener at once.
"""

import gc
import os
import time
from types import MethodType
from typing import Any

from monolith.common import drain
from monolith.config.env import load_or_exit, require_signing_key

_ENVIRONMENT = load_or_exit(os.environ)
require_signing_key(_ENVIRONMENT)

bind = _ENVIRONMENT.bind
workers = _ENVIRONMENT.gunicorn_workers
threads = _ENVIRONMENT.gunicorn_threads
worker_class = "monolith.config.worker.ShopWorker"
worker_connections = max(1000, 4 * threads)
preload_app = True  # a killed worker is back after a fork, not after an import
keepalive = 75
graceful_timeout = 10
limit_request_line = 8190
limit_request_field_size = 8190
accesslog = None
errorlog = "-"
loglevel = _ENVIRONMENT.log_level.lower()
control_socket_disable = True


def on_starting(server: Any) -> None:
    """Put the drain before the arbiter's own handling of SIGTERM."""
    stop = server.handle_term

    def drain_then_stop(self: Any) -> None:
        drain.begin()
        time.sleep(_ENVIRONMENT.drain_seconds)
        drain.listener_closes()
        stop()

    server.handle_term = MethodType(drain_then_stop, server)


def pre_fork(server: Any, worker: Any) -> None:
    """As the manual of `gc` advises before a fork: what was imported stays for good.

    A worker's full collections then look at its requests only, not at Django (45 to 65 ms).
    """
    gc.collect()
    gc.freeze()


def pre_request(worker: Any, request: Any) -> None:
    """Keep a repeated Idempotency-Key apart from one that contains a comma: WSGI joins them."""
    if request.method != "POST":
        return
    keys = [header for header in request.headers if header[0] == "IDEMPOTENCY-KEY"]
    if len(keys) > 1:
        others = [header for header in request.headers if header[0] != "IDEMPOTENCY-KEY"]
        request.headers = [*others, ("IDEMPOTENCY-KEY", "")]
