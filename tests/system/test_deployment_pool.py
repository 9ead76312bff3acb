"""A pool of real deployments: up together, and nothing of it outlives its end."""

from __future__ import annotations

import signal
import time

import pytest

from tests.system.conftest import CommandLine, owned

pytestmark = pytest.mark.system

HOLDER = """
import functools, os, signal, sys, threading, time
from bench.deployments.base import UpOptions
from bench.deployments.local.driver import open_deployment
from bench.engine.deployment_pool import start_together

def opener(name, cpu):
    return lambda: open_deployment(name, options=UpOptions(cpus=(cpu,)))

cpu = min(os.sched_getaffinity(0))
openers = {"monolith": opener("monolith", cpu), "modular": opener("modular", cpu)}
openers["monolith#2"] = openers["monolith"]
print("begin", flush=True)
with start_together(openers, ["modular", "monolith#2", "monolith"]) as pool:
    urls = {each.base_url for each in pool.members.values()}
    assert len(urls) == 3 and all(each.ready() for each in pool.members.values())
    for member in pool.members.values():
        for part in member.components():
            assert os.sched_getaffinity(part.pid) == {cpu}, part
    print("up", flush=True)
    time.sleep(100)
"""


def test_nothing_outlives_the_killed_holder_of_a_pool(shopbench: CommandLine) -> None:
    holder = shopbench.start_python(HOLDER)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "begin\n"
    assert holder.stdout.readline() == "up\n", holder.communicate()[1]
    everything = owned(shopbench.home)
    assert len(everything.idents) == 3
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    everything.wait_gone()


def test_a_pool_interrupted_while_it_starts_is_gone_at_once(shopbench: CommandLine) -> None:
    holder = shopbench.start_python(HOLDER)
    deadline = time.monotonic() + 30
    while not (everything := owned(shopbench.home)).ports:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    holder.send_signal(signal.SIGINT)
    _, said = holder.communicate(timeout=30)
    assert "KeyboardInterrupt" in said
    everything.wait_gone()
    assert list(shopbench.home.deployments.iterdir()) == []
