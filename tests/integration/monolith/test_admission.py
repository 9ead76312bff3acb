"""What is shed at once: beyond the places of the process, or of one component."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse

from monolith.common.middleware import AdmissionMiddleware


class Door:
    """The middleware before a view that stays until it is told to go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.inside = threading.Semaphore(0)
        self.middleware = AdmissionMiddleware(self.stay)

    def stay(self, request: Any) -> HttpResponse:
        view = SimpleNamespace(cls=SimpleNamespace(component=request.component))
        refused = self.middleware.process_view(request, view, (), {})
        self.inside.release()
        if refused is None and request.path == "/slow":
            self.go_on.wait(10)
        return refused or HttpResponse()

    def ask(self, component: str, path: str = "/slow") -> int:
        return self.middleware(SimpleNamespace(path=path, component=component)).status_code


@pytest.fixture
def door() -> Iterator[Door]:
    opened = Door()
    yield opened
    opened.go_on.set()


def crowd(door: Door, pool: ThreadPoolExecutor, component: str, size: int) -> list[Any]:
    asked = [pool.submit(door.ask, component) for _ in range(size)]
    for _ in range(size):
        assert door.inside.acquire(timeout=10)
    return asked


def statuses(asked: list[Any]) -> list[int]:
    return sorted(each.result(10) for each in asked)


def test_one_component_leaves_places_for_the_others(door: Door) -> None:
    with ThreadPoolExecutor(30) as pool:
        logins = crowd(door, pool, "users", 30)
        assert door.ask("inventory", "/quick") == 200
        assert door.ask("users", "/quick") == 503
        door.go_on.set()
        assert statuses(logins) == [200] * 24 + [503] * 6
    assert door.ask("users", "/quick") == 200  # every place has been given back


def test_beyond_all_places_everybody_is_shed_but_operators(door: Door) -> None:
    with ThreadPoolExecutor(48) as pool:
        asked = crowd(door, pool, "users", 24) + crowd(door, pool, "orders", 24)
        assert door.ask("inventory", "/quick") == 503
        assert door.ask("common", "/ready") == 200
        door.go_on.set()
        assert statuses(asked) == [200] * 48
    assert door.ask("inventory", "/quick") == 200
