"""Bearer tokens: the one header, the claims of a token, and the user whom a token names.

User tokens are verified on every request; no verified one is ever remembered.
"""

import base64
import binascii
import json
import re
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from microservices.chassis.context import Context
from microservices.chassis.errors import Unauthenticated
from microservices.chassis.jwk import ALGORITHM
from microservices.chassis.key_store import KeyStore
from microservices.chassis.operations import UUID_PATTERN

ISSUER = AUDIENCE = "shop"
MAX_TOKEN = 4096
IAT_AHEAD_SECONDS = 60.0  # clocks differ; PyJWT has one leeway for all claims, `exp` too
_is_uuid = re.compile(UUID_PATTERN).fullmatch
_jwt = jwt.PyJWT({"require": ["iss", "aud", "exp", "sub"], "verify_iat": False})


def bearer_token(values: Sequence[str]) -> str:
    """The token of the one Authorization header.

    Raises:
        Unauthenticated: none, several, another scheme, or a token over 4 KiB.
    """
    if len(values) != 1:
        raise Unauthenticated("One Authorization header with a bearer token is needed.")
    scheme, _, token = values[0].partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN or not token.isascii():
        raise Unauthenticated("The Authorization header holds no usable bearer token.")
    return token


def key_id(token: str) -> str:
    """The `kid` that a token names; Unauthenticated without an acceptable header."""
    return _key_id(token.partition(".")[0])


@lru_cache(maxsize=64)
def _key_id(header: str) -> str:
    """Remembered: the encoded header is the same in all tokens of one key."""
    try:
        members = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
        if members["alg"] == ALGORITHM and isinstance(members["kid"], str):
            return str(members["kid"])
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        pass
    raise Unauthenticated("The token's header is not acceptable.")


def claims_of(token: str, key: ec.EllipticCurvePublicKey, issuer: str, audience: str) -> Any:
    """The claims of a token that `key` signed; Unauthenticated if anything is wrong with it."""
    try:
        claims = _jwt.decode(token, key, algorithms=[ALGORITHM], audience=audience, issuer=issuer)
    except jwt.InvalidTokenError:
        raise Unauthenticated("The token is not valid.") from None
    issued_at = claims.get("iat", 0)
    if type(issued_at) not in (int, float) or not issued_at <= time.time() + IAT_AHEAD_SECONDS:
        raise Unauthenticated("The token was not issued yet.")
    return claims


async def authenticate_user(ctx: Context, keys: KeyStore) -> None:
    """Verifies `ctx.token` and puts the identity into the context; once a request.

    A call in memory on behalf of the same request finds it verified already.

    Raises:
        Unauthenticated, DependencyUnavailable
    """
    if ctx.verified:
        return
    claims = claims_of(ctx.token, await keys.find(key_id(ctx.token)), ISSUER, AUDIENCE)
    subject, staff = claims["sub"], claims.get("staff")
    if not isinstance(subject, str) or not _is_uuid(subject) or not isinstance(staff, bool):
        raise Unauthenticated("The token lacks a claim.")
    ctx.user_id, ctx.staff, ctx.verified = subject, staff, True
