"""The shop's starting data from one integer: CSV files that every deployment loads by COPY.

The load generator takes ids, logins and popularity from here too, so it needs no database.
"""

import csv
import json
import math
import random
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from argon2.low_level import Type, hash_secret

from bench.errors import ShopbenchError

SCHEMA_VERSION = 1
PASSWORD = "correct-horse-battery"
STAFF_EMAIL = "staff@shop.example"
PLENTY_UNITS = 1_000_000_000
PLENTY_CENTS = 1_000_000_000_000
ZIPF_EXPONENT = 0.9  # web catalogues are measured at 0.6-1.0 (Breslau et al., INFOCOM 1999)

_NAMESPACE = uuid.UUID("6f2d9a1e-3c47-5b8a-9d10-5e7c4b2a1f03")
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_CATEGORIES = (
    "audio bags books cameras ceramics coffee cycling games garden kitchen "
    "lamps music outdoor paper pets shoes tea textiles tools toys"
).split()
_QUALITIES = (
    "amber bold calm classic compact dark deep fine folding gentle golden grand green hollow ivory "
    "light little lunar marble modern narrow noble northern oak olive pale plain quiet rapid red "
    "round rustic silver simple small soft solid steady striped sturdy tall tiny urban vivid warm "
    "white wide winter"
).split()


@dataclass(frozen=True)
class SeedSpec:
    """What to generate. The same spec gives the same bytes on every machine."""

    seed: int = 1
    users: int = 200
    products: int = 2_000
    categories: int = 20
    scarce: bool = False

    def __post_init__(self) -> None:
        if min(self.users, self.products, self.categories) < 1 or self.seed < 0:
            message = "a seed needs at least one user, product and category, and a number >= 0"
            raise ShopbenchError(message, exit_code=2)


def user_email(number: int) -> str:
    """The address of user `number`, counted from 1."""
    return f"user{number:04d}@shop.example"


def user_ids(spec: SeedSpec) -> tuple[str, ...]:
    """Ids of the customers, in the order of `user_email`."""
    return tuple(_id(spec, "user", number) for number in range(1, spec.users + 1))


@lru_cache(maxsize=8)
def product_ids(spec: SeedSpec) -> tuple[str, ...]:
    """Ids of the products, in the order of products.csv and of `product_weights`."""
    return tuple(_id(spec, "product", number) for number in range(1, spec.products + 1))


@lru_cache(maxsize=8)
def product_weights(spec: SeedSpec) -> tuple[float, ...]:
    """Popularity of each product: rank**-0.9, normalised to 1, ranks dealt at random by the seed.

    Dealt, because popular products that lie together in the name index would be cached together.
    """
    ranks = list(range(1, spec.products + 1))
    _random(spec, "popularity").shuffle(ranks)
    weights = [rank**-ZIPF_EXPONENT for rank in ranks]
    total = math.fsum(weights)
    return tuple(weight / total for weight in weights)


def category_names(spec: SeedSpec) -> tuple[str, ...]:
    """Names of the categories; beyond twenty they are numbered."""
    named = _CATEGORIES[: spec.categories]
    return (*named, *(f"range-{number}" for number in range(len(named) + 1, spec.categories + 1)))


@lru_cache(maxsize=8)
def password_hash(seed: int) -> str:
    """The one argon2id hash of `PASSWORD` (m=19 MiB, t=2, p=1); its salt comes from the seed."""
    salt = sha256(f"shop-seed-{seed}".encode()).digest()[:16]
    return hash_secret(PASSWORD.encode(), salt, 2, 19_456, 1, 32, Type.ID).decode()


def write_seed(spec: SeedSpec, directory: Path) -> Path:
    """Write users.csv, products.csv, wallets.csv and seed.json into `directory`; return it."""
    directory.mkdir(parents=True, exist_ok=True)
    _write_csv(
        directory / "users.csv",
        "id email password_hash full_name staff created_at",
        _user_rows(spec),
    )
    _write_csv(
        directory / "products.csv",
        "id sku name description category price_cents quantity created_at",
        _product_rows(spec),
    )
    _write_csv(
        directory / "wallets.csv",
        "user_id balance_cents transfer_id created_at",
        _wallet_rows(spec),
    )
    sizes = asdict(spec)
    seed, scarce = sizes.pop("seed"), sizes.pop("scarce")
    manifest = {"schema_version": SCHEMA_VERSION, "seed": seed, "sizes": sizes, "scarce": scarce}
    (directory / "seed.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return directory


def _user_rows(spec: SeedSpec) -> Iterator[Sequence[object]]:
    hashed = password_hash(spec.seed)
    for number, user_id in enumerate(user_ids(spec), start=1):
        name = f"Customer {number:04d}"
        yield user_id, user_email(number), hashed, name, "false", _moment(number)
    yield _id(spec, "staff", 1), STAFF_EMAIL, hashed, "Shop Staff", "true", _moment(0)


def _product_rows(spec: SeedSpec) -> Iterator[Sequence[object]]:
    draw = _random(spec, "products")
    stock = _random(spec, "stock")
    categories = category_names(spec)
    for number, product_id in enumerate(product_ids(spec), start=1):
        category = categories[(number - 1) % len(categories)]
        name = f"{draw.choice(_QUALITIES)} {draw.choice(_QUALITIES)} {category}".capitalize()
        description = f"{name}, article {number}. " + " ".join(draw.choices(_QUALITIES, k=12))
        price_cents = round(math.exp(draw.uniform(math.log(199), math.log(19_999))))
        quantity = stock.randint(20, 200) if spec.scarce else PLENTY_UNITS
        sku = f"{category[:3].upper()}-{number:05d}"
        yield (
            *(product_id, sku, name, description, category),
            *(price_cents, quantity, _moment(number)),
        )


def _wallet_rows(spec: SeedSpec) -> Iterator[Sequence[object]]:
    balance_cents = 0 if spec.scarce else PLENTY_CENTS
    for number, user_id in enumerate(user_ids(spec), start=1):
        yield user_id, balance_cents, _id(spec, "deposit", number), _moment(number)


def _write_csv(path: Path, header: str, rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split())
        writer.writerows(rows)


def _id(spec: SeedSpec, kind: str, number: int) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{spec.seed}/{kind}/{number}"))


def _random(spec: SeedSpec, purpose: str) -> random.Random:
    return random.Random(f"{spec.seed}/{purpose}")


def _moment(number: int) -> str:
    return (_EPOCH + timedelta(seconds=number)).isoformat().replace("+00:00", "Z")
