"""Turns of the files of this folder against a real server, each side in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.load.generator import LoadProcess, Target
from bench.load.plan import TurnRows
from tests.unit.load.own_server import serving

FILES = Path(__file__).parent / "files"
SEED = 7

Begin = Callable[..., Callable[[int], list[TurnRows]]]


@pytest.fixture(scope="session")
def own_url() -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.fixture
def side(own_url: str) -> Iterator[Begin]:
    """`side("nested")` starts its users; what it gives makes so many turns, from 0 on."""
    with ExitStack() as processes:

        def begin(
            name: str, users: int = 8, url: str = own_url, **target: object
        ) -> Callable[[int], list[TurnRows]]:
            load = processes.enter_context(LoadProcess())
            file = str(FILES / f"{name}.py")
            load.prepare(Target(url, [], locustfile=file, **target), users, SEED)  # type: ignore[arg-type]
            return lambda turns: [load.take_turn(number, SEED) for number in range(turns)]

        yield begin
