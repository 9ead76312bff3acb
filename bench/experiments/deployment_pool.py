"""Several deployments started side by side and stopped side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from bench.deployments.base import Deployment


@dataclass(frozen=True)
class DeploymentPool:
    members: dict[str, Deployment]


@contextmanager
def start_together(
    openers: Mapping[str, Callable[[], AbstractContextManager[Deployment]]], order: Sequence[str]
) -> Iterator[DeploymentPool]:
    managers = {name: openers[name]() for name in order}
    with ThreadPoolExecutor(len(order)) as pool:
        opened = {name: pool.submit(managers[name].__enter__) for name in order}
        try:
            yield DeploymentPool({name: each.result() for name, each in opened.items()})
        finally:
            ended = [
                pool.submit(managers[n].__exit__, None, None, None)
                for n, each in opened.items()
                if each.exception() is None
            ]
            for each in ended:
                each.result()
