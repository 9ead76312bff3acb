"""The first start makes secrets that only their reader may read; later ones change nothing."""

import json
import os
from pathlib import Path

import pytest

from bench.contract.seed import SeedSpec
from bench.deployments.compose.people import USERS
from bench.deployments.compose.setup.__main__ import Vault, make_secrets, make_seed, seed_of
from bench.errors import ShopbenchError

SMALL = SeedSpec(users=2, products=3, categories=1)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vault:
    if os.geteuid() != 0:  # as in the container, only root may give files away
        monkeypatch.setattr(os, "chown", lambda *_: None)
    (tmp_path / "given").mkdir()
    (tmp_path / "secrets").mkdir()
    return Vault(tmp_path / "secrets", tmp_path / "given")


def test_a_second_start_finds_the_same_secrets(vault: Vault) -> None:
    make_secrets(vault)
    first = contents(vault.root)
    make_secrets(vault)
    assert contents(vault.root) == first


def test_no_two_shops_have_the_same_secrets(vault: Vault, tmp_path: Path) -> None:
    make_secrets(vault)
    other = Vault(tmp_path / "other", vault.given)
    other.root.mkdir()
    make_secrets(other)
    ours, theirs = contents(vault.root), contents(other.root)
    assert not [name for name in ours if ours[name] == theirs[name]]


def test_every_secret_is_for_its_reader_alone(vault: Vault) -> None:
    make_secrets(vault)
    for path in vault.root.rglob("*"):
        if path.is_file() and path.name != "services.jwks.json":
            assert path.stat().st_mode & 0o777 == 0o400
    if os.geteuid() == 0:
        assert (vault.root / "orders" / "pgpass").stat().st_uid == USERS["orders"]
        assert (vault.root / "db-orders" / "shop_orders").stat().st_uid == 999


def test_the_list_of_public_keys_has_no_private_one(vault: Vault) -> None:
    make_secrets(vault)
    keys = json.loads((vault.root / "services.jwks.json").read_text())["keys"]
    assert len(keys) == 6
    assert not [key for key in keys if "d" in key]
    assert {key["process"] for key in keys} == {
        *("users", "inventory", "orders", "payments", "gateway"),
        "users+inventory+orders+payments",
    }


def test_what_is_given_is_taken_over(vault: Vault) -> None:
    (vault.given / "db-orders").mkdir()
    (vault.given / "db-orders" / "shop_orders").write_text("given")
    make_secrets(vault)
    assert (vault.root / "db-orders" / "shop_orders").read_text() == "given"
    assert (
        "db-orders:*:shop_orders:shop_orders:given\n"
        in (vault.root / "orders" / "pgpass").read_text()
    )


def test_the_seed_is_made_once_and_again_for_another_number(tmp_path: Path) -> None:
    seed, none = tmp_path / "seed", tmp_path / "none"
    make_seed(seed, SMALL, none)
    first = contents(seed)
    make_seed(seed, SMALL, none)
    assert contents(seed) == first
    make_seed(seed, SeedSpec(seed=2, users=2, products=3, categories=1), none)
    assert contents(seed) != first


def test_a_malformed_seed_is_one_line() -> None:
    with pytest.raises(ShopbenchError, match="SHOP_SEED must be a whole number"):
        seed_of({"SHOP_SEED": "many"})
