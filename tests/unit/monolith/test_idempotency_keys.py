"""Keys, their fingerprints and locks."""

from uuid import UUID

import pytest

from monolith.common.errors import InvalidIdempotencyKey, MissingIdempotencyKey
from monolith.common.idempotency import KeyedRequest, fingerprint_of, read_key


def request(**changes: object) -> KeyedRequest:
    scope = {"user_id": UUID(int=1), "method": "POST", "path": "/api/v1/orders", "key": "k"}
    return KeyedRequest(**(scope | changes), fingerprint="")


def test_the_order_of_members_does_not_matter_but_that_of_lines_does() -> None:
    assert fingerprint_of({"a": 1, "b": 2}) == fingerprint_of({"b": 2, "a": 1})
    assert fingerprint_of({"a": [1, 2]}) != fingerprint_of({"a": [2, 1]})


def test_a_lock_belongs_to_user_method_path_and_key() -> None:
    others = [
        request(user_id=UUID(int=2)),
        request(method="PATCH"),
        request(path="/api/v1/wallet/deposits"),
        request(key="l"),
    ]
    assert len({one.lock for one in [request(), *others]}) == 5
    assert request().lock == request().lock
    assert all(-(2**63) <= one.lock < 2**63 for one in others)


@pytest.mark.parametrize("key", ["k", "a,b", "a b", "~", "x" * 255])
def test_printable_ascii_is_a_key(key: str) -> None:
    assert read_key({"HTTP_IDEMPOTENCY_KEY": key}) == key


@pytest.mark.parametrize("key", ["", " ", " k", "k ", "\x7f", "\u00e9", "a\tb", "x" * 256])
def test_anything_else_is_not(key: str) -> None:
    with pytest.raises(InvalidIdempotencyKey):
        read_key({"HTTP_IDEMPOTENCY_KEY": key})


def test_no_key_is_another_error() -> None:
    with pytest.raises(MissingIdempotencyKey):
        read_key({})
