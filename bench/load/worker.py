"""The load process: `python -m bench.load.worker`, driven over stdin by `generator.LoadProcess`.

One line in is the path of a plan; one line out is JSON, `{"result": path}` or `{"error": text}`.
Of several load processes each says `{"ready": ...}` in between and is told the common zero.
It stays up between trials (an interpreter with Locust takes a second to start) and goes when
stdin closes, also in the middle of a trial, so that it never outlives its parent.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import gevent
from gevent.fileobject import FileObjectPosix
from gevent.queue import Queue
from locust.env import Environment

from bench.load.custom import CustomLoad
from bench.load.plan import Plan, Result, read_plan, write_message
from bench.load.source import ArrivalSource, Replay

_START_TIMEOUT_S = 10.0


def main() -> None:
    """Serve plans until stdin closes; then remove the scratch folder named by the argument."""
    plans: Queue[str] = Queue()
    gevent.spawn(_read_plans, plans, sys.argv[1])
    custom = CustomLoad()
    while True:
        path = Path(plans.get())
        try:
            result_path = path.with_suffix(".result")
            plan = read_plan(path)
            agree_zero = partial(_common_zero, plans) if plan.common_zero else None
            result = (
                custom.serve(plan) if plan.locustfile else run_plan(plan, agree_zero=agree_zero)
            )
            write_message(result_path, result)
            reply = {"result": str(result_path)}
        except Exception as exc:  # noqa: BLE001 - the border of this process: the parent is told
            reply = {"error": f"{type(exc).__name__}: {exc}"}
        _say(reply)


def run_plan(
    plan: Plan,
    environment: Environment | None = None,
    agree_zero: Callable[[], float] | None = None,
) -> Result:
    """Run one plan in a Locust environment of its own. Raises TimeoutError if it hangs."""
    if not plan.visits:
        raise ValueError("the plan has no visits")
    environment = environment or Environment(user_classes=[ArrivalSource], host=plan.base_url)
    replay = Replay(plan, environment.events.request, agree_zero)
    ArrivalSource.replay = replay
    runner = environment.create_local_runner()
    # A collection in the middle of a trial is a pause of milliseconds; little here makes cycles.
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        runner.start(1, spawn_rate=1)
        limit = plan.measured_to_s + plan.drain_s + plan.request_timeout_s + _START_TIMEOUT_S
        if not replay.done.wait(timeout=limit):
            raise TimeoutError(f"the trial did not end within {limit:.0f} s")
        return replay.result()
    finally:
        gc.enable()
        gc.unfreeze()
        runner.quit()


def _common_zero(lines: Queue[str]) -> float:
    """Say that all is ready here; the parent answers with the zero when all workers are."""
    _say({"ready": "yes"})
    return float(lines.get(timeout=_START_TIMEOUT_S))


def _say(reply: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()


def _read_plans(plans: Queue[str], scratch: str) -> None:
    with FileObjectPosix(sys.stdin.fileno(), "rb", close=False) as lines:
        for line in lines:
            plans.put(line.decode().strip())
    shutil.rmtree(scratch, ignore_errors=True)  # a parent that was killed did not
    os._exit(0)  # nothing is left to tell and nobody to tell it


if __name__ == "__main__":
    main()
