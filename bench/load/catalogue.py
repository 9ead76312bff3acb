"""What a schedule draws from: the seeded users, products and categories."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from bench.errors import ShopbenchError


@dataclass(frozen=True)
class SeededUser:
    """A customer of the seed."""

    id: str
    email: str


@dataclass(frozen=True)
class Catalogue:
    """Users, product ids (most popular first) and categories, the same in every deployment."""

    users: tuple[SeededUser, ...]
    products: tuple[str, ...]
    categories: tuple[str, ...]

    def __post_init__(self) -> None:
        if not (self.users and self.products and self.categories):
            raise ShopbenchError("the seed has no users, products or categories", 3)


def read_catalogue(seed_dir: Path) -> Catalogue:
    """Read the catalogue from a seed folder. Raises ShopbenchError if it cannot be read."""
    try:
        users = tuple(
            SeededUser(row["id"], row["email"])
            for row in _lines(seed_dir / "users.csv")
            if row["staff"].lower() not in {"t", "true", "1"}
        )
        rows = _lines(seed_dir / "products.csv")
        products = tuple(row["id"] for row in rows)
        categories = tuple(sorted({row["category"] for row in rows}))
    except (OSError, KeyError, csv.Error) as exc:
        raise ShopbenchError(f"cannot read the seed in {seed_dir}: {exc}", 3) from exc
    return Catalogue(users, products, categories)


def _lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
