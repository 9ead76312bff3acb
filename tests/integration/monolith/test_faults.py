"""Fault points: an error at each of checkout and cancellation leaves all or nothing."""

import json
from pathlib import Path

import pytest

from bench.faults.points import POINTS as KNOWN_TO_THE_BENCH
from monolith.common.faults import POINTS
from tests.integration.monolith.shop import Person, available, books_balance, person, product, rows

pytestmark = pytest.mark.django_db(transaction=True)


def arm(folder: Path, point: str, action: str = "error", **changes: object) -> Path:
    file = folder / f"{point}.json"
    file.write_text(json.dumps({"action": action, **changes}), encoding="utf-8")
    return file.with_name(file.name + ".fired")


def points_of(*steps: str) -> list[str]:
    return [point for point in POINTS if point.rsplit(".", 1)[0] in steps]


def committed(point: str) -> bool:
    """Only what lies behind the one commit can fail with its work done."""
    own_step = point.startswith("orders.") or point.startswith("payments.deposit")
    return own_step and point.endswith("after_commit_before_reply")


CHECKOUT = points_of(
    *("inventory.reserve", "inventory.settle", "payments.charge"), "orders.place", "orders.confirm"
)
REFUSAL = points_of("inventory.release", "orders.reject")
CANCELLATION = points_of(
    *("orders.request_cancellation", "payments.refund", "inventory.release", "orders.cancel")
)


def test_both_sides_know_the_same_points() -> None:
    assert POINTS == KNOWN_TO_THE_BENCH


@pytest.mark.parametrize("point", CHECKOUT)
def test_an_error_during_checkout_leaves_a_whole_order_or_none(
    point: str, faults_dir: Path
) -> None:
    buyer, tea = person(1000), product(100)
    fired = arm(faults_dir, point)
    assert buyer.buy((tea, 1), key="k").status == 500
    assert fired.exists()
    done = committed(point)
    assert (available(tea), buyer.balance) == ((9, 900) if done else (10, 1000))
    assert buyer.buy((tea, 1), key="k").status == 201
    assert (available(tea), buyer.balance) == (9, 900)
    assert books_balance()


@pytest.mark.parametrize("point", REFUSAL)
def test_an_error_during_a_refusal_moves_nothing(point: str, faults_dir: Path) -> None:
    buyer, tea = person(99), product(100)
    fired = arm(faults_dir, point)
    assert buyer.buy((tea, 1), key="k").status == 500
    assert fired.exists()
    assert buyer.buy((tea, 1), key="k").status == 402
    assert (available(tea), buyer.balance) == (10, 99)
    assert rows("SELECT count(*) FROM orders") == [(1,)]


@pytest.mark.parametrize("point", CANCELLATION)
def test_an_error_during_cancellation_leaves_it_done_or_undone(
    point: str, faults_dir: Path
) -> None:
    buyer, tea = person(1000), product(100)
    order = buyer.buy((tea, 1)).body["id"]
    fired = arm(faults_dir, point)
    assert buyer.cancel(order, key="k").status == 500
    assert fired.exists()
    expected = "cancelled" if committed(point) else "confirmed"
    assert buyer.get(f"/orders/{order}").body["status"] == expected
    assert buyer.cancel(order, key="k").status == 200
    assert (available(tea), buyer.balance) == (10, 1000)
    assert books_balance()


@pytest.mark.parametrize("point", points_of("payments.deposit"))
def test_an_error_during_a_deposit_books_it_once_at_most(point: str, faults_dir: Path) -> None:
    someone = person()
    arm(faults_dir, point)
    assert someone.keyed("/wallet/deposits", {"amount_cents": 5}, "k").status == 500
    assert someone.balance == (5 if committed(point) else 0)
    assert someone.keyed("/wallet/deposits", {"amount_cents": 5}, "k").body["balance_cents"] == 5


def test_a_point_that_is_not_armed_once_fires_every_time(faults_dir: Path) -> None:
    someone = person()
    arm(faults_dir, "payments.deposit.before_commit", once=False)
    for _ in range(2):
        assert someone.keyed("/wallet/deposits", {"amount_cents": 5}).status == 500


def test_a_point_of_probability_zero_never_fires(faults_dir: Path) -> None:
    arm(faults_dir, "payments.deposit.before_commit", probability=0.0)
    assert deposit(person()) == 201


def test_delay_and_hang_go_on_afterwards(faults_dir: Path) -> None:
    arm(faults_dir, "payments.deposit.before_commit", "delay", seconds=0.01)
    assert deposit(person()) == 201
    arm(faults_dir, "payments.deposit.before_commit", "hang", once=False).unlink(missing_ok=True)


def deposit(someone: Person) -> int:
    return someone.keyed("/wallet/deposits", {"amount_cents": 5}).status
