"""Several deployments started side by side and stopped side by side: all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from bench.deployments.base import Deployment
from bench.errors import ShopbenchError


@dataclass(frozen=True)
class DeploymentPool:
    """What is up, by the member's name: `monolith`, and `monolith#2` for a second one."""

    members: dict[str, Deployment]


@contextmanager
def start_together(
    openers: Mapping[str, Callable[[], AbstractContextManager[Deployment]]], order: Sequence[str]
) -> Iterator[DeploymentPool]:
    """Start the named members side by side, the first of `order` first; stop them at the end.

    If one does not start, or Ctrl-C comes meanwhile, those that are starting are ended and those
    that are up are stopped. `__exit__` of a member is called while its `__enter__` is at work then.

    Raises:
        ShopbenchError: a member did not start: which, and the last lines of its log.
    """
    managers = {name: openers[name]() for name in order}
    with ThreadPoolExecutor(2 * len(managers)) as threads:  # to start, and to end a start
        opened = {name: threads.submit(each.__enter__) for name, each in managers.items()}
        try:
            yield DeploymentPool(_all_of(opened))
        finally:
            left = [name for name, each in opened.items() if not _failed(each)]
            ended = [threads.submit(managers[name].__exit__, None, None, None) for name in left]
            for each in ended:
                each.result()


def _all_of(opened: Mapping[str, Future[Deployment]]) -> dict[str, Deployment]:
    wait(opened.values(), return_when=FIRST_EXCEPTION)
    for name, each in opened.items():
        error = each.exception() if _failed(each) else None
        if isinstance(error, ShopbenchError):
            raise ShopbenchError(f"{name} did not start: {error.message}", error.exit_code)
    return {name: each.result() for name, each in opened.items()}


def _failed(opening: Future[Deployment]) -> bool:
    return opening.done() and opening.exception() is not None
