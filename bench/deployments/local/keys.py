"""Keys a deployment is given: one for user tokens that outlives it, one for each process.

The key that signs user tokens stays in the state home, so that tokens survive `reset` and
`switch`. Service keys are made at each start. A key's id is its RFC 7638 thumbprint.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench.deployments.local.home import StateHome, write_private

_COORDINATE_BYTES = 32


@dataclass(frozen=True)
class KeyFiles:
    """Paths handed to the processes."""

    signing: Path
    service: dict[str, Path]
    jwks: Path


def prepare_keys(home: StateHome, folder: Path, processes: Iterable[str]) -> KeyFiles:
    """Make a key for each process below `folder`, and the home's signing key at first use."""
    folder.mkdir(mode=0o700, exist_ok=True)
    service: dict[str, Path] = {}
    public = []
    for name in processes:
        key = ec.generate_private_key(ec.SECP256R1())
        service[name] = folder / f"{name}.pem"
        write_private(service[name], private_pem(key))
        public.append({**public_jwk(key), "process": name})  # a callee names who may call what
    jwks = folder / "services.jwks.json"
    write_private(jwks, json.dumps({"keys": public}))
    return KeyFiles(signing_key(home), service, jwks)


def public_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    """Return the public half as a JWK, `kid` = its RFC 7638 thumbprint."""
    numbers = key.public_key().public_numbers()
    members = {
        "crv": "P-256",
        "kty": "EC",
        "x": _coordinate(numbers.x),
        "y": _coordinate(numbers.y),
    }
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode("ascii")
    kid = _base64url(hashlib.sha256(canonical).digest())
    return {**members, "kid": kid, "use": "sig", "alg": "ES256"}


def signing_key(home: StateHome) -> Path:
    """The key of user tokens that all deployments of this user share; made at its first use."""
    path = home.keys / "signing.pem"
    with home.lock("keys"):
        if not path.exists():
            write_private(path, private_pem(ec.generate_private_key(ec.SECP256R1())))
    return path


def private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """Return the key as unencrypted PKCS 8."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")


def _coordinate(value: int) -> str:
    return _base64url(value.to_bytes(_COORDINATE_BYTES, "big"))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
