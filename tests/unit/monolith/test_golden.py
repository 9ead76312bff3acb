"""The golden vectors' arithmetic: prices, totals, and the two legs of every transfer."""

from uuid import UUID, uuid5

import pytest

from bench.contract.golden import Step, Vector, load_vectors
from monolith.inventory.offers import Offer
from monolith.orders.pricing import WantedLine, price_lines, quantities_of, total_of
from monolith.payments.ledger import legs_of

SPACE = UUID(int=0)
USER = UUID(int=7)
VECTORS = pytest.mark.parametrize("vector", load_vectors(), ids=lambda vector: vector.name)


def wanted_of(step: Step) -> list[WantedLine]:
    return [WantedLine(uuid5(SPACE, line.product), line.quantity) for line in step.lines]


def offers_at(vector: Vector, index: int) -> dict[UUID, Offer]:
    """The catalogue as it is when step `index` comes."""
    prices = {alias: product.price_cents for alias, product in vector.given_products.items()}
    for earlier in vector.steps[:index]:
        if earlier.action == "reprice":
            prices[earlier.product] = earlier.amount
    return {uuid5(SPACE, alias): Offer(alias, price) for alias, price in prices.items()}


@VECTORS
def test_an_order_costs_what_was_worked_out_by_hand(vector: Vector) -> None:
    for index, (step, answer) in enumerate(zip(vector.steps, vector.answers, strict=True)):
        if step.action == "order" and answer.order is not None:
            lines = price_lines(wanted_of(step), offers_at(vector, index))
            assert tuple(line.unit_price_cents for line in lines) == answer.order.unit_prices_cents
            assert total_of(lines) == answer.order.total_cents
            assert sum(quantities_of(lines).values()) == sum(line.quantity for line in step.lines)


@VECTORS
def test_money_moves_between_the_accounts_of_the_ledger(vector: Vector) -> None:
    entries = [vector.ledger[start : start + 2] for start in range(0, len(vector.ledger), 2)]
    for debit, credit in entries:
        legs = legs_of(debit.kind, USER)
        accounts = [account.split(":")[0] for account in (legs.debit, legs.credit)]
        assert accounts == [debit.account, credit.account]
        assert debit.amount_cents == -credit.amount_cents < 0
