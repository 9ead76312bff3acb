"""Makes user tokens, good and bad, with the deployment's own signing key or with a stranger's."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

TOKEN_TTL_S = 3600


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unbase64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode_part(value: Any) -> str:
    """One part of a compact JWT."""
    return base64url(json.dumps(value, separators=(",", ":")).encode())


def decode_part(token: str, index: int) -> dict[str, Any]:
    """The header (0) or the claims (1) of a token, unverified."""
    part: dict[str, Any] = json.loads(unbase64url(token.split(".")[index]))
    return part


def load_signing_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The private ES256 key at `path` (PEM)."""
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path} holds no elliptic-curve key")
    return key


def thumbprint(key: ec.EllipticCurvePrivateKey) -> str:
    """RFC 7638: the SHA-256 of the public key's required members."""
    numbers = key.public_key().public_numbers()
    members = {
        "crv": "P-256",
        "kty": "EC",
        "x": base64url(numbers.x.to_bytes(32, "big")),
        "y": base64url(numbers.y.to_bytes(32, "big")),
    }
    return base64url(hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest())


def good_claims(user_id: str, staff: bool = False) -> dict[str, Any]:
    """The claims of a token that a deployment accepts."""
    now = int(time.time())
    return {
        "iss": "shop",
        "aud": "shop",
        "sub": user_id,
        "staff": staff,
        "iat": now,
        "exp": now + TOKEN_TTL_S,
    }


def sign(claims: Mapping[str, Any], key: ec.EllipticCurvePrivateKey, kid: str | None = None) -> str:
    """An ES256 token; `kid` is the key's thumbprint unless given."""
    headers = {"kid": thumbprint(key) if kid is None else kid}
    return jwt.encode(dict(claims), key, algorithm="ES256", headers=headers)


def unsigned(claims: Mapping[str, Any], algorithm: str = "none") -> str:
    """A token with `alg: none` (or another spelling of it) and no signature."""
    return f"{encode_part({'alg': algorithm, 'typ': 'JWT'})}.{encode_part(dict(claims))}."


def hs256_with(secret: bytes, claims: Mapping[str, Any], kid: str) -> str:
    """A token signed symmetrically: the attack is to use the public key as the secret."""
    header = encode_part({"alg": "HS256", "typ": "JWT", "kid": kid})
    signing_input = f"{header}.{encode_part(dict(claims))}"
    signature = hmac.new(secret, signing_input.encode(), hashlib.sha256).digest()
    return f"{signing_input}.{base64url(signature)}"


def with_claims(token: str, **changes: Any) -> str:
    """The same token and signature over other claims."""
    header, _, signature = token.split(".")
    return f"{header}.{encode_part({**decode_part(token, 1), **changes})}.{signature}"


def with_header(token: str, **changes: Any) -> str:
    """The same claims and signature under another header."""
    _, claims, signature = token.split(".")
    return f"{encode_part({**decode_part(token, 0), **changes})}.{claims}.{signature}"
