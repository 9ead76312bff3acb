"""Places that worker processes share: one limit, and nothing lost with a worker that is killed."""

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from monolith.common import places
from monolith.common.places import Places


@pytest.fixture
def shared() -> Iterator[Places]:
    made = Places(3, workers=2)
    yield made
    Places._all.remove(made)
    places.count_as(0)


def forked(row: int, work: Callable[[], None]) -> int:
    """A worker that has done `work` and then waits to be killed."""
    done, tell = os.pipe()
    child = os.fork()
    if child == 0:
        places.count_as(row)
        work()
        os.write(tell, b"x")
        time.sleep(60)
        os._exit(0)
    assert os.read(done, 1) == b"x"
    os.close(done)
    os.close(tell)
    return child


def end(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_a_limit_is_one_for_all_workers(shared: Places) -> None:
    assert shared.take()
    other = forked(1, lambda: (shared.take(), shared.take()) and None)
    try:
        assert not shared.take()
        shared.give_back()
        assert shared.take()
    finally:
        end(other)


def test_what_a_killed_worker_held_is_free_once_the_arbiter_knows(shared: Places) -> None:
    end(forked(1, lambda: [shared.take() for _ in range(3)] and None))
    assert not shared.take()
    places.clear(1)
    assert [shared.take() for _ in range(4)] == [True, True, True, False]


def test_what_is_given_back_can_be_taken_again(shared: Places) -> None:
    for _ in range(10):
        assert shared.take()
        shared.give_back()
