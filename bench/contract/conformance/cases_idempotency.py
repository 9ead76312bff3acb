"""Idempotency keys: their form, their scope, what is recorded and what is replayed."""

import json
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from bench.contract.conformance.attempts import attempt, component_of, valid_payload
from bench.contract.conformance.client import Answer
from bench.contract.conformance.expect import equal, expect, expect_problem, require
from bench.contract.conformance.operations import Operation, all_operations, operation
from bench.contract.conformance.registry import Case, add_case, case
from bench.contract.conformance.world import Person, World

AREA = "idempotency"
KEYED = tuple(op for op in all_operations() if op.keyed)
BAD_KEYS: tuple[bytes, ...] = (
    *(b"", b"x" * 256, "schlüssel".encode(), "schlüssel".encode("latin-1"), b"a\tb"),
    *("😀".encode(), b"x" * 4000),
)


def _same(first: Answer, second: Answer) -> None:
    """Status and body are replayed (headers such as the request id are the new request's)."""
    equal(second.status, first.status, f"status of the replay of {first}")
    equal(second.json(), first.json(), "body of the replay")
    equal(second.media_type, first.media_type, "media type of the replay")


def no_key(world: World, op: Operation) -> None:
    expect_problem(attempt(world, op, key=None), "missing_idempotency_key")


def bad_keys(world: World, op: Operation) -> None:
    for value in BAD_KEYS:
        answer = attempt(world, op, key=None, headers=[("Idempotency-Key", value)])
        expect_problem(answer, "invalid_idempotency_key")


def two_keys(world: World, op: Operation) -> None:
    key = world.new_key()
    for second in (key, world.new_key(), ""):
        headers = [("Idempotency-Key", key), ("Idempotency-Key", second)]
        answer = attempt(world, op, key=None, headers=headers)
        expect_problem(answer, "invalid_idempotency_key")


def good_keys(world: World, op: Operation) -> None:
    mark = world.new_key()
    for key in (mark.ljust(255, "~"), f"{mark}, a; b=\"c\" %00 'd' \\", f"{mark} x", mark.upper()):
        answer = attempt(world, op, key=key)
        require(answer.status not in (400, 422) or _is_ghost_order(answer), f"{key!r}: {answer}")


def _is_ghost_order(answer: Answer) -> bool:
    return bool(answer.json().get("code") == "unknown_product")


def refusals_are_not_recorded(world: World, op: Operation) -> None:
    """What fails before the business stage leaves the key free for a good request."""
    key = world.new_key()
    path_id = str(uuid.uuid4())
    fixed: dict[str, Any] = {"key": key, "path_id": path_id}
    expect_problem(attempt(world, op, token=None, **fixed), "unauthenticated")
    expect_problem(attempt(world, op, body=b"x" * 65_537, **fixed), "payload_too_large")
    plain = [("Content-Type", "text/plain")]
    answer = attempt(world, op, body=b"{}", headers=plain, **fixed)
    expect_problem(answer, "unsupported_media_type")
    expect_problem(attempt(world, op, body=b"{", **fixed), "malformed_json")
    expect_problem(attempt(world, op, payload={"surprise": 1}, **fixed), "validation_failed")
    answer = attempt(world, op, **fixed)
    require(answer.status in (200, 201, 404) or _is_ghost_order(answer), f"{answer}")


def validation_before_record(world: World, op: Operation) -> None:
    key, path_id = world.new_key(), str(uuid.uuid4())
    attempt(world, op, key=key, path_id=path_id)
    answer = attempt(world, op, key=key, path_id=path_id, payload={"surprise": 1})
    expect_problem(answer, "validation_failed")
    answer = attempt(world, op, key=key, path_id=path_id, query={"surprise": 1})
    expect_problem(answer, "validation_failed")
    expect_problem(attempt(world, op, key=key, path_id=path_id, body=b"["), "malformed_json")


def key_reused(world: World, op: Operation) -> None:
    key, path_id = world.new_key(), str(uuid.uuid4())
    first_body, other_body = _two_payloads(world, op)
    first = attempt(world, op, key=key, path_id=path_id, payload=first_body)
    answer = attempt(world, op, key=key, path_id=path_id, payload=other_body)
    expect_problem(answer, "idempotency_key_reused")
    _same(first, attempt(world, op, key=key, path_id=path_id, payload=first_body))


def _two_payloads(world: World, op: Operation) -> tuple[Any, Any]:
    first = valid_payload(world, op)
    match op.id:
        case "create_product":
            return first, {**first, "price_cents": 451}
        case "create_order":
            (line,) = first["items"]
            return first, {"items": [{**line, "quantity": 2}]}
    (name,) = first
    return first, {name: first[name] + 1}


