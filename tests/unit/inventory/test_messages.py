"""What inventory takes and refuses, and that its page queries stay a fixed set of texts."""

from itertools import product
from typing import get_args

import msgspec
import pytest

from microservices.chassis.errors import ValidationFailed
from microservices.chassis.pages import encode_cursor
from microservices.inventory.catalogue import page_sql
from microservices.inventory.messages import ChangeProduct, CreateProduct, ListProducts, Sort
from microservices.inventory.service import cursor_of

ID = "5b0e8a52-6c1d-5e0f-8f67-1c2d3e4f5a6b"
VALID = {
    "sku": "s",
    "name": "n",
    "description": "",
    "category": "c",
    "price_cents": 1,
    "quantity": 0,
}


@pytest.mark.parametrize(
    "change",
    [
        {"sku": ""},
        {"sku": "x" * 65},
        {"name": "x" * 201},
        {"description": "x" * 2001},
        {"category": "x" * 65},
        {"price_cents": 0},
        {"price_cents": 10_000_001},
        {"quantity": -1},
        {"quantity": 1_000_001},
        {"version": 1},
        {"name": None},
    ],
)
def test_a_product_outside_the_limits_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(VALID | change, CreateProduct)


def test_lengths_count_code_points() -> None:
    product_ = msgspec.convert(VALID | {"name": "𝄞" * 200}, CreateProduct)
    assert len(product_.name) == 200


def test_a_change_needs_at_least_one_field() -> None:
    with pytest.raises(ValidationFailed) as caught:
        msgspec.convert({"product_id": ID}, ChangeProduct)
    assert caught.value.errors[0][0] == "body"
    assert msgspec.convert({"product_id": ID, "price_cents": 5}, ChangeProduct).price_cents == 5


def test_there_are_24_page_queries() -> None:
    flags = (True, False)
    texts = {page_sql(*each) for each in product(get_args(Sort), flags, flags, flags)}
    assert len(texts) == 24


@pytest.mark.parametrize(
    ("sort", "value", "fits"),
    [
        ("name", "Tea", True),
        ("name", 5, False),
        ("name", "a\0b", False),
        ("price", 5, True),
        ("-price", 5, True),
        ("price", "5", False),
        ("price", True, False),
        ("price", None, False),
        ("price", 2**63 - 1, True),
        ("price", 2**63, False),
    ],
)
def test_a_cursor_must_hold_what_its_sort_compares(sort: Sort, value: object, fits: bool) -> None:
    request = ListProducts(sort=sort, cursor=encode_cursor(sort, value, ID))
    if fits:
        assert cursor_of(request) == (value, ID)
        return
    with pytest.raises(ValidationFailed):
        cursor_of(request)
