"""The client's own time: what a request takes against a server that answers at once.

It is in every deployment's times alike and pulls their ratios towards 1, so every run states it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from bench.child_python import child_python
from bench.engine.bare_handler_process import die_with_parent
from bench.load.generator import LoadProcess, Rounds, Target

OPERATION = "product_read"  # what the responder answers
SECONDS, GAP_S = 2.0, 0.004


def client_time_ms(load: LoadProcess, cpus: tuple[int, ...]) -> float:
    """Median ms of a request to a responder on the deployments' CPUs. Raises LoadError."""
    with responder(cpus) as base_url:
        rounds = Rounds(OPERATION, seed=1, gap_s=GAP_S, warmup_s=0.5, measured_s=SECONDS)
        (result,) = load.run_rounds([Target(base_url, [])], rounds)
    times_s = np.array(result.done_s) - np.array(result.sent_s)
    return float(np.median(times_s[np.array(result.sent_s) >= rounds.warmup_s])) * 1e3


@contextmanager
def responder(cpus: tuple[int, ...], *options: str) -> Iterator[str]:
    """A server that answers every request at once, for the length of a block; its base URL.

    `options` are the responder's: answers after a delay. It does not outlive us.
    """
    command = child_python("-m", "bench.engine.responder", *options)
    orphaned = die_with_parent if sys.platform == "linux" else None
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=orphaned)
    try:
        pin(process.pid, cpus)
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


def pin(pid: int, cpus: tuple[int, ...]) -> None:
    """Bind a process to cores, where the system can and any are named."""
    if cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, cpus)