def same_body_written_otherwise(world: World, op: Operation) -> None:
    key, path_id = world.new_key(), str(uuid.uuid4())
    payload = valid_payload(world, op)
    first = attempt(world, op, key=key, path_id=path_id, payload=payload)
    members = list(payload.items())[::-1]
    text = json.dumps(dict(members), indent=2).replace("Made", r"\u004dade")
    for body in (text.encode(), [text[:5].encode(), text[5:].encode()]):
        _same(first, attempt(world, op, key=key, path_id=path_id, body=body))


Check = Callable[[World, Operation], None]
CHECKS: tuple[tuple[str, Check, bool], ...] = (
    ("no key is 400", no_key, False),
    ("a key of another form is 400", bad_keys, False),
    ("two key headers are 400", two_keys, False),
    ("255 characters, blanks and commas pass", good_keys, False),
    ("refusals before the business stage are not recorded", refusals_are_not_recorded, False),
    ("validation comes before the record", validation_before_record, False),
    ("the same key with another body is 422", key_reused, True),
    ("the same body written otherwise is the same", same_body_written_otherwise, True),
)


def _run(check: Check, op: Operation, world: World) -> None:
    check(world, op)


for _name, _check, _needs_body in CHECKS:
    for _op in KEYED:
        if _op.needs_body or not _needs_body:
            # An order, even of an unknown product, asks inventory.
            _component = "shop" if _op.id == "create_order" else component_of(_op)
            add_case(Case(f"{_op.id}: {_name}", AREA, _component, partial(_run, _check, _op)))


@case("a deposit is made once for each key, user and path", AREA, "payments")
def deposit_once(world: World) -> None:
    first, second = world.new_person(), world.new_person()
    key = world.new_key()
    answers = [_deposit(world, first, key) for _ in range(3)]
    _same(answers[0], answers[1])
    _same(answers[0], answers[2])
    equal(world.balance(first), 500, "balance_cents")
    equal(expect(_deposit(world, second, key), 201)["balance_cents"], 500, "another user's key")
    expect(_deposit(world, first, world.new_key()), 201)
    _same(answers[0], _deposit(world, first, key))
    equal(world.balance(first), 1_000, "balance_cents")


def _deposit(world: World, person: Person, key: str) -> Answer:
    payload = {"amount_cents": 500}
    return world.call("POST", "/wallet/deposits", token=person.token, key=key, payload=payload)


@case("keys are compared exactly", AREA, "payments")
def keys_are_exact(world: World) -> None:
    person, key = world.new_person(), world.new_key()
    for spelling in (key, key.upper(), key + "x", f"{key} x", f"{key}  x"):
        _deposit(world, person, spelling)
    equal(world.balance(person), 2_500, "balance_cents")


@case("an order is placed once, replayed whole, whatever happened since", AREA, "shop")
def order_once(world: World) -> None:
    buyer, product = world.buyer(10_000), world.new_product()
    key = world.new_key()
    first = expect(world.order(buyer, (product["id"], 2), key=key), 201)
    _same(first, world.order(buyer, (product["id"], 2), key=key))
    expect(world.cancel(buyer, first["id"]), 200)
    _same(first, world.order(buyer, (product["id"], 2), key=key))
    equal(world.available(product["id"]), 10, "available")
    equal(world.balance(buyer), 10_000, "balance_cents")
    listed = expect(world.call("GET", "/orders", token=buyer.token), 200)
    equal(len(listed["items"]), 1, "the number of orders")


@case("402 is replayed after a deposit", AREA, "shop")
def replay_of_402(world: World) -> None:
    buyer, product = world.new_person(), world.new_product()
    key = world.new_key()
    first = expect_problem(world.order(buyer, (product["id"], 1), key=key), "insufficient_funds")
    world.deposit(buyer, 10_000)
    _same(first, world.order(buyer, (product["id"], 1), key=key))
    _only_one_order(world, buyer)
    equal(world.balance(buyer), 10_000, "balance_cents")


@case("409 out_of_stock is replayed after a restock", AREA, "shop")
def replay_of_409(world: World) -> None:
    buyer, product = world.buyer(), world.new_product(quantity=0)
    key = world.new_key()
    first = expect_problem(world.order(buyer, (product["id"], 1), key=key), "out_of_stock")
    _restock(world, product["id"], world.new_key())
    _same(first, world.order(buyer, (product["id"], 1), key=key))
    _only_one_order(world, buyer)
    equal(world.available(product["id"]), 5, "available")


