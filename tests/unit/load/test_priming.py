"""The same orders are placed in every deployment: a refusal for load is asked again, no more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.engine import deployment_fleet as fleet
from bench.engine.deployment_fleet import PRIME_ATTEMPTS, prime_orders, priming_visits
from bench.errors import ShopbenchError
from bench.load.generator import LoadProcess, Target


@pytest.fixture
def prime(
    load: LoadProcess,
    serve: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., None]:
    monkeypatch.setattr(fleet, "PRIME_WAIT_S", 0.01)

    def start(*options: str, orders: int = 30) -> None:
        target = Target(serve(*options), ["token"] * 10)
        prime_orders(load, target, orders)

    return start


def test_orders_refused_for_load_are_sent_again_and_the_others_not(
    prime: Callable[..., None],
) -> None:
    prime("--refuse", "12")  # a key sent twice after it was taken would be a 400


def test_who_never_takes_an_order_is_named_with_the_reason(prime: Callable[..., None]) -> None:
    with pytest.raises(ShopbenchError, match=f"status 503, {PRIME_ATTEMPTS} times in a row"):
        prime("--refuse", "1000")


def test_any_other_answer_is_an_error_at_once(prime: Callable[..., None]) -> None:
    with pytest.raises(ShopbenchError, match="does not take orders: .*500"):
        prime("--status", "500")


def test_every_deployment_gets_the_same_orders(prime: Callable[..., None]) -> None:
    assert priming_visits(30) == priming_visits(30)
    assert len(priming_visits(30)) == 30
    prime("--status", "500", orders=0)  # none asked for: none sent
