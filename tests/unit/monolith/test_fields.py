"""The second pass over a body, and the query string."""

import pytest

from monolith.common import fields
from monolith.common.errors import ValidationFailed
from monolith.common.fields import Validator

PRODUCT = "5b0e8a52-6c1d-5e0f-8f67-1c2d3e4f5a6b"


@pytest.mark.parametrize("value", [35.0, 1e2, "35", True, None, [1], 0, 101, -1])
def test_only_integers_within_bounds_are_integers(value: object) -> None:
    with pytest.raises(ValidationFailed):
        fields.integer(1, 100)(value, "n")


@pytest.mark.parametrize("value", ["", " ", "\t\n", "\u2003", "a\0b", "x" * 11, 5, None])
def test_text_is_neither_blank_nor_too_long_nor_anything_else(value: object) -> None:
    with pytest.raises(ValidationFailed):
        fields.text(1, 10)(value, "name")


def test_text_is_never_trimmed_and_counts_code_points() -> None:
    assert fields.text(1, 10)(" a ", "name") == " a "
    assert fields.text(1, 2)("\U0001f600\U0001f600", "name")


def test_a_description_may_be_empty_but_not_white_space() -> None:
    assert fields.text(0, 2000)("", "description") == ""
    with pytest.raises(ValidationFailed):
        fields.text(0, 2000)("  ", "description")


def test_an_address_is_lowered_in_ascii_only() -> None:
    assert fields.email("Ada@Shop.EXAMPLE", "email") == "ada@shop.example"
    with pytest.raises(ValidationFailed):
        fields.email("\u212aate@shop.example", "email")  # KELVIN SIGN lowers to k elsewhere


@pytest.mark.parametrize(
    "value", ["ada", "ada@shop", "ada@shop.e", "a b@shop.example", "ada@shop.example\n", 5]
)
def test_what_is_no_address_is_refused(value: object) -> None:
    with pytest.raises(ValidationFailed):
        fields.email(value, "email")


@pytest.mark.parametrize("value", [PRODUCT.upper(), PRODUCT.replace("-", ""), PRODUCT + "\n", 5])
def test_a_uuid_is_lower_case_and_hyphenated(value: object) -> None:
    with pytest.raises(ValidationFailed):
        fields.uuid(value, "id")


LINES = fields.record(
    {
        "items": fields.sequence(
            fields.record({"product_id": fields.uuid, "quantity": fields.integer(1, 9)}), 1, 2
        )
    }
)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ([], "body"),
        ({}, "items"),
        ({"items": []}, "items"),
        ({"items": [{}] * 3}, "items"),
        ({"items": [5]}, "items[0]"),
        ({"items": [{"quantity": 1}]}, "items[0].product_id"),
        ({"items": [{"product_id": PRODUCT, "quantity": 0}]}, "items[0].quantity"),
        ({"items": [{"product_id": PRODUCT, "quantity": 1, "x": 1}]}, "items[0].x"),
        ({"items": [{"product_id": PRODUCT, "quantity": 1}], "user_id": 1}, "user_id"),
    ],
)
def test_an_error_names_the_field(value: object, field: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        LINES(value, "")
    assert refusal.value.field == field


def test_changes_need_at_least_one() -> None:
    validate = fields.changes({"name": fields.text(1, 9)})
    assert validate({"name": "tea"}, "") == {"name": "tea"}
    with pytest.raises(ValidationFailed):
        validate({}, "")


PARAMETERS: dict[str, Validator] = {
    "q": fields.text(1, 100),
    "limit": fields.digits(1, 100),
    "sort": fields.choice("name", "price"),
}


@pytest.mark.parametrize(
    "query",
    [
        "x=1",
        "limit=1&limit=1",
        "limit=",
        "limit=0",
        "limit=01",
        "limit=101",
        "limit=%2B1",
        "limit=+1",
        "limit=1.0",
        "limit=\u0661",
        "q=%ff",
        "q=%00",
        "q=%20",
        "q",
        "sort=Name",
    ],
)
def test_a_query_is_as_strict_as_a_body(query: str) -> None:
    with pytest.raises(ValidationFailed):
        fields.parse_query(query.encode().decode("iso-8859-1"), PARAMETERS)


def test_a_query_is_decoded() -> None:
    assert fields.parse_query("q=caf%C3%A9+a&&limit=20", PARAMETERS) == {"q": "café a", "limit": 20}
