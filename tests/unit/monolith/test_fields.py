"""The second pass over a body: strict fields, and the fault that is named first."""

from typing import Any

import pytest
from rest_framework.exceptions import ValidationError
from rest_framework.serializers import BaseSerializer

from monolith.common import fields
from monolith.common.fields import StrictSerializer, first_fault
from monolith.inventory.serializers import ProductChangesSerializer, ProductFilterSerializer
from monolith.orders.serializers import NewOrderSerializer
from monolith.payments.serializers import DepositSerializer
from monolith.users.serializers import RegistrationSerializer

PRODUCT = "5b0e8a52-6c1d-5e0f-8f67-1c2d3e4f5a6b"


@pytest.mark.parametrize("value", [35.0, 1e2, "35", True, None, [1], 0, 101, -1])
def test_only_integers_within_bounds_are_integers(value: object) -> None:
    with pytest.raises(ValidationError):
        fields.StrictIntegerField(min_value=1, max_value=100).run_validation(value)


@pytest.mark.parametrize("value", ["", " ", "\t\n", "\u2003", "a\0b", "x" * 11, 5, None])
def test_text_is_neither_blank_nor_too_long_nor_anything_else(value: object) -> None:
    with pytest.raises(ValidationError):
        fields.StrictCharField(max_length=10).run_validation(value)


def test_text_is_never_trimmed_and_counts_code_points() -> None:
    assert fields.StrictCharField(max_length=10).run_validation(" a ") == " a "
    assert fields.StrictCharField(max_length=2).run_validation("\U0001f600\U0001f600")


def test_a_description_may_be_empty_but_not_white_space() -> None:
    description = fields.StrictCharField(max_length=2000, allow_blank=True)
    assert description.run_validation("") == ""
    with pytest.raises(ValidationError):
        description.run_validation("  ")


def test_an_address_is_lowered_in_ascii_only() -> None:
    email = fields.StrictEmailField()
    assert email.run_validation("Ada@Shop.EXAMPLE") == "ada@shop.example"
    with pytest.raises(ValidationError):
        email.run_validation("\u212aate@shop.example")  # KELVIN SIGN lowers to k elsewhere


@pytest.mark.parametrize(
    "value", ["ada", "ada@shop", "ada@shop.e", "a b@shop.example", "ada@shop.example\n", 5]
)
def test_what_is_no_address_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        fields.StrictEmailField().run_validation(value)


@pytest.mark.parametrize("value", [PRODUCT.upper(), PRODUCT.replace("-", ""), PRODUCT + "\n", 5])
def test_a_uuid_is_lower_case_and_hyphenated(value: object) -> None:
    with pytest.raises(ValidationError):
        fields.StrictUUIDField().run_validation(value)


@pytest.mark.parametrize("value", ["", "0", "01", "101", "+1", "1.0", "\u0661", "1 ", "1\n"])
def test_a_limit_is_a_whole_number_in_ascii_digits(value: str) -> None:
    with pytest.raises(ValidationError):
        fields.WholeNumberField(min_value=1, max_value=100).run_validation(value)


def fault_of(serializer: type[BaseSerializer], body: Any) -> str:
    with pytest.raises(ValidationError) as refusal:
        serializer(data=body).is_valid(raise_exception=True)
    return first_fault(refusal.value.detail)[0]


ITEM = {"product_id": PRODUCT, "quantity": 1}
FAULTS = [
    (DepositSerializer, [], "body"),
    (DepositSerializer, None, "body"),
    (DepositSerializer, {"amount_conts": 3}, "amount_conts"),
    (DepositSerializer, {"amount_cents": "3", "note": 1}, "note"),
    (DepositSerializer, {"b": 1, "a": 2}, "b"),
    (DepositSerializer, {"": 1}, ""),
    (DepositSerializer, {"x" * 70: 1}, "x" * 64),
    (DepositSerializer, {"non_field_errors": 1}, "non_field_errors"),
    (RegistrationSerializer, {"full_name": "x", "password": "short"}, "email"),
    (RegistrationSerializer, {"full_name": "", "password": "s", "email": "a"}, "email"),
    (ProductChangesSerializer, {}, "body"),
    (ProductChangesSerializer, {"price_cents": 0, "name": ""}, "name"),
    (NewOrderSerializer, {"items": []}, "items"),
    (NewOrderSerializer, {"items": None}, "items"),
    (NewOrderSerializer, {"items": [ITEM] * 51}, "items"),
    (NewOrderSerializer, {"items": [5]}, "items[0]"),
    (NewOrderSerializer, {"items": [{"quantity": 0}]}, "items[0].product_id"),
    (NewOrderSerializer, {"items": [{"quantity": 0, "price": 1}]}, "items[0].price"),
    (NewOrderSerializer, {"items": [ITEM, {"product_id": PRODUCT}]}, "items[1].quantity"),
    (NewOrderSerializer, {"items": [ITEM, None]}, "items[1]"),
    (NewOrderSerializer, {"items": [ITEM, ITEM]}, "items[1].product_id"),
    (NewOrderSerializer, {"items": [{"x": 1}], "note": 1}, "note"),
    (ProductFilterSerializer, {"limit": "0", "q": ""}, "q"),
    (StrictSerializer, {"reason": "none"}, "reason"),
]


@pytest.mark.parametrize(("serializer", "body", "field"), FAULTS)
def test_of_several_faults_the_contract_names_the_first(
    serializer: type[BaseSerializer], body: Any, field: str
) -> None:
    assert fault_of(serializer, body) == field


def test_a_sound_body_is_taken_as_it_is() -> None:
    order = NewOrderSerializer(data={"items": [ITEM]})
    assert order.is_valid()
    assert str(order.validated_data["items"][0]["product_id"]) == PRODUCT
