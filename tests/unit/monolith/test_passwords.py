"""Passwords: the seed's hashes are known, and nobody's hash costs the same."""

from bench.contract.seed import PASSWORD, password_hash
from monolith.users.passwords import hash_password, verify_password


def test_a_hash_of_the_seed_is_verified() -> None:
    assert verify_password(PASSWORD, password_hash(1))
    assert not verify_password(PASSWORD + "x", password_hash(1))


def test_a_new_hash_has_the_parameters_of_the_contract() -> None:
    assert hash_password(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_nobody_has_a_password() -> None:
    assert not verify_password(PASSWORD, None)
