"""User tokens: ES256 JWTs signed with the key of SIGNING_KEY_FILE, and the public key set.

Nothing verified is kept: every request pays for its own check.
"""

import hashlib
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings

from monolith.common.errors import Unauthenticated
from monolith.common.fields import is_uuid
from monolith.common.rendering import to_canonical_json

ISSUER = AUDIENCE = "shop"
ALGORITHM = "ES256"
LONGEST_TOKEN_BYTES = 4096

_OPTIONS = {"require": ["exp", "iss", "aud", "sub"], "verify_iat": False}


@dataclass(frozen=True)
class Principal:
    """Whom a verified token speaks for."""

    user_id: UUID
    staff: bool


@dataclass(frozen=True)
class SigningKey:
    private: ec.EllipticCurvePrivateKey
    public: ec.EllipticCurvePublicKey
    jwk: dict[str, str]

    @property
    def kid(self) -> str:
        return self.jwk["kid"]


@lru_cache(maxsize=1)
def signing_key() -> SigningKey:
    """Read the key once a process; its id is the RFC 7638 thumbprint."""
    private = load_pem_private_key(settings.SHOP.signing_key_file.read_bytes(), password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise TypeError("SIGNING_KEY_FILE is no EC key")
    public = private.public_key()
    numbers = public.public_numbers()
    point = {
        "crv": "P-256",
        "kty": "EC",
        "x": _base64url(numbers.x.to_bytes(32, "big")),
        "y": _base64url(numbers.y.to_bytes(32, "big")),
    }
    kid = _base64url(hashlib.sha256(to_canonical_json(point).encode()).digest())
    return SigningKey(private, public, {**point, "kid": kid, "use": "sig", "alg": ALGORITHM})


def issue_token(user_id: UUID, staff: bool) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(user_id),
        "staff": staff,
        "iat": now,
        "exp": now + settings.SHOP.token_ttl_seconds,
    }
    key = signing_key()
    return jwt.encode(claims, key.private, ALGORITHM, headers={"kid": key.kid})


def verify_bearer(header: str | None) -> Principal:
    """Check an Authorization header. Raises Unauthenticated, without saying why."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(token) <= LONGEST_TOKEN_BYTES:
        raise Unauthenticated
    key = signing_key()
    try:
        verified = jwt.decode_complete(
            token, key.public, [ALGORITHM], _OPTIONS, audience=AUDIENCE, issuer=ISSUER
        )
    except (jwt.InvalidTokenError, ValueError, TypeError, RecursionError):
        raise Unauthenticated from None
    return _principal(verified["header"], verified["payload"], key.kid)


def _principal(header: dict[str, Any], claims: dict[str, Any], kid: str) -> Principal:
    staff = claims.get("staff")
    if header.get("kid") != kid or type(staff) is not bool or not is_uuid(claims["sub"]):
        raise Unauthenticated
    return Principal(UUID(claims["sub"]), staff)


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
