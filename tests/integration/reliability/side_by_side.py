"""Runs cases of several deployments at the same time, each deployment's in order.

Most of a reliability case is waiting (a lease, a restart), so three deployments take little
longer than one. A test asks for its own case's result; only selected cases run.
"""

import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

import pytest

from tests.integration.reliability.lab import Lab, RunningShop

Case = TypeVar("Case", bound=Hashable)


class SideBySide(Generic[Case]):
    """One thread for each deployment; every case's result is kept for the test that asks."""

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
            threading.Thread(target=self._run, args=(deployment,), name=f"cases of {deployment}")
            for deployment in dict(cases)
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

    def _run(self, deployment: str) -> None:
        for (name, case), future in self._results.items():
            if name != deployment:
                continue
            if self._stopping.is_set():
                future.cancel()
                continue
            try:
                with self._lab.distrusted_on_failure(deployment):
                    self._run_case(self._lab.shop(deployment), case)
                future.set_result(None)
            except BaseException as error:  # handed to the test that waits for it
                future.set_exception(error)


def selected_cases(request: pytest.FixtureRequest, parameter: str) -> list[tuple[str, Any]]:
    """List (deployment, case) of this file's selected tests that have the given parameter."""
    parameters = [
        item.callspec.params
        for item in request.session.items
        if item.path == request.path and hasattr(item, "callspec")
    ]
    return [(each["deployment"], each[parameter]) for each in parameters if parameter in each]
