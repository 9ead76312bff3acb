"""P-256 keys: from PEM files, from JWKs, and as public JWKs."""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm

from microservices.chassis.settings import stop

ALGORITHM = "ES256"
Jwk: TypeAlias = dict[str, str]


def public_key(jwk: Mapping[str, str]) -> ec.EllipticCurvePublicKey:
    """The P-256 public key of a JWK; ValueError if it is none."""
    try:
        key = ECAlgorithm(ECAlgorithm.SHA256).from_jwk(dict(jwk))
    except jwt.InvalidKeyError as error:
        raise ValueError(str(error)) from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("not a public P-256 key")
    return key


def jwk_of(key: ec.EllipticCurvePublicKey) -> Jwk:
    """The public JWK of a key; its `kid` is the thumbprint of RFC 7638."""
    numbers = key.public_numbers()
    x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
    jwk = {"crv": "P-256", "kty": "EC", "x": _b64(x), "y": _b64(y)}
    digest = hashlib.sha256(json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode())
    return {**jwk, "kid": _b64(digest.digest()), "use": "sig", "alg": ALGORITHM}


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def load_private_key(setting: str, path: str) -> ec.EllipticCurvePrivateKey:
    """The private P-256 key of a PEM file, or the end of the process with one clear line."""
    try:
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        stop(f"setting {setting}: {path} holds no readable private key: {error}")
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        stop(f"setting {setting}: {path} holds no P-256 key")
    return key
