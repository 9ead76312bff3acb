"""What a schedule draws from: the seeded users, products and categories."""

from __future__ import annotations

from dataclasses import dataclass

from bench.contract.seed import (
    SeedSpec,
    category_names,
    product_ids,
    product_weights,
    user_email,
    user_ids,
)


@dataclass(frozen=True)
class SeededUser:
    """A customer of the seed."""

    id: str
    email: str


@dataclass(frozen=True)
class Catalogue:
    """Users, products with popularity (adds up to 1), categories; alike in every deployment."""

    users: tuple[SeededUser, ...]
    products: tuple[str, ...]
    weights: tuple[float, ...]
    categories: tuple[str, ...]


def seeded_catalogue(spec: SeedSpec) -> Catalogue:
    """The catalogue of a seed, without asking any deployment."""
    users = tuple(
        SeededUser(user_id, user_email(number))
        for number, user_id in enumerate(user_ids(spec), start=1)
    )
    return Catalogue(users, product_ids(spec), product_weights(spec), category_names(spec))
