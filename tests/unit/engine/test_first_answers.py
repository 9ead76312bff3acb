"""An operation that is answered wrongly from the start stops an experiment with its answer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.engine.capacity_probe import right_rps
from bench.engine.first_answers import check_first_answers, never_right
from bench.errors import ShopbenchError
from bench.load.generator import ClosedLoop, LoadProcess, Target

SERVER = Path(__file__).parents[1] / "load" / "echo_server.py"


@dataclass
class Shop:
    name: str
    target: Target
    settled: list[bool] = field(default_factory=list)

    def usage(self) -> dict[str, Any]:
        return {}

    def settle(self) -> int:
        self.settled.append(True)
        return 0


@dataclass
class Lab:
    load: LoadProcess

    def seed(self, *parts: object) -> int:
        return 7


@pytest.fixture(scope="module")
def context() -> Iterator[Lab]:
    with LoadProcess() as load:
        yield Lab(load)


@contextmanager
def shop(*options: str) -> Iterator[Shop]:
    command = [sys.executable, str(SERVER), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        yield Shop("monolith", Target(url, [f"token-{n}" for n in range(5)]))
        server.kill()


def check(context: Lab, asked: Shop, *mixes: str) -> None:
    stand_in: Any = context
    check_first_answers(stand_in, [asked], mixes)


def test_right_answers_pass_and_what_they_left_is_settled(context: Lab) -> None:
    with shop() as asked:
        check(context, asked, "product_read", "order")
    assert len(asked.settled) == 2


def test_one_line_shows_operation_status_code_and_answer(context: Lab) -> None:
    body = '{"code": "internal_error",\n "detail": "no such parameter: until"}'
    with (
        shop("--status", "500", "--body", body) as asked,
        pytest.raises(ShopbenchError) as caught,
    ):
        check(context, asked, "order")
    assert caught.value.exit_code == 1
    assert caught.value.message == (
        "monolith answers no order rightly: status 500 internal_error, answer: "
        '500 {"code": "internal_error", "detail": "no such parameter: until"}'
    )


def test_a_shop_that_refuses_the_first_requests_only_passes(context: Lab) -> None:
    with shop("--refuse", "2") as asked:
        check(context, asked, "product_read")


def probe(context: Lab, asked: Shop, mix: str) -> float:
    stand_in: Any = context
    return right_rps(stand_in, asked, mix, ClosedLoop(4, 0.0, 0.3))


def test_a_saturating_probe_counts_right_answers(context: Lab) -> None:
    with shop() as asked:
        assert probe(context, asked, "product_read") > 10


def test_a_saturating_probe_that_never_gets_a_right_answer_stops_with_what_came(
    context: Lab,
) -> None:
    with (
        shop("--status", "503") as asked,
        pytest.raises(ShopbenchError, match="monolith answers no order rightly: status 503"),
    ):
        probe(context, asked, "order")


def test_an_operation_sent_fewer_times_than_asked_for_is_not_judged() -> None:
    made: Any = SimpleNamespace(
        operation=["order"] * 2 + ["product_read"] * 4, error=["status 503"] * 6, examples=[]
    )
    assert never_right(made, least=4) == "answers no product_read rightly: status 503"
    assert never_right(made, least=5) == ""
