"""Runs cases of several deployments at the same time, each deployment's in order.

Most of a reliability case is waiting (a lease, a restart), so three deployments take little
longer than one. Many cases of one deployment are dealt to two of its kind. A test asks for its
own case's result; only selected cases run.
"""

import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

import pytest

from tests.integration.reliability.lab import Lab, RunningShop

# One process hosts all of `modular`, so almost every `die` there waits for a lease of 10 s.
INSTANCES = {"modular": 2}
MANY_CASES = 20

Case = TypeVar("Case", bound=Hashable)


class SideBySide(Generic[Case]):
    """One thread for each instance; a case's result is kept for the test that asks for it."""

    def __init__(
        self,
        lab: Lab,
        cases: Sequence[tuple[str, Case]],
        run_case: Callable[[RunningShop, Case], None],
    ) -> None:
        self._lab = lab
        self._run_case = run_case
        self._stopping = threading.Event()
        self._results: dict[tuple[str, Case], Future[None]] = {case: Future() for case in cases}
        self._threads = [
            threading.Thread(target=self._run, args=(name, queue), name=f"cases of {name}")
            for name, queue in _dealt(cases).items()
        ]
        for thread in self._threads:
            thread.start()

    def result(self, deployment: str, case: Case) -> None:
        """Wait for a case; raises what it raised."""
        self._results[deployment, case].result()

    def close(self) -> None:
        """Begin no further case; return when the current ones are over."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, instance: str, queue: Sequence[tuple[str, Case]]) -> None:
        for deployment, case in queue:
            future = self._results[deployment, case]
            if self._stopping.is_set():
                future.cancel()
                continue
            try:
                with self._lab.distrusted_on_failure(instance):
                    self._run_case(self._lab.shop(instance), case)
                future.set_result(None)
            except BaseException as error:  # handed to the test that waits for it
                future.set_exception(error)


def _dealt(cases: Sequence[tuple[str, Case]]) -> dict[str, list[tuple[str, Case]]]:
    """Deal the cases to instances: `modular` and, if there are many, `modular#2`."""
    queues: dict[str, list[tuple[str, Case]]] = {}
    for deployment in dict(cases):
        own = [case for case in cases if case[0] == deployment]
        count = INSTANCES.get(deployment, 1) if len(own) > MANY_CASES else 1
        for number in range(count):
            name = deployment if number == 0 else f"{deployment}#{number + 1}"
            queues[name] = own[number::count]
    return queues


def selected_cases(request: pytest.FixtureRequest, parameter: str) -> list[tuple[str, Any]]:
    """List (deployment, case) of this file's selected tests that have the given parameter."""
    parameters = [
        item.callspec.params
        for item in request.session.items
        if item.path == request.path and hasattr(item, "callspec")
    ]
    return [(each["deployment"], each[parameter]) for each in parameters if parameter in each]
