"""The golden vectors agree with themselves: a wrong one would teach both arms one mistake."""

import pytest

from bench.contract.golden import Step, Vector, _step, load_vectors

VECTORS = {vector.name: vector for vector in load_vectors()}


@pytest.fixture(params=VECTORS)
def vector(request: pytest.FixtureRequest) -> Vector:
    return VECTORS[request.param]


def prices_at(vector: Vector, index: int) -> dict[str, int]:
    prices = {alias: item.price_cents for alias, item in vector.given_products.items()}
    for step in vector.steps[:index]:
        if step.action == "reprice":
            prices[step.product] = step.amount
    return prices


def orders_of(vector: Vector) -> list[tuple[int, Step]]:
    return [(n, step) for n, step in enumerate(vector.steps) if step.action == "order"]


def test_every_step_has_an_answer(vector: Vector) -> None:
    assert len(vector.steps) == len(vector.answers)


def test_ledger_entries_add_up_to_zero_transfer_by_transfer(vector: Vector) -> None:
    pairs = list(zip(vector.ledger[::2], vector.ledger[1::2], strict=True))
    assert all(first.amount_cents + second.amount_cents == 0 for first, second in pairs)
    assert all(first.kind == second.kind for first, second in pairs)


def test_the_wallet_is_what_was_given_plus_its_entries(vector: Vector) -> None:
    moved = sum(entry.amount_cents for entry in vector.ledger if entry.account == "wallet")
    assert vector.wallet_cents == vector.given_wallet_cents + moved >= 0


def test_stock_is_initial_plus_restocked_minus_sold(vector: Vector) -> None:
    assert set(vector.stock) == set(vector.given_products)
    for alias, stock in vector.stock.items():
        assert stock.initial == vector.given_products[alias].quantity
        assert stock.on_hand == stock.initial + stock.restocked - stock.sold
        assert stock.on_hand - stock.reserved >= 0
        restocked = [s.amount for s in vector.steps if s.action == "restock" and s.product == alias]
        assert stock.restocked == sum(restocked)


def test_totals_are_quantity_times_price_of_the_moment(vector: Vector) -> None:
    for index, step in orders_of(vector):
        state = vector.answers[index].order
        if state is None:
            assert vector.answers[index].code == "unknown_product"
            continue
        prices = prices_at(vector, index)
        assert state.unit_prices_cents == tuple(prices[line.product] for line in step.lines)
        assert state.total_cents == sum(prices[line.product] * line.quantity for line in step.lines)


def test_sold_units_are_those_of_confirmed_orders_not_cancelled(vector: Vector) -> None:
    cancelled = {
        step.order_step
        for step, answer in zip(vector.steps, vector.answers, strict=True)
        if step.action == "cancel" and answer.http == 200
    }
    sold = dict.fromkeys(vector.given_products, 0)
    for index, step in orders_of(vector):
        if vector.answers[index].http == 201 and index not in cancelled:
            for line in step.lines:
                sold[line.product] += line.quantity
    assert {alias: stock.sold for alias, stock in vector.stock.items()} == sold


def test_a_step_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="not a step"):
        _step({"steal": "tea"})
