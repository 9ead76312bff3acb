"""Many at once: nothing is sold twice, nothing waits crosswise, one key is one order."""

import uuid
from collections import Counter
from threading import Barrier

import pytest

from monolith.common.transactions import RETRIES, run_transaction
from tests.integration.monolith.shop import (
    Answer,
    Person,
    at_once,
    available,
    books_balance,
    person,
    product,
    rows,
    run,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_last_item_is_sold_once() -> None:
    last, buyers = product(100, 1), [person(1000) for _ in range(16)]
    answers = at_once(16, lambda index: buyers[index].buy((last, 1)))
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 15}
    assert available(last) == 0
    assert rows("SELECT count(*) FROM orders WHERE status = 'rejected'") == [(15,)]
    assert books_balance()


def test_orders_that_cross_each_other_do_not_deadlock() -> None:
    products = [product(1, 10_000) for _ in range(4)]
    buyers = [person(10_000) for _ in range(8)]
    before = RETRIES.total

    def work(index: int) -> Answer:
        order = products if index % 2 else products[::-1]
        for _ in range(10):
            answer = buyers[index].buy(*((each, 1) for each in order))
            assert answer.status == 201
            if index % 4 < 2:
                assert buyers[index].cancel(answer.body["id"]).status == 200
        return answer

    at_once(8, work)
    assert RETRIES.total == before
    assert {available(each) for each in products} == {10_000 - 40}
    assert books_balance()


def test_a_deadlock_is_tried_again_and_counted() -> None:
    products = [product(), product()]
    before, met = RETRIES.total, Barrier(2)

    def work(index: int) -> Answer:
        first, second = products if index else products[::-1]
        tries = []

        def crosswise() -> None:
            tries.append(index)
            run("UPDATE stock SET restocked = restocked + 1 WHERE product_id = %s", (first,))
            if len(tries) == 1:
                met.wait()
            run("UPDATE stock SET restocked = restocked + 1 WHERE product_id = %s", (second,))

        run_transaction(crosswise)
        return Person().get("/products?limit=1")

    at_once(2, work)
    assert RETRIES.total == before + 1
    assert [available(each) for each in products] == [12, 12]


def test_one_wallet_is_never_overdrawn() -> None:
    buyer, tea = person(500), product(100, 100)
    answers = at_once(12, lambda index: buyer.buy((tea, 1)))
    assert Counter(answer.status for answer in answers) == {201: 5, 402: 7}
    assert (buyer.balance, available(tea)) == (0, 95)


def test_twenty_uses_of_one_key_make_one_order() -> None:
    buyer, tea, key = person(100_000), product(100, 100), str(uuid.uuid4())
    answers = at_once(16, lambda index: buyer.buy((tea, 1), key=key))
    done = [answer for answer in answers if answer.status == 201]
    assert done
    assert len({answer.raw for answer in done}) == 1
    assert {answer.code for answer in answers if answer.status != 201} <= {"request_in_progress"}
    assert available(tea) == 99


def test_of_two_cancellations_one_gives_the_money_back() -> None:
    buyer, tea = person(1000), product(100)
    order = buyer.buy((tea, 3)).body
    answers = at_once(6, lambda index: buyer.cancel(order["id"]))
    assert Counter(answer.status for answer in answers) == {200: 1, 409: 5}
    assert (buyer.balance, available(tea)) == (1000, 10)
    assert rows("SELECT count(*) FROM ledger_transfers WHERE kind = 'refund'") == [(1,)]