def _only_one_order(world: World, buyer: Person) -> None:
    listed = expect(world.call("GET", "/orders", token=buyer.token), 200)
    equal(len(listed["items"]), 1, "the number of orders")


def _restock(world: World, product_id: str, key: str) -> Answer:
    path = f"/products/{product_id}/restocks"
    payload = {"quantity": 5}
    return world.call("POST", path, token=world.staff().token, key=key, payload=payload)


@case("422 unknown_product is recorded and replayed", AREA, "shop")
def replay_of_unknown_product(world: World) -> None:
    buyer, product = world.buyer(), world.new_product()
    key, ghost = world.new_key(), str(uuid.uuid4())
    first = expect_problem(world.order(buyer, (ghost, 1), key=key), "unknown_product")
    _same(first, world.order(buyer, (ghost, 1), key=key))
    answer = world.order(buyer, (product["id"], 1), key=key)
    expect_problem(answer, "idempotency_key_reused")


@case("404 of a restock and of a cancellation is recorded", AREA, "shop")
def replay_of_404(world: World) -> None:
    person, key, ghost = world.person(), world.new_key(), str(uuid.uuid4())
    _same(
        expect_problem(world.cancel(person, ghost, key), "not_found"),
        world.cancel(person, ghost, key),
    )
    first = expect_problem(_restock(world, ghost, key), "not_found")
    _same(first, _restock(world, ghost, key))
    answer = attempt(
        world, operation("restock_product"), key=key, path_id=ghost, payload={"quantity": 6}
    )
    expect_problem(answer, "idempotency_key_reused")


@case("409 sku_taken is recorded", AREA, "inventory")
def replay_of_sku_taken(world: World) -> None:
    op, key = operation("create_product"), world.new_key()
    taken = world.product_payload(sku=world.new_product()["sku"])
    first = expect_problem(attempt(world, op, key=key, payload=taken), "sku_taken")
    _same(first, attempt(world, op, key=key, payload=taken))
    answer = attempt(world, op, key=key, payload={**taken, "sku": world.new_key()})
    expect_problem(answer, "idempotency_key_reused")


@case("a product is made once; its replay shows it as it was made", AREA, "inventory")
def product_once(world: World) -> None:
    op, key, payload = operation("create_product"), world.new_key(), world.product_payload()
    first = expect(attempt(world, op, key=key, payload=payload), 201)
    path = f"/products/{first['id']}"
    expect(world.call("PATCH", path, token=world.staff().token, payload={"name": "x"}), 200)
    _same(first, attempt(world, op, key=key, payload=payload))


@case("a restock is made once for each key and product", AREA, "inventory")
def restock_once(world: World) -> None:
    first, second, key = world.new_product(), world.new_product(), world.new_key()
    answer = expect(_restock(world, first["id"], key), 201)
    _same(answer, _restock(world, first["id"], key))
    equal(world.available(first["id"]), 15, "available")
    expect(_restock(world, second["id"], key), 201)
    equal(world.available(second["id"]), 15, "available of the other product: another path")


@case("a cancellation is made once, its replay is the same 200", AREA, "shop")
def cancel_once(world: World) -> None:
    buyer, product, key = world.buyer(1_000), world.new_product(), world.new_key()
    order = world.confirmed_order(buyer, (product["id"], 1))
    first = expect(world.cancel(buyer, order["id"], key), 200)
    _same(first, world.cancel(buyer, order["id"], key))
    refused = expect_problem(world.cancel(buyer, order["id"], f"{key}-2"), "not_cancellable")
    _same(refused, world.cancel(buyer, order["id"], f"{key}-2"))
    equal(world.balance(buyer), 1_000, "balance_cents")


@case("one key serves an order and its cancellation: their paths differ", AREA, "shop")
def key_scope_is_the_path(world: World) -> None:
    buyer, product, key = world.buyer(), world.shared_product(), world.new_key()
    order = expect(world.order(buyer, (product["id"], 1), key=key), 201)
    expect(world.cancel(buyer, order["id"], key), 200)
    expect(_deposit(world, buyer, key), 201)


@case("without the need of a key, one is ignored", AREA, "inventory")
def ignored_key(world: World) -> None:
    path, token = f"/products/{world.new_product()['id']}", world.staff().token
    for number in (1, 2):
        payload = {"name": f"name {number}"}
        answer = world.call("PATCH", path, token=token, key="same", payload=payload)
        equal(expect(answer, 200)["version"], number + 1, "version")
    headers = [("Idempotency-Key", b"x" * 300)]
    answer = world.call("PATCH", path, token=token, payload={"name": "x"}, headers=headers)
    expect(answer, 200)
