"""Places for requests that all worker processes share, so that a limit is one of the whole server.

Which worker a request comes to is chance; a share of the places for each would turn some away while
others stand empty.
"""

import mmap
import threading

_row = 0


class Places:
    """As many as `limit`, taken and given back without waiting.

    Each worker counts what it holds in a row of its own, in memory that stays shared over the fork;
    the arbiter clears the row of one that has ended, however it did. Two workers that look at the
    same moment may both get the last place.
    """

    _all: list["Places"] = []

    def __init__(self, limit: int, workers: int) -> None:
        self.limit = limit
        rows = 2 * workers + 1  # some may be on their way out while others have begun
        self._held = memoryview(mmap.mmap(-1, 4 * rows)).cast("i")
        self._lock = threading.Lock()
        self._all.append(self)

    def take(self) -> bool:
        with self._lock:
            if sum(self._held) >= self.limit:
                return False
            self._held[_row] += 1
            return True

    def give_back(self) -> None:
        with self._lock:
            self._held[_row] -= 1


def count_as(row: int) -> None:
    """In a worker that begins."""
    global _row  # noqa: PLW0603 - a process has one
    _row = row


def clear(row: int) -> None:
    """In the arbiter, when a worker has ended."""
    for each in Places._all:
        each._held[row] = 0
