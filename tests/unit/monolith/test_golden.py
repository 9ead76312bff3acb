"""The golden vectors' arithmetic: prices, totals, and the two legs of every transfer."""

from types import SimpleNamespace
from uuid import UUID, uuid5

import pytest

from bench.contract.golden import Step, Vector, load_vectors
from monolith.orders.models import Line
from monolith.payments.models import Transfer

SPACE = UUID(int=0)
USER = UUID(int=7)
VECTORS = pytest.mark.parametrize("vector", load_vectors(), ids=lambda vector: vector.name)


def wanted_of(step: Step) -> dict[UUID, int]:
    return {uuid5(SPACE, line.product): line.quantity for line in step.lines}


def products_at(vector: Vector, index: int) -> dict[UUID, SimpleNamespace]:
    """The catalogue as it is when step `index` comes."""
    prices = {alias: product.price_cents for alias, product in vector.given_products.items()}
    for earlier in vector.steps[:index]:
        if earlier.action == "reprice":
            prices[earlier.product] = earlier.amount
    return {
        uuid5(SPACE, alias): SimpleNamespace(name=alias, price_cents=price)
        for alias, price in prices.items()
    }


@VECTORS
def test_an_order_costs_what_was_worked_out_by_hand(vector: Vector) -> None:
    for index, (step, answer) in enumerate(zip(vector.steps, vector.answers, strict=True)):
        if step.action == "order" and answer.order is not None:
            lines = Line.priced(wanted_of(step), products_at(vector, index))
            assert tuple(line.unit_price_cents for line in lines) == answer.order.unit_prices_cents
            assert sum(line.amount_cents for line in lines) == answer.order.total_cents
            assert [line.quantity for line in lines] == [line.quantity for line in step.lines]


@VECTORS
def test_money_moves_between_the_accounts_of_the_ledger(vector: Vector) -> None:
    entries = [vector.ledger[start : start + 2] for start in range(0, len(vector.ledger), 2)]
    for debit, credit in entries:
        gives, takes = Transfer(kind=debit.kind).legs(USER, credit.amount_cents)
        accounts = [entry.account.split(":")[0] for entry in (gives, takes)]
        assert accounts == [debit.account, credit.account]
        assert gives.amount_cents == debit.amount_cents == -takes.amount_cents < 0
