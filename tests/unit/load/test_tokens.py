"""Tokens minted before a run are the shop's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.deployments.local.keys import public_jwk
from bench.errors import ShopbenchError
from bench.load.catalogue import SeededUser
from bench.load.tokens import request_tokens, sign_tokens

USERS = (SeededUser("u-1", "user0001@shop.example"), SeededUser("u-2", "user0002@shop.example"))


def write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> Path:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def test_signed_tokens_verify_and_name_their_key(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    tokens = sign_tokens(USERS, write_key(tmp_path / "key.pem", key))
    for user, token in zip(USERS, tokens, strict=True):
        claims = jwt.decode(
            token, key.public_key(), algorithms=["ES256"], audience="shop", issuer="shop"
        )
        assert claims["sub"] == user.id
        assert claims["staff"] is False
        assert jwt.get_unverified_header(token)["kid"] == public_jwk(key)["kid"]


def test_a_key_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("nonsense")
    for name in ("key.pem", "absent.pem"):
        with pytest.raises(ShopbenchError, match="signing key"):
            sign_tokens(USERS, tmp_path / name)


def test_without_a_key_users_log_in(serve: Callable[..., str]) -> None:
    assert len(request_tokens(USERS, serve())) == 2
    with pytest.raises(ShopbenchError, match="cannot log seeded users in"):
        request_tokens(USERS, serve("--status", "401"))
    with pytest.raises(ShopbenchError, match="cannot log seeded users in"):
        request_tokens(USERS, "http://127.0.0.1:7699")
