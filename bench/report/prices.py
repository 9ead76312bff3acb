"""What CPU and memory cost: the prices from which sections compute money (`bench/prices.toml`)."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import msgspec

import bench
from bench.results.journal import CorruptResults

PRICES = Path(bench.__file__).resolve().parent / "prices.toml"
SECONDS_AN_HOUR, MILLION = 3600.0, 1e6


@dataclass(frozen=True)
class Prices:
    """What a vCPU and a GiB cost for an hour. `label` says what kind of prices they are."""

    label: str
    date: str
    currency: str
    vcpu_hour: float
    gib_hour: float


def read_prices(path: Path = PRICES) -> Prices:
    """Read a price file. Raises CorruptResults with one line."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Prices)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as exc:
        raise CorruptResults(f"{path}: {exc}") from exc
