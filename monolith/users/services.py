"""Registration and sign-in."""

import uuid
from typing import Any

from django.conf import settings

from monolith.common import errors, sql
from monolith.common.tokens import issue_token
from monolith.users.passwords import hash_password, verify_password
from monolith.users.selectors import credentials_get, user_view

CREATE = """
INSERT INTO users (id, email, password_hash, full_name, staff, created_at)
VALUES (%s, %s, %s, %s, false, now())
ON CONFLICT (email) DO NOTHING
RETURNING id, email, full_name, created_at
"""


def user_create(*, email: str, password: str, full_name: str) -> dict[str, Any]:
    """Register a customer. Raises EmailTaken."""
    row = sql.fetch_one(CREATE, (uuid.uuid4(), email, hash_password(password), full_name))
    if row is None:
        raise errors.EmailTaken
    return user_view(row)


def token_create(*, email: str, password: str) -> dict[str, Any]:
    """Sign in. Raises InvalidCredentials, after the same time whichever part is wrong."""
    user_id, staff, password_hash = credentials_get(email=email) or (None, False, None)
    sql.release_connection()  # the hash takes longer than a hundred reads
    if not verify_password(password, password_hash) or user_id is None:
        raise errors.InvalidCredentials
    return {
        "access_token": issue_token(user_id, staff),
        "token_type": "Bearer",
        "expires_in": settings.SHOP.token_ttl_seconds,
    }
