"""The golden vectors of the borders agree with what the contract says elsewhere."""

import base64
import json

import pytest

from bench.contract.borders import (
    CursorVector,
    FirstFault,
    RefusedCursor,
    load_cursors,
    load_first_faults,
    load_refused_cursors,
)
from bench.contract.conformance.operations import all_operations
from bench.contract.cursors import LONGEST_CURSOR, cursor_of
from bench.contract.first_fault import first_fault

VALID = {
    "create_user": {"email": "a@shop.example", "password": "long enough", "full_name": "x"},
    "update_product": {"name": "x"},
    "create_order": {"items": [{"product_id": "0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"}]},
    "cancel_order": {},
}


@pytest.mark.parametrize("vector", load_cursors(), ids=lambda each: each.name)
def test_a_cursor_is_base64url_of_compact_ascii_json(vector: CursorVector) -> None:
    assert cursor_of(vector.sort, vector.value, vector.id) == vector.cursor
    padded = vector.cursor + "=" * (-len(vector.cursor) % 4)
    text = base64.urlsafe_b64decode(padded).decode("ascii")
    assert json.loads(text) == [vector.sort, vector.value, vector.id]
    assert len(vector.cursor) <= LONGEST_CURSOR


@pytest.mark.parametrize("vector", load_refused_cursors(), ids=lambda each: each.name)
def test_a_refused_cursor_is_written_by_no_shop_for_its_list(vector: RefusedCursor) -> None:
    writable = {cursor_of(each.sort, each.value, each.id) for each in load_cursors()}
    wrong_list = vector.name in {"of_the_same_prices_upwards", "of_another_sort"}
    assert wrong_list or vector.cursor not in writable
    assert vector.sort in {each.sort for each in load_cursors()}


@pytest.mark.parametrize("vector", load_first_faults(), ids=lambda each: each.body[:60])
def test_the_first_fault_is_what_the_schemas_say(vector: FirstFault) -> None:
    assert first_fault(vector.operation, json.loads(vector.body)) == vector.field


def test_every_operation_with_a_body_has_vectors() -> None:
    wanted = {op.id for op in all_operations() if op.has_body}
    assert {vector.operation for vector in load_first_faults()} == wanted


def test_a_body_that_keeps_the_schema_has_no_fault() -> None:
    for operation, body in VALID.items():
        for line in body.get("items", []):
            line["quantity"] = 1  # type: ignore[index]
        assert first_fault(operation, body) is None
    longest = {
        "email": "x" * 241 + "@shop.example",
        "password": "🙂" * 128,
        "full_name": "🙂" * 200,
    }
    assert first_fault("create_user", longest) is None


def test_an_address_with_a_line_feed_behind_it_is_none() -> None:
    body = {"email": "a@shop.example\n", "password": "long enough"}
    assert first_fault("create_token", body) == "email"
