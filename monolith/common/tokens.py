"""User tokens: ES256 JWTs signed with the key of SIGNING_KEY_FILE, and the public key set.

Nothing verified is kept: every request pays for its own check.
"""

import hashlib
import json
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from jwt.algorithms import ECAlgorithm
from jwt.utils import base64url_encode

from monolith.common.fields import is_uuid

ISSUER = AUDIENCE = "shop"
ALGORITHM = "ES256"
# Clocks differ. Not PyJWT's leeway, which would prolong `exp` as well.
IAT_AHEAD_SECONDS = 60

_OPTIONS = {"require": ["exp", "iss", "aud", "sub"], "verify_iat": False}


@dataclass(frozen=True)
class Principal:
    """Whom a verified token speaks for; what DRF's permissions ask of a user."""

    id: UUID
    is_staff: bool
    is_authenticated = True


@dataclass(frozen=True)
class SigningKey:
    private: ec.EllipticCurvePrivateKey
    public: ec.EllipticCurvePublicKey
    kid: str
    jwk: dict[str, Any]


@lru_cache(maxsize=1)
def signing_key() -> SigningKey:
    """Read the key once a process; its id is the RFC 7638 thumbprint."""
    private = load_pem_private_key(settings.SHOP.signing_key_file.read_bytes(), password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise TypeError("SIGNING_KEY_FILE is no EC key")
    public = private.public_key()
    point = ECAlgorithm.to_jwk(public, as_dict=True)
    canonical = json.dumps(point, sort_keys=True, separators=(",", ":"))
    kid = base64url_encode(hashlib.sha256(canonical.encode()).digest()).decode()
    return SigningKey(private, public, kid, {**point, "kid": kid, "use": "sig", "alg": ALGORITHM})


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


def verify_token(token: str) -> Principal | None:
    """Whom the token speaks for; None, without a reason, if it is not one of ours."""
    key = signing_key()
    try:
        verified = jwt.decode_complete(
            token, key.public, [ALGORITHM], _OPTIONS, audience=AUDIENCE, issuer=ISSUER
        )
    except (jwt.InvalidTokenError, ValueError, TypeError, RecursionError):
        return None
    claims = verified["payload"]
    if verified["header"].get("kid") != key.kid or not _well_formed(claims):
        return None
    return Principal(UUID(claims["sub"]), claims["staff"])


def _well_formed(claims: dict[str, Any]) -> bool:
    issued_at, subject = claims.get("iat", 0), claims["sub"]
    if type(issued_at) not in (int, float) or not issued_at <= time.time() + IAT_AHEAD_SECONDS:
        return False
    return type(claims.get("staff")) is bool and type(subject) is str and bool(is_uuid(subject))
