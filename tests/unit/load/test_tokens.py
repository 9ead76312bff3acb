"""Tokens minted before a run are the shop's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.contract.seed import SeedSpec, user_ids
from bench.deployments.local.keys import public_jwk
from bench.errors import ShopbenchError
from bench.load.tokens import request_tokens, sign_tokens

SHOP = SeedSpec(users=2, products=3, categories=1)


def write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> Path:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def test_signed_tokens_verify_and_name_their_key(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    tokens = sign_tokens(SHOP, write_key(tmp_path / "key.pem", key))
    for user_id, token in zip(user_ids(SHOP), tokens, strict=True):
        claims = jwt.decode(
            token, key.public_key(), algorithms=["ES256"], audience="shop", issuer="shop"
        )
        assert claims["sub"] == user_id
        assert claims["staff"] is False
        assert jwt.get_unverified_header(token)["kid"] == public_jwk(key)["kid"]


def test_a_key_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("nonsense")
    for name in ("key.pem", "absent.pem"):
        with pytest.raises(ShopbenchError, match="signing key"):
            sign_tokens(SHOP, tmp_path / name)


def test_without_a_key_users_log_in(serve: Callable[..., str]) -> None:
    assert len(request_tokens(SHOP, serve())) == 2
    with pytest.raises(ShopbenchError, match="cannot log seeded users in"):
        request_tokens(SHOP, serve("--status", "401"))
    with pytest.raises(ShopbenchError, match="cannot log seeded users in"):
        request_tokens(SHOP, "http://127.0.0.1:7699")
