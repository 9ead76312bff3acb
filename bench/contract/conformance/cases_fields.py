"""Every field of every body against its limits: just inside passes, just outside is 422."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.contract.conformance.attempts import attempt, component_of, valid_payload
from bench.contract.conformance.client import Answer
from bench.contract.conformance.expect import equal, expect, expect_problem, require
from bench.contract.conformance.operations import Operation, operation
from bench.contract.conformance.registry import Case, add_case, case
from bench.contract.conformance.world import World

AREA = "validation"
NOT_STRINGS: tuple[object, ...] = (1, 1.5, True, [], {}, ["x"])
NOT_INTEGERS = (
    "1.0",
    "35.0",
    "1e2",
    "1E2",
    "0.5",
    '"35"',
    "true",
    "false",
    "[]",
    "{}",
    "[1]",
    '""',
)


@dataclass(frozen=True)
class Field:
    """One member of a body: JSON texts that pass and JSON texts that do not."""

    operation_id: str
    name: str
    good: tuple[object, ...]
    bad: tuple[object, ...]


@dataclass(frozen=True)
class Raw:
    """A value given as JSON text, because Python would write it otherwise."""

    text: str


def text(minimum: int, maximum: int, *, may_be_empty: bool = False) -> dict[str, Any]:
    good: tuple[object, ...] = (
        "🙂" * maximum,
        "  kept  ".rjust(minimum),
        "e\u0301" * (minimum + 1),
        "\ufeff" * minimum,
        "\u200b\u180e\u0001\u007f\uffff" * minimum,
    )
    blank = " " * max(minimum, 1)
    bad = (
        "x" * (maximum + 1),
        "🙂" * (maximum + 1),
        blank,
        "\u00a0\u3000\t" * minimum,
        "\u001c\u001f\u0085\u2028" * minimum,
        "a\0bcdefgh",
    )
    if may_be_empty:
        return {"good": (*good, ""), "bad": (*bad, "\u3000", *NOT_STRINGS)}
    short = "x" * (minimum - 1)
    return {"good": (*good, "x" * minimum), "bad": (*bad, short, *NOT_STRINGS)}


def integer(minimum: int, maximum: int) -> dict[str, Any]:
    outside = (minimum - 1, maximum + 1, -1, -maximum, 2**31, 2**63, 2**64, 10**30)
    bad = tuple(number for number in outside if not minimum <= number <= maximum)
    return {"good": (minimum, maximum), "bad": (*bad, *map(Raw, NOT_INTEGERS), Raw("-0.0"))}


BAD_EMAILS: tuple[object, ...] = (
    *("", " ", "plain", "@shop.example", "a@", "a@b", "a@b.c", "a@b.c1", "a b@shop.example"),
    *("a@shop..", "a@shop_x.example", "ä@shop.example", "a@shöp.example", "a@b@shop.example"),
    *(" a@shop.example", "a@shop.example ", "a@shop.example\n", "a,b@shop.example"),
    *("\u212aelvin@shop.example", "a@shop.examp\u017fe", "a\0@shop.example"),
    "x" * 242 + "@shop.example",
    *NOT_STRINGS,
)

FIELDS: tuple[Field, ...] = (
    Field("create_user", "email", (), BAD_EMAILS),
    Field("create_user", "password", **text(8, 128)),
    Field("create_user", "full_name", **text(1, 200)),
    Field("create_token", "email", ("x" * 241 + "@shop.example",), BAD_EMAILS),
    Field("create_token", "password", **text(8, 128)),
    Field("create_product", "sku", (), text(1, 64)["bad"]),
    Field("create_product", "name", **text(1, 200)),
    Field("create_product", "description", **text(1, 2000, may_be_empty=True)),
    Field("create_product", "category", **text(1, 64)),
    Field("create_product", "price_cents", **integer(1, 10_000_000)),
    Field("create_product", "quantity", **integer(0, 1_000_000)),
    Field("update_product", "name", **text(1, 200)),
    Field("update_product", "description", **text(1, 2000, may_be_empty=True)),
    Field("update_product", "category", **text(1, 64)),
    Field("update_product", "price_cents", **integer(1, 10_000_000)),
    Field("restock_product", "quantity", **integer(1, 1_000_000)),
    Field("create_deposit", "amount_cents", **integer(1, 100_000_000)),
)

LINE_QUANTITIES = integer(1, 1_000)
BAD_LINE_IDS: tuple[object, ...] = (
    *("", "x", "0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d9", "0192F0C1-2B4E-4D5A-9C3E-7A1F5B6C8D90"),
    *("0192f0c12b4e4d5a9c3e7a1f5b6c8d90", "{0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90}"),
    *("0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90\n", " 0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"),
    *(*NOT_STRINGS, None),
)
SOME_ID = "0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"
BAD_ITEMS = ("null", "{}", '"x"', "1", "[]", "[[]]", "[null]", "[1]", "[{}]")


def _encode(value: object) -> str:
    return value.text if isinstance(value, Raw) else json.dumps(value)


def _with_field(world: World, op: Operation, name: str, value: object) -> Answer:
    payload = {**valid_payload(world, op), name: "\ue000"}
    body = _encode(payload).replace(_encode("\ue000"), _encode(value)).encode()
    return attempt(world, op, body=body)


def _good_values_pass(field: Field, world: World) -> None:
    for value in field.good:
        answer = _with_field(world, operation(field.operation_id), field.name, value)
        require(answer.status != 422, f"{str(value)[:40]!r} should pass: {answer}")
        if answer.status == 201 and isinstance(answer.json().get(field.name), str):
            equal(answer[field.name], value, f"{field.name} is never trimmed")


def _bad_values_are_422(field: Field, world: World) -> None:
    wrong = []
    for value in field.bad:
        answer = _with_field(world, operation(field.operation_id), field.name, value)
        body = answer.json()
        named = [entry["field"] for entry in body.get("errors", ())]
        if body.get("code") != "validation_failed" or field.name not in named:
            wrong.append(f"{str(value)[:60]!r}: {answer}")
    require(not wrong, f"should be 422 that names {field.name}: " + "; ".join(wrong))


def _register(check: Callable[[Field, World], None], name: str) -> None:
    for field in FIELDS:
        full_name = f"{field.operation_id}.{field.name}: {name}"
        component = component_of(operation(field.operation_id))
        add_case(Case(full_name, AREA, component, partial(check, field)))


_register(_good_values_pass, "values at the limits pass")
_register(_bad_values_are_422, "values outside the limits are 422")


def _order_with(world: World, items: str) -> Answer:
    return attempt(world, operation("create_order"), body=f'{{"items": {items}}}'.encode())


@case("create_order.items: shapes and lines outside the limits are 422", AREA, "orders")
def bad_items(world: World) -> None:
    wrong = []
    texts = list(BAD_ITEMS)
    for value in LINE_QUANTITIES["bad"]:
        texts.append(f'[{{"product_id": "{SOME_ID}", "quantity": {_encode(value)}}}]')
    for value in BAD_LINE_IDS:
        texts.append(f'[{{"product_id": {_encode(value)}, "quantity": 1}}]')
    line = f'{{"product_id": "{SOME_ID}", "quantity": 1'
    texts += [f"[{line}, {name!r}: 1}}]".replace("'", '"') for name in ("price_cents", "name", "x")]
    texts += [f'[{{"product_id": "{SOME_ID}"}}]', '[{"quantity": 1}]']
    for items in texts:
        answer = _order_with(world, items)
        if answer.json().get("code") != "validation_failed":
            wrong.append(f"{items[:80]}: {answer}")
    require(not wrong, "should be 422: " + "; ".join(wrong))


@case("create_order.items: a product twice is 422", AREA, "orders")
def product_twice(world: World) -> None:
    line = f'{{"product_id": "{SOME_ID}", "quantity": 1}}'
    expect_problem(_order_with(world, f"[{line}, {line}]"), "validation_failed")
    other = line.replace('"quantity": 1', '"quantity": 2')
    expect_problem(_order_with(world, f"[{line}, {other}]"), "validation_failed")


@case("create_order.items: 50 lines pass and 51 are 422", AREA, "shop")
def number_of_lines(world: World) -> None:
    lines = [
        f'{{"product_id": "{SOME_ID[:-2]}{number:02d}", "quantity": 1000}}' for number in range(51)
    ]
    expect_problem(_order_with(world, f"[{','.join(lines[:50])}]"), "unknown_product")
    expect_problem(_order_with(world, f"[{','.join(lines)}]"), "validation_failed", field="items")


@case("the errors of a line name its path", AREA, "orders")
def error_path(world: World) -> None:
    items = f'[{{"product_id": "{SOME_ID}", "quantity": 0}}]'
    expect_problem(_order_with(world, items), "validation_failed", field="items[0].quantity")


@case("create_user.email: valid forms pass and come back in lower case", AREA, "users")
def good_emails(world: World) -> None:
    mark = world.new_email().split("@", maxsplit=1)[0].upper()
    longest = f"{mark}{'X' * (241 - len(mark))}@shop.example"
    for email in (f"{mark}.A%b_c+d-9@SHOP.Example", f"{mark}@a-b.c.museum", longest):
        payload = {"email": email, "password": "12345678", "full_name": "x"}
        answer = expect(world.call("POST", "/users", payload=payload), 201)
        equal(answer["email"], email.lower(), "email")
        world.login(email, "12345678")


@case("create_product.sku: up to 64 code points, never trimmed", AREA, "inventory")
def good_skus(world: World) -> None:
    mark = world.new_key()
    for sku in (mark.ljust(64, "🙂"), f"  {mark}  ", f"{mark} é/%_\\'\""):
        equal(world.new_product(sku=sku)["sku"], sku, "sku")


@case("update_product: no member at all is 422", AREA, "inventory")
def empty_patch(world: World) -> None:
    expect_problem(attempt(world, operation("update_product"), payload={}), "validation_failed")


@case("update_product: sku, quantity, version and id cannot be changed", AREA, "inventory")
def fixed_members(world: World) -> None:
    product = world.shared_product()
    path = f"/products/{product['id']}"
    token = world.staff().token
    for name in ("sku", "quantity", "version", "id", "available"):
        payload = {"name": "changed", name: product.get(name, 5)}
        answer = world.call("PATCH", path, token=token, payload=payload)
        expect_problem(answer, "validation_failed", field=name)
    equal(expect(world.call("GET", path), 200)["name"], product["name"], "name")


@case("the last of duplicate members wins", AREA, "payments")
def duplicate_members(world: World) -> None:
    op = operation("create_deposit")
    body = b'{"amount_cents": "x", "amount_cents": 0, "amount_cents": 7}'
    expect(attempt(world, op, body=body), 201)
    body = b'{"amount_cents": 7, "amount_cents": "x"}'
    expect_problem(attempt(world, op, body=body), "validation_failed", field="amount_cents")


@case("nesting inside a string does not count", AREA, "users")
def brackets_in_strings(world: World) -> None:
    payload = {"email": world.new_email(), "password": "[" * 100, "full_name": '{"[' * 60}
    expect(world.call("POST", "/users", payload=payload), 201)


@case("escapes, surrogate pairs and white space between tokens are JSON", AREA, "users")
def legal_json(world: World) -> None:
    name = r"\u0041\ud83d\ude00\/\b\f\n\r\t\"\\"
    email = world.new_email()
    body = f' \t\r\n{{ "email" : "{email}" , "password":"12345678"\r\n, "full_name":"{name}" }} \n'
    answer = expect(world.call("POST", "/users", body=body.encode()), 201)
    equal(answer["full_name"], 'A😀/\b\f\n\r\t"\\', "full_name")
