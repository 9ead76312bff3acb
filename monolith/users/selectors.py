"""Reads of users."""

from typing import Any
from uuid import UUID

from monolith.common import sql
from monolith.common.rendering import to_time

USER_BY_ID = "SELECT id, email, full_name, created_at FROM users WHERE id = %s"
CREDENTIALS_BY_EMAIL = "SELECT id, staff, password_hash FROM users WHERE email = %s"


def user_get(*, user_id: UUID) -> dict[str, Any] | None:
    row = sql.fetch_one(USER_BY_ID, (user_id,))
    return row and user_view(row)


def credentials_get(*, email: str) -> tuple[UUID, bool, str] | None:
    """Id, staff flag and password hash."""
    return sql.fetch_one(CREDENTIALS_BY_EMAIL, (email,))


def user_view(row: sql.Row) -> dict[str, Any]:
    """A row of `USER_BY_ID` as the contract shows it."""
    user_id, email, full_name, created_at = row
    return {
        "id": str(user_id),
        "email": email,
        "full_name": full_name,
        "created_at": to_time(created_at),
    }
