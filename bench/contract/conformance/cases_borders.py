"""What two frameworks would decide differently and the contract decides: cursors, first faults.

The golden vectors of borders.yaml, and headers of which only one form counts.
"""

import json
import time
from functools import partial

from bench.contract.borders import (
    CursorVector,
    FirstFault,
    QueryFault,
    RefusedCursor,
    load_cursors,
    load_first_faults,
    load_query_faults,
    load_refused_cursors,
)
from bench.contract.conformance.attempts import attempt, component_of
from bench.contract.conformance.client import Answer, raw_exchange
from bench.contract.conformance.expect import REQUEST_ID, equal, expect, expect_problem, require
from bench.contract.conformance.operations import operation
from bench.contract.conformance.registry import EVERYWHERE, Case, add_case, case
from bench.contract.conformance.tokens import good_claims, load_signing_key, sign
from bench.contract.conformance.violations import CaseSkipped
from bench.contract.conformance.world import World
from bench.contract.cursors import LONGEST_CURSOR, ORDERS_SORT, cursor_of

AREA = "borders"
BODY_LIMIT = 65_536
SOME_ID = "0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"


def _list_from(world: World, sort: str, cursor: str) -> Answer:
    if sort == ORDERS_SORT:
        return world.call("GET", "/orders", token=world.person().token, query={"cursor": cursor})
    return world.call("GET", "/products", query={"sort": sort, "cursor": cursor})


def _taken(vector: CursorVector, world: World) -> None:
    expect(_list_from(world, vector.sort, vector.cursor), 200)


def _refused(vector: RefusedCursor, world: World) -> None:
    answer = _list_from(world, vector.sort, vector.cursor)
    expect_problem(answer, "validation_failed", field="cursor")


def _first_fault(vector: FirstFault, world: World) -> None:
    answer = attempt(world, operation(vector.operation), body=vector.body.encode())
    expect_problem(answer, "validation_failed")
    equal(answer["errors"][0]["field"], vector.field, f"errors[0].field of {vector.body[:80]}")


def _query_fault(vector: QueryFault, world: World) -> None:
    answer = world.call("GET", vector.path, prefix="", query=vector.query)
    expect_problem(answer, "validation_failed")
    equal(answer["errors"][0]["field"], vector.field, f"errors[0].field of {vector.query[:80]}")


def _owner(sort: str) -> str:
    return "orders" if sort == ORDERS_SORT else "inventory"


for _cursor in load_cursors():
    _name = f"a cursor of {_cursor.name} is taken"
    add_case(Case(_name, AREA, _owner(_cursor.sort), partial(_taken, _cursor)))
for _broken in load_refused_cursors():
    _name = f"a cursor that is {_broken.name} is 422"
    add_case(Case(_name, AREA, _owner(_broken.sort), partial(_refused, _broken)))
for _number, _fault in enumerate(load_first_faults()):
    _name = f"first fault {_number}: {_fault.operation} {_fault.body[:60]} is {_fault.field[:30]}"
    _component = component_of(operation(_fault.operation))
    add_case(Case(_name, AREA, _component, partial(_first_fault, _fault)))
for _wrong in load_query_faults():
    _name = f"first fault of ?{_wrong.query[:40]} is {_wrong.field[:30]}"
    add_case(Case(_name, AREA, "inventory", partial(_query_fault, _wrong)))


@case("a page of products ends in the cursor of its last row", AREA, "inventory")
def cursors_of_products(world: World) -> None:
    category = world.new_key()
    for name in ("🙂" * 200, 'a "quoted" / é\\name', "z"):
        world.new_product(category=category, name=name)
    for sort, member in (("name", "name"), ("price", "price_cents"), ("-price", "price_cents")):
        query = {"category": category, "sort": sort, "limit": 2}
        page = expect(world.call("GET", "/products", query=query), 200)
        last = page["items"][-1]
        equal(page["next_cursor"], cursor_of(sort, last[member], last["id"]), f"sort={sort}")


@case("a page of orders ends in the cursor of its last row", AREA, "shop")
def cursors_of_orders(world: World) -> None:
    buyer, product = world.buyer(), world.shared_product()["id"]
    for _ in range(2):
        world.confirmed_order(buyer, (product, 1))
    page = expect(world.call("GET", "/orders", token=buyer.token, query={"limit": 1}), 200)
    last = page["items"][0]
    whole, _, fraction = last["created_at"].removesuffix("Z").partition(".")
    wanted = cursor_of(ORDERS_SORT, f"{whole}.{fraction:0<6}Z", last["id"])
    equal(page["next_cursor"], wanted, "next_cursor")


