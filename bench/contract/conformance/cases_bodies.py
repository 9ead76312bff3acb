"""Checks that hold for every operation with a body: size, type, JSON, and in which order they come.

The bad-input table of the design is here, as area `bad-input`.
"""

import json
from collections.abc import Callable
from functools import partial

from bench.contract.conformance.attempts import attempt, component_of, valid_payload
from bench.contract.conformance.client import MISSING
from bench.contract.conformance.expect import expect_problem, require
from bench.contract.conformance.operations import Operation, all_operations
from bench.contract.conformance.registry import Case, add_case
from bench.contract.conformance.world import World

BODY_LIMIT = 65_536
Check = Callable[[World, Operation], None]


def valid_body(world: World, op: Operation) -> bytes:
    payload = valid_payload(world, op)
    return b"{}" if payload is MISSING else json.dumps(payload).encode()


def padded(world: World, op: Operation, size: int) -> bytes:
    return valid_body(world, op).ljust(size)


def largest_body_passes(world: World, op: Operation) -> None:
    whole = padded(world, op, BODY_LIMIT)
    for body in (whole, [whole[:40_000], whole[40_000:]]):
        answer = attempt(world, op, body=body)
        require(answer.status not in (413, 400), f"65,536 bytes should pass: {answer}")


def one_byte_more_is_413(world: World, op: Operation) -> None:
    whole = padded(world, op, BODY_LIMIT + 1)
    for body in (whole, [whole[:40_000], whole[40_000:]], b"x" * 1_048_576):
        expect_problem(attempt(world, op, body=body), "payload_too_large")


def other_types_are_415(world: World, op: Operation) -> None:
    for value in (
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"),
        *("application/problem+json", "application/jsonx", "", "json"),
    ):
        answer = attempt(world, op, body=valid_body(world, op), headers=[("Content-Type", value)])
        expect_problem(answer, "unsupported_media_type")
    for encoding in ("gzip", "br", "deflate", "nonsense"):
        answer = attempt(
            world, op, body=valid_body(world, op), headers=[("Content-Encoding", encoding)]
        )
        expect_problem(answer, "unsupported_media_type")


def json_types_pass(world: World, op: Operation) -> None:
    headers = [
        ("Content-Type", "application/json; charset=utf-8"),
        ("Content-Type", "Application/JSON"),
        ("Content-Encoding", "identity"),
    ]
    for header in headers:
        answer = attempt(world, op, body=valid_body(world, op), headers=[header])
        require(answer.status not in (400, 415), f"{header} should pass: {answer}")


def empty_body(world: World, op: Operation) -> None:
    for headers in ([("Content-Type", "application/json")], [("Content-Type", "text/plain")]):
        answer = attempt(world, op, body=b"", headers=headers)
        expect_problem(answer, "malformed_json" if op.needs_body else "not_found")


def order_of_checks(world: World, op: Operation) -> None:
    """Each request has every fault from one stage on; the earliest stage must answer."""
    too_large = b"{" * (BODY_LIMIT + 1)
    plain: list[tuple[str, str | bytes]] = [("Content-Type", "text/plain")]
    query = {"surprise": "1"}
    if op.auth != "none":
        answer = attempt(
            world, op, token=None, key=None, body=too_large, headers=plain, query=query
        )
        expect_problem(answer, "unauthenticated")
    if op.auth == "staff":
        token = world.person().token
        answer = attempt(
            world, op, token=token, key=None, body=too_large, headers=plain, query=query
        )
        expect_problem(answer, "forbidden")
    answer = attempt(world, op, key=None, body=too_large, headers=plain, query=query)
    expect_problem(answer, "payload_too_large")
    answer = attempt(world, op, key=None, body=b"{", headers=plain, query=query)
    expect_problem(answer, "unsupported_media_type")
    answer = attempt(world, op, key=None, body=b"{", query=query)
    expect_problem(answer, "malformed_json")
    if op.keyed:
        answer = attempt(world, op, key=None, body=b'{"surprise": 1}', query=query)
        expect_problem(answer, "missing_idempotency_key")
    expect_problem(attempt(world, op, body=b'{"surprise": 1}', query=query), "validation_failed")
    expect_problem(attempt(world, op, body=b'{"surprise": 1}'), "validation_failed")


