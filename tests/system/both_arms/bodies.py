"""Bodies by a seed: right, wrong in one or several places, or no JSON at all; the same each time.

Each is what some client might send: members that are missing, misspelt, of another type or beside
their limits, lines repeated, text cut off or mangled.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

SOME_ID = "0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"


@dataclass(frozen=True)
class Raw:
    """A number as JSON text that Python would write otherwise."""

    text: str


ODD_VALUES: tuple[object, ...] = (
    *(None, True, False, 0, 1, -1, 2, 35, 1000, 1001, 65_536, 2**31, 2**63, -(2**63), 10**30),
    *(Raw("35.0"), Raw("1e2"), Raw("-0"), Raw("-0.0"), Raw("1e400"), Raw("9" * 400), Raw("1E+2")),
    *("", " ", "\t\n", "\u00a0\u3000", "\u200b", "x", "35", "true", "null", "a\0b", "\ufffe"),
    *("🙂", "🙂" * 129, "x" * 64, "x" * 65, "x" * 200, "x" * 201, "x" * 2001, "e\u0301" * 5),
    *("a@shop.example", "A@SHOP.EXAMPLE", "a@b", "a@shop.example\n", "\u212a@shop.example"),
    *(SOME_ID, SOME_ID.upper(), SOME_ID.replace("-", ""), SOME_ID + "\n", "{" + SOME_ID + "}"),
    *([], {}, [[]], [{}], [1], {"x": 1}, [None], {"": {}}, [[[[[1]]]]], {"quantity": 1}),
)
ODD_NAMES = (
    *("id", "status", "user_id", "staff", "total_cents", "price_cents", "quantity", "version"),
    *("Email", "amount_conts", "items ", "", "x" * 64, "x" * 65, "é", "🙂", "a\0b", "__class__"),
    *("product_id", "order_id", "note", "$", "a.b", "items[0]", "constructor", "body"),
)
MANGLED: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    lambda r, b: b[: r.randrange(len(b) + 1)],
    lambda r, b: b + r.choice((b"x", b"{}", b",", b"\0", b" \n", b"]", b"//")),
    lambda r, b: r.choice((b"\xef\xbb\xbf", b" ", b"\0", b"\x0b", b",", b"[")) + b,
    lambda r, b: _at(r, b, bytes([r.randrange(256)])),
    lambda r, b: _at(
        r, b, r.choice((b"\\ud800", b"\\u0000", b"\\x", b"\xed\xa0\x80", b"\xc0\xaf"))
    ),
    lambda r, b: b.replace(b'"', b"'", r.choice((1, -1))),
    lambda r, b: b.replace(b":", r.choice((b"", b"=", b"::", b" : ")), 1),
    lambda r, b: b.replace(b"}", b",}", 1),
    lambda r, b: b.decode().encode("utf-16"),
    lambda r, b: b'{"a":' * (depth := r.randrange(60, 70)) + b + b"}" * depth,
    lambda r, b: b"[" * (depth := r.randrange(60, 70)) + b"]" * depth,
    lambda r, b: b.replace(
        b"1", r.choice((b"NaN", b"Infinity", b"-Infinity", b"01", b"+1", b".5"))
    ),
    lambda r, b: b.ljust(r.choice((65_535, 65_536, 65_537))),
    lambda r, b: r.choice(
        (b"", b"null", b"true", b"1", b'"x"', b"[]", b"1.5", b"nan", b"undefined")
    ),
)


@dataclass(frozen=True)
class Sent:
    """One request with a body. `parsed`: what it holds, None if it was mangled as text."""

    operation: str
    body: bytes
    parsed: object | None
    chunked: bool

    def __str__(self) -> str:
        return f"{self.operation} {self.body[:200]!r}"


def generated(seed: int, count: int, products: Sequence[str]) -> Iterator[Sent]:
    """`count` bodies, the same for the same seed and products."""
    rng = random.Random(f"bodies/{seed}")
    for number in range(count):
        operation = rng.choice(_OPERATIONS)
        document = _VALID[operation](rng, number, products)
        for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
            document = _spoilt(rng, document)
        body = _text(rng, document).encode("utf-8", "surrogatepass")
        parsed: object | None = json.loads(body)
        if rng.random() < 0.2:
            body, parsed = rng.choice(MANGLED)(rng, body), None
        elif operation in _COSTLY and not _is_spoilt(document, operation):
            body, parsed = b"{}", {}  # a password hash each: a few are enough, elsewhere
        yield Sent(operation, body, parsed, rng.random() < 0.1)


def _user(rng: random.Random, number: int, _: Sequence[str]) -> dict[str, Any]:
    email = f"both-{number}-{rng.randrange(10**9)}@shop.example"
    return {"email": email, "password": "long enough", "full_name": "Both Arms"}


def _credentials(rng: random.Random, number: int, _: Sequence[str]) -> dict[str, Any]:
    return {"email": "nobody@shop.example", "password": "long enough"}


def _product(rng: random.Random, number: int, _: Sequence[str]) -> dict[str, Any]:
    sku = f"BOTH-{number}-{rng.randrange(10**9)}"
    label = {"sku": sku, "name": "Both arms", "description": "", "category": "both"}
    return {**label, "price_cents": rng.choice((1, 450, 10_000_000)), "quantity": rng.randrange(9)}


def _order(rng: random.Random, number: int, products: Sequence[str]) -> dict[str, Any]:
    chosen = rng.sample(products, rng.choice((1, 1, 2, 3, 50)))
    return {"items": [{"product_id": each, "quantity": rng.randrange(1, 4)} for each in chosen]}


_VALID: dict[str, Callable[[random.Random, int, Sequence[str]], dict[str, Any]]] = {
    "create_user": _user,
    "create_token": _credentials,
    "create_product": _product,
    "update_product": lambda rng, *_: {rng.choice(("name", "category")): "Both arms"},
    "restock_product": lambda rng, *_: {"quantity": rng.randrange(1, 5)},
    "create_deposit": lambda rng, *_: {"amount_cents": rng.randrange(1, 100)},
    "create_order": _order,
    "cancel_order": lambda *_: {},
}
_OPERATIONS = (*_VALID, "create_order", "create_order", "create_deposit")
_COSTLY = {"create_user", "create_token"}


def _is_spoilt(document: object, operation: str) -> bool:
    names = {"create_user": {"email", "password", "full_name"}}.get(operation, set(_CREDENTIALS))
    if not isinstance(document, dict) or set(document) != names:
        return True
    return not all(isinstance(each, str) and len(each) > 7 for each in document.values())


_CREDENTIALS = ("email", "password")


def _spoilt(rng: random.Random, document: Any) -> Any:
    """The document with one thing changed, at any depth."""
    if isinstance(document, list) and document and rng.random() < 0.7:
        return _spoilt_list(rng, document)
    if not isinstance(document, dict):
        return rng.choice(ODD_VALUES)
    return _spoilt_object(rng, document)


def _spoilt_object(rng: random.Random, document: dict[str, Any]) -> dict[str, Any]:
    names = list(document)
    inner = [name for name in names if isinstance(document[name], list | dict) and document[name]]
    if inner and rng.random() < 0.6:
        name = rng.choice(inner)
        return {**document, name: _spoilt(rng, document[name])}
    choice = rng.random()
    if choice < 0.3 or not names:
        extra = {rng.choice(ODD_NAMES): rng.choice(ODD_VALUES)}
        return {**extra, **document} if rng.random() < 0.5 else {**document, **extra}
    name = rng.choice(names)
    if choice < 0.5:
        return {key: value for key, value in document.items() if key != name}
    if choice < 0.6:
        return {key: document[key] for key in rng.sample(names, len(names))}
    return {**document, name: rng.choice(ODD_VALUES)}


def _spoilt_list(rng: random.Random, lines: list[Any]) -> list[Any]:
    at = rng.randrange(len(lines))
    choice = rng.random()
    if choice < 0.2:
        return [*lines, lines[at]]
    if choice < 0.3:
        return (lines * 51)[: rng.choice((50, 51, 60))]
    if choice < 0.4:
        return []
    return [*lines[:at], _spoilt(rng, lines[at]), *lines[at + 1 :]]


def _text(rng: random.Random, value: Any) -> str:
    """JSON with white space here and there, and a member twice now and then: the last counts."""
    space = rng.choice(("", "", " ", "\n\t"))
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, list):
        return "[" + f",{space}".join(_text(rng, each) for each in value) + "]"
    if isinstance(value, dict):
        members = [f"{json.dumps(name)}:{space}{_text(rng, each)}" for name, each in value.items()]
        if members and rng.random() < 0.03:
            first = next(iter(value))
            members.insert(0, f"{json.dumps(first)}:{_text(rng, rng.choice(ODD_VALUES))}")
        return "{" + f",{space}".join(members) + "}"
    return json.dumps(value, ensure_ascii=rng.random() < 0.5)


def _at(rng: random.Random, body: bytes, inserted: bytes) -> bytes:
    at = rng.randrange(len(body) + 1)
    return body[:at] + inserted + body[at:]
