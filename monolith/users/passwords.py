"""Passwords: argon2id as PHC strings, the same parameters everywhere."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Made at import: made at the first unknown user, that one would take twice the time.
_HASH_OF_NOBODY = _HASHER.hash(secrets.token_hex(16))


def hash_password(password: str) -> str:
    return _HASHER.hash(password)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Check a password; an unknown user (no hash) costs the same time as a wrong password."""
    try:
        _HASHER.verify(password_hash or _HASH_OF_NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None
