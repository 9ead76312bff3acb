"""Runs tasks side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor


def together(tasks: Iterable[Callable[[], None]]) -> None:
    """Run tasks at the same time; wait for all, then raise the first one's error."""
    listed = list(tasks)
    if not listed:
        return
    with ThreadPoolExecutor(len(listed)) as pool:
        for future in [pool.submit(task) for task in listed]:
            future.result()
