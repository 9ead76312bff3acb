"""Orders' pure parts: prices, times, what is shown outside, cursors, back-off."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microservices.chassis.errors import ValidationFailed
from microservices.chassis.pages import encode_cursor
from microservices.orders import model, views
from microservices.orders.messages import CreateOrder, ListOrders
from microservices.orders.model import Line, Order, Quote
from microservices.orders.service import NEWEST_FIRST, cursor_of, rfc3339
from microservices.orders.worker import PAUSE_CAP_S, pause_s

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PRODUCT = "5b0e8a52-6c1d-5e0f-8f67-1c2d3e4f5a6b"


def order(*lines: Line) -> Order:
    return Order(
        id=PRODUCT,
        user_id=PRODUCT,
        status="pending",
        lines=lines or (Line("tea", None, None, 2),),
        idempotency_key="k",
        created_at=NOW,
        updated_at=NOW,
    )


def test_an_order_has_a_total_once_every_line_has_a_price() -> None:
    two = order(Line("tea", None, None, 2), Line("cup", None, None, 1))
    half = model.priced(two, {"tea": Quote("Tea", 100)})
    assert (half.lines[0].name, half.lines[1].name, half.total_cents) == ("Tea", None, None)
    whole = model.priced(half, {"cup": Quote("Cup", 50)})
    assert whole.total_cents == 250


@given(st.lists(st.tuples(st.integers(1, 10_000_000), st.integers(1, 1000)), min_size=1))
def test_the_total_is_the_sum_of_quantity_times_price(pairs: list[tuple[int, int]]) -> None:
    lines = tuple(Line(str(i), "Tea", price, quantity) for i, (price, quantity) in enumerate(pairs))
    assert model.total_cents(lines) == sum(price * quantity for price, quantity in pairs)


def test_a_clock_set_back_does_not_turn_time_round() -> None:
    earlier = NOW - timedelta(hours=1)
    assert model.confirmed(order(), PRODUCT, earlier).updated_at == NOW
    assert model.refused(order(), "out_of_stock", earlier).updated_at == NOW


def test_a_compensating_order_looks_pending() -> None:
    shown = views.public(model.refused(order(), "out_of_stock", NOW))
    assert (shown.status, shown.reason) == ("pending", None)


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        ("out_of_stock", 409, "out_of_stock"),
        ("insufficient_funds", 402, "insufficient_funds"),
        ("unknown_product", 422, "unknown_product"),
        ("dependency_unavailable", 202, None),
    ],
)
def test_each_reason_has_its_answer(reason: model.Reason, status: int, code: str | None) -> None:
    answer = views.refused(model.rejected(model.refused(order(), reason, NOW), NOW))
    body = msgspec.json.decode(answer.body)
    assert (answer.status, body.get("code")) == (status, code)
    if code is None:
        assert (body["status"], body["reason"], body["payment_id"]) == ("pending", None, None)


def test_an_unknown_product_is_named_by_its_place() -> None:
    two = order(Line("tea", "Tea", 100, 2), Line("ghost", None, None, 1))
    answer = views.refused(model.refused(two, "unknown_product", NOW))
    fields = [error["field"] for error in msgspec.json.decode(answer.body)["errors"]]
    assert fields == ["items[1].product_id"]


@pytest.mark.parametrize(
    "items",
    [
        [],
        [{"product_id": PRODUCT, "quantity": 0}],
        [{"product_id": PRODUCT, "quantity": 1001}],
        [{"product_id": PRODUCT, "quantity": True}],
        [{"product_id": PRODUCT.upper(), "quantity": 1}],
        [{"product_id": PRODUCT}],
        [{"product_id": PRODUCT, "quantity": 1, "unit_price_cents": 1}],
    ],
)
def test_an_order_that_breaks_a_rule_is_refused(items: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"items": items}, CreateOrder)


def test_an_order_names_each_product_once() -> None:
    line = {"product_id": PRODUCT, "quantity": 1}
    with pytest.raises(ValidationFailed) as caught:
        msgspec.convert({"items": [line, line]}, CreateOrder)
    assert caught.value.errors[0][0] == "items[1].product_id"


def test_a_cursor_leads_back_to_where_it_was_made() -> None:
    for moment in (NOW, NOW + timedelta(microseconds=120), datetime.min.replace(tzinfo=UTC)):
        cursor = encode_cursor(NEWEST_FIRST, rfc3339(moment), PRODUCT)
        assert cursor_of(ListOrders(cursor=cursor)) == (moment, PRODUCT)
    assert rfc3339(NOW) == "2026-01-02T03:04:05.000000Z"
    assert cursor_of(ListOrders()) is None


@pytest.mark.parametrize(
    "value",
    [5, None, "yesterday", [], "\0", "2026-01-02T03:04:05", "2026-01-02T03:04:05.000000"]
    + ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000+00:00", "2026-01-02 03:04:05.000000Z"]
    + ["2026-01-02T05:04:05.000000+02:00", "2026-02-30T03:04:05.000000Z", "2026-01-02T03:04:05.1Z"],
)
def test_a_cursor_without_a_time_is_refused(value: object) -> None:
    with pytest.raises(ValidationFailed):
        cursor_of(ListOrders(cursor=encode_cursor(NEWEST_FIRST, value, PRODUCT)))


@given(st.integers(1, 10_000))
def test_the_pause_grows_to_its_cap(attempt: int) -> None:
    full = min(PAUSE_CAP_S, 0.25 * 2.0 ** min(attempt, 10))
    assert full / 2 <= pause_s(attempt) <= full <= PAUSE_CAP_S
