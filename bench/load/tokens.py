"""User tokens, minted before a run so that no login (argon2) is part of the measured load."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import time
from pathlib import Path
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm

from bench.contract.seed import PASSWORD, SeedSpec, user_email, user_ids
from bench.errors import ShopbenchError

ISSUER = AUDIENCE = "shop"
LIFETIME_S = 24 * 3600


def sign_tokens(shop: SeedSpec, key_file: Path) -> list[str]:
    """Sign a token for each customer of a seed with the shop's own key (ES256, PEM)."""
    try:
        key = load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError) as exc:
        raise ShopbenchError(f"cannot read the signing key {key_file}: {exc}", 3) from exc
    if not isinstance(key, EllipticCurvePrivateKey):
        raise ShopbenchError(f"{key_file} holds no EC private key", 3)
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "staff": False, "iat": now, "exp": now + LIFETIME_S}
    headers = {"kid": key_id(key)}
    return [
        jwt.encode({**claims, "sub": user_id}, key, algorithm="ES256", headers=headers)
        for user_id in user_ids(shop)
    ]


def key_id(key: EllipticCurvePrivateKey) -> str:
    """The RFC 7638 thumbprint of the public key."""
    jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()


def request_tokens(shop: SeedSpec, base_url: str) -> list[str]:
    """Log each customer of a seed in over HTTP (20-40 ms of CPU each).

    Raises ShopbenchError on a refusal.
    """
    parts = urlsplit(base_url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        return [_log_in(connection, user_email(number)) for number in range(1, shop.users + 1)]
    except (OSError, http.client.HTTPException, ValueError, KeyError) as exc:
        raise ShopbenchError(f"cannot log seeded users in at {base_url}: {exc}", 3) from exc
    finally:
        connection.close()


def _log_in(connection: http.client.HTTPConnection, email: str) -> str:
    body = json.dumps({"email": email, "password": PASSWORD})
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/api/v1/auth/tokens", body, headers)
    response = connection.getresponse()
    content = response.read()
    if response.status != 200:
        raise ValueError(f"status {response.status} for {email}")
    token: str = json.loads(content)["access_token"]
    return token
