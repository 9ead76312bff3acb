"""Loading users from a seed directory (`load_seed`)."""

from pathlib import Path
from typing import Any

from monolith.common.seed import copy_rows, read_rows

TABLES = ("users",)

_COLUMNS = ("id", "email", "password_hash", "full_name", "staff", "created_at")


def load(cursor: Any, directory: Path) -> None:
    rows = read_rows(directory / "users.csv", _COLUMNS)
    copy_rows(cursor, "users", _COLUMNS, (_as_django_has_it(*row) for row in rows))


def _as_django_has_it(
    user_id: str, email: str, password_hash: str, *others: str
) -> tuple[str, ...]:
    """Django writes the hasher's name before the hash."""
    return user_id, email, f"argon2{password_hash}", *others
