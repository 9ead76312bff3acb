"""The same orders are placed in every deployment: a refusal for load is asked again, no more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.errors import ShopbenchError
from bench.experiments import fleet
from bench.experiments.fleet import PRIME_ATTEMPTS, prime_orders, priming_visits
from bench.load.catalogue import Catalogue
from bench.load.generator import LoadProcess, Target


@pytest.fixture
def prime(
    load: LoadProcess,
    serve: Callable[..., str],
    catalogue: Catalogue,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., None]:
    monkeypatch.setattr(fleet, "PRIME_WAIT_S", 0.01)

    def start(*options: str, orders_per_user: int = 3) -> None:
        target = Target(serve(*options), ["token"] * len(catalogue.users))
        prime_orders(load, target, catalogue, orders_per_user)

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


def test_every_user_gets_as_many_orders(catalogue: Catalogue, prime: Callable[..., None]) -> None:
    visits = priming_visits(catalogue, 3)
    assert [visit.user for visit in visits] == list(range(len(catalogue.users))) * 3
    prime("--status", "500", orders_per_user=0)  # none asked for: none sent
