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
import json
import locust, gevent
from time import perf_counter
"""


def in_load_process(body: str) -> Any:
    """What the code prints as JSON."""
    code = PRELUDE + textwrap.dedent(body)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
