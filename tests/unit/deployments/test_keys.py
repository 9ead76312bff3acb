"""Keys made for a deployment."""

import json
import stat

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm

from bench.deployments.local.home import StateHome
from bench.deployments.local.keys import prepare_keys, public_jwk


def test_the_signing_key_is_made_once_and_service_keys_each_time(home: StateHome, tmp_path) -> None:
    first = prepare_keys(home, tmp_path / "first", ["users", "orders"])
    second = prepare_keys(home, tmp_path / "second", ["users", "orders"])
    assert first.signing.read_bytes() == second.signing.read_bytes()
    assert first.service["users"].read_bytes() != second.service["users"].read_bytes()


def test_nobody_else_may_read_a_private_key(home: StateHome, tmp_path) -> None:
    keys = prepare_keys(home, tmp_path / "keys", ["users"])
    for path in (keys.signing, keys.service["users"]):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_key_set_verifies_what_each_process_signs(home: StateHome, tmp_path) -> None:
    keys = prepare_keys(home, tmp_path / "keys", ["users", "orders+payments"])
    published = {key["kid"]: key for key in json.loads(keys.jwks.read_text())["keys"]}
    assert {key["process"] for key in published.values()} == {"users", "orders+payments"}
    for path in keys.service.values():
        private = load_pem_private_key(path.read_bytes(), None)
        jwk = published[public_jwk(private)["kid"]]
        token = jwt.encode({"aud": "shop"}, private, algorithm="ES256")
        public = ECAlgorithm.from_jwk(json.dumps(jwk))
        assert jwt.decode(token, public, algorithms=["ES256"], audience="shop") == {"aud": "shop"}


def test_a_key_is_named_by_its_thumbprint() -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.derive_private_key(7, ec.SECP256R1())
    jwk = public_jwk(key)
    thumbprint = jwt.PyJWK(jwk).key_id
    assert jwk["kid"] == thumbprint
    assert len(jwk["kid"]) == 43
