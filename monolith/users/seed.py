"""Loading users from a seed directory (`load_seed`)."""

from pathlib import Path
from typing import Any

from monolith.common.seed import copy_rows, read_rows

TABLES = ("users",)


def load(cursor: Any, directory: Path) -> None:
    columns = ("id", "email", "password_hash", "full_name", "staff", "created_at")
    copy_rows(cursor, "users", columns, read_rows(directory / "users.csv", columns))
