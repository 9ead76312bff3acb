"""Runs code in the load process's own kind of interpreter state: a subprocess, because gevent
patches the standard library for good.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

PRELUDE = """
import json, socket, sys, threading
import locust, gevent
from time import perf_counter
from bench.load.pool import Session, SessionPool
WIRE = b"GET /api/v1/wallet HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"
def scripted(*answers):
    '''A server that reads one request for each answer, on one connection, then closes it.'''
    listener = gevent.socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen()
    def serve():
        while True:
            connection, _ = listener.accept()
            for answer in answers:
                connection.recv(65536)
                connection.sendall(answer)
            connection.close()
    gevent.spawn(serve)
    return listener.getsockname()[1]
"""


def in_load_process(body: str) -> Any:
    """What the code prints as JSON."""
    code = PRELUDE + textwrap.dedent(body)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