MALFORMED: dict[str, bytes] = {
    "white space only": b" \n",
    "truncated": b'{"email": "a@shop.exa',
    "an open object": b"{",
    "text after the value": b"{} x",
    "two values": b"{}{}",
    "a trailing comma": b'{"a": 1,}',
    "single quotes": b"{'a': 1}",
    "a comment": b"{} // x",
    "a bare word": b"hello",
    "NaN": b'{"quantity": NaN}',
    "Infinity": b'{"quantity": Infinity}',
    "minus Infinity": b'{"quantity": -Infinity}',
    "a byte-order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "Latin-1": '{"full_name": "Zoë"}'.encode("latin-1"),
    "an overlong UTF-8 form": b'{"a": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "a lone high surrogate": rb'{"a": "\ud800"}',
    "a lone low surrogate": rb'{"a": "\udc00x"}',
    "surrogates the wrong way round": rb'{"a": "\udc00\ud800"}',
    "a lone surrogate as a key": rb'{"\ud800": 1}',
    "a lone surrogate behind a wrong type": rb'{"quantity": "x", "b": ["\ud83d"]}',
    "a raw control character": b'{"a": "x\x01y"}',
    "a raw NUL": b'{"a": "x\x00y"}',
    "a raw line feed in a string": b'{"a": "x\ny"}',
    "an unknown escape": rb'{"a": "\x41"}',
    "a short escape": rb'{"a": "\u12"}',
    "a leading zero": b'{"quantity": 01}',
    "a plus sign": b'{"quantity": +1}',
    "a bare fraction": b'{"quantity": .5}',
    "a number that ends in a point": b'{"quantity": 1.}',
    "hexadecimal": b'{"quantity": 0x10}',
    "nested 65 deep": b"[" * 65 + b"]" * 65,
    "nested 65 deep behind an object": b'{"a":' * 65 + b"1" + b"}" * 65,
    "nested 30,000 deep": b"[" * 30_000 + b"]" * 30_000,
    "65,000 open brackets": b"[" * 65_000,
    "a syntax error behind a wrong type": b'{"quantity": "x", ',
}

INVALID: dict[str, bytes] = {
    "an array": b"[]",
    "a string": b'"x"',
    "a number": b"1",
    "true": b"true",
    "null": b"null",
    "nested 64 deep": b"[" * 64 + b"]" * 64,
    "an unknown member": b'{"surprise": 1}',
    "a NUL as a member": rb'{"\u0000": 1}',
    "a number of 5,000 digits": b'{"quantity": ' + b"9" * 5000 + b"}",
    "a number beyond a double": b'{"quantity": 1e400}',
}


def malformed_is_400(world: World, op: Operation) -> None:
    _try_all(world, op, MALFORMED, "malformed_json")


def invalid_is_422(world: World, op: Operation) -> None:
    _try_all(world, op, INVALID, "validation_failed")


def unknown_member_is_422(world: World, op: Operation) -> None:
    payload = valid_payload(world, op)
    known = {} if payload is MISSING else payload
    for name in ("status", "total_cents", "user_id", "staff", "id", "version", "balance_cents"):
        answer = attempt(world, op, payload={**known, name: 1})
        expect_problem(answer, "validation_failed", field=name)


def missing_member_is_422(world: World, op: Operation) -> None:
    payload = valid_payload(world, op)
    for name in payload:
        rest = {key: value for key, value in payload.items() if key != name}
        answer = attempt(world, op, payload=rest)
        field = name if rest or op.id != "update_product" else None
        expect_problem(answer, "validation_failed", field=field)


def null_member_is_422(world: World, op: Operation) -> None:
    payload = valid_payload(world, op)
    for name in payload:
        answer = attempt(world, op, payload={**payload, name: None})
        expect_problem(answer, "validation_failed", field=name)


def _try_all(world: World, op: Operation, table: dict[str, bytes], code: str) -> None:
    wrong = []
    for name, body in table.items():
        answer = attempt(world, op, body=body)
        if answer.status >= 500 or answer.json().get("code") != code:
            wrong.append(f"{name}: {answer}")
    require(not wrong, f"should be {code}: " + "; ".join(wrong))


CHECKS: tuple[tuple[str, str, Check, bool], ...] = (
    ("a body of 65,536 bytes passes, chunked too", "bodies", largest_body_passes, False),
    ("a body of 65,537 bytes or 1 MiB is 413, chunked too", "bodies", one_byte_more_is_413, False),
    ("another type or encoding is 415", "bodies", other_types_are_415, False),
    ("JSON types and identity pass", "bodies", json_types_pass, False),
    ("an empty body is 400 where one is needed", "bodies", empty_body, False),
    ("the earliest failing check answers", "checks", order_of_checks, False),
    ("what is no JSON is 400", "bad-input", malformed_is_400, False),
    ("what is JSON of another shape is 422", "bad-input", invalid_is_422, False),
    ("an unknown member is 422", "bad-input", unknown_member_is_422, False),
    ("a missing member is 422", "bad-input", missing_member_is_422, True),
    ("null is 422", "bad-input", null_member_is_422, True),
)


def _run(check: Check, op: Operation, world: World) -> None:
    check(world, op)


for _name, _area, _check, _needs_body in CHECKS:
    for _op in all_operations():
        if _op.needs_body or (_op.has_body and not _needs_body):
            add_case(
                Case(f"{_op.id}: {_name}", _area, component_of(_op), partial(_run, _check, _op))
            )