@case("a cursor of 4,096 characters passes and one of 4,100 is 422", AREA, "inventory")
def longest_cursor(world: World) -> None:
    bare = len(cursor_of("name", "", SOME_ID))
    fits = cursor_of("name", "x" * ((LONGEST_CURSOR - bare) * 3 // 4), SOME_ID)
    require(LONGEST_CURSOR - 2 <= len(fits) <= LONGEST_CURSOR, f"{len(fits)} characters")
    expect(_list_from(world, "name", fits), 200)
    longer = cursor_of("name", "x" * ((LONGEST_CURSOR - bare) * 3 // 4 + 3), SOME_ID)
    expect_problem(_list_from(world, "name", longer), "validation_failed", field="cursor")


@case("a content coding given twice, or as a list, is 415", AREA, "payments")
def codings(world: World) -> None:
    op = operation("create_deposit")
    for values in (("identity", "identity"), ("identity", "gzip"), ("identity, identity",), (",",)):
        headers = [("Content-Encoding", value) for value in values]
        expect_problem(attempt(world, op, headers=headers), "unsupported_media_type")


@case("of several X-Request-ID none is echoed", AREA, EVERYWHERE)
def request_ids(world: World) -> None:
    headers = [("X-Request-ID", "one"), ("X-Request-ID", "two")]
    answer = world.call("GET", "/live", prefix="", headers=headers)
    found = answer.header("X-Request-ID") or ""
    require(REQUEST_ID.fullmatch(found), f"X-Request-ID {found!r}")
    require(found not in {"one", "two", "one,two", "one, two"}, f"echoed: {found!r}")


@case("an empty Authorization, and one in a trailer, is 401", AREA, "payments")
def misplaced_tokens(world: World) -> None:
    token = world.person().token
    answer = world.call("GET", "/wallet", headers=[("Authorization", "")])
    expect_problem(answer, "unauthenticated")
    head = (
        "POST /api/v1/wallet/deposits HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: {world.new_key()}\r\nTransfer-Encoding: chunked\r\n"
        "Trailer: Authorization\r\nConnection: close\r\n\r\n"
    )
    body = b'{"amount_cents": 1}'
    chunks = b"%x\r\n%s\r\n0\r\n" % (len(body), body)
    trailer = f"Authorization: Bearer {token}\r\n\r\n"
    sent = raw_exchange(world.base_url, head.encode() + chunks + trailer.encode(), method="POST")
    if sent is None:
        raise AssertionError("the connection was closed without an answer")
    expect_problem(sent, "unauthenticated")


@case("a token's iat is a number and at most 60 s ahead", AREA, "payments")
def issued_at(world: World) -> None:
    if world.signing_key_path is None:
        raise CaseSkipped("needs the signing key")
    key, claims = load_signing_key(world.signing_key_path), good_claims(world.person().id)
    now = int(time.time())
    for iat, status in ((now + 30, 200), (now + 600, 401), ("soon", 401), (None, 401), (True, 401)):
        answer = world.call("GET", "/wallet", token=sign({**claims, "iat": iat}, key))
        require(answer.status == status, f"iat {iat!r}: wanted {status}: {answer}")


@case("a GET with a body over the limit is 413", AREA, "payments")
def large_get(world: World) -> None:
    token = world.person().token
    for body in (b"x" * (BODY_LIMIT + 1), [b"x" * 40_000, b"x" * 40_000]):
        answer = world.call("GET", "/wallet", token=token, body=body, checked=False)
        expect_problem(answer, "payload_too_large")
    answer = world.call("GET", "/wallet", body=b"x" * (BODY_LIMIT + 1), checked=False)
    expect_problem(answer, "unauthenticated")
    expect(world.call("GET", "/wallet", token=token, body=b"x" * BODY_LIMIT), 200)


@case("SCRIPT_NAME as a header changes nothing", AREA, "shop")
def script_name(world: World) -> None:
    buyer, key = world.buyer(0), world.new_key()
    path, payload = "/wallet/deposits", {"amount_cents": 5}
    for value in ("/x", "/api", "", "http://x/"):
        for name in ("SCRIPT_NAME", "Script-Name", "X-Script-Name", "X-Forwarded-Prefix"):
            headers = [(name, value)]
            answer = world.call(
                "POST", path, token=buyer.token, key=key, payload=payload, headers=headers
            )
            expect(answer, 201)
    equal(world.balance(buyer), 5, "balance_cents of one key")


@case("no look-alike of a header counts", AREA, "payments")
def underscores(world: World) -> None:
    """`Idempotency_Key` is another header: WSGI would make one name of both."""
    token = world.person().token
    answer = world.call(
        "POST",
        "/wallet/deposits",
        token=token,
        payload={"amount_cents": 1},
        headers=[("Idempotency_Key", world.new_key())],
    )
    require(answer.status == 400, f"wanted 400: {answer}")
    if json.loads(answer.body or b"{}").get("code"):
        expect_problem(answer, "missing_idempotency_key")
