"""What an arm is made of, from its requirements file and the packages installed here."""

from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from bench.deployments.compose.engine import COMPOSE_FILE
from bench.errors import ShopbenchError
from bench.experiments.footprint import shipped as module
from bench.experiments.footprint.records import MIB, Footprint, Shipped
from bench.experiments.footprint.shipped import (
    closure,
    image_bytes,
    images_of,
    requirements,
    shipped,
)
from bench.experiments.footprint.told import shipped_lines


def test_a_package_brings_what_it_needs_and_extras_only_where_they_are_asked_for() -> None:
    plain, extra = closure([Requirement("psycopg")]), closure([Requirement("psycopg[binary,pool]")])
    assert extra.keys() - plain.keys() == {"psycopg-binary", "psycopg-pool"}


def test_either_arm_has_its_framework_and_not_the_other() -> None:
    monolith, services = shipped("monolith"), shipped("users+inventory|orders+payments")
    assert {"django", "gunicorn", "asgiref"} <= monolith.packages.keys()
    assert {"aiohttp", "uvloop", "multidict"} <= services.packages.keys()
    assert not {"django", "locust"} & services.packages.keys()
    assert min(monolith.packages.values()) > 0
    assert services.code_bytes > 10_000


def test_a_package_that_is_not_there_is_said() -> None:
    with pytest.raises(ShopbenchError, match="the package no-such-thing is not installed"):
        closure([Requirement("no-such-thing")])
    with pytest.raises(ShopbenchError, match=r"requirements\.txt of the nowhere"):
        requirements(Path("nowhere/requirements.txt"))


def test_what_cannot_be_weighed_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_engine(*_: str, seconds: float) -> str:
        raise ShopbenchError("no Docker engine answers; start it, or leave out `--on compose`")

    monkeypatch.setattr(module, "docker", no_engine)
    build = (
        r"\(no Docker engine answers\); `docker compose --profile monolith build` makes the images"
    )
    with pytest.raises(ShopbenchError, match=build):
        image_bytes(["monolith"])
    monkeypatch.setattr(module, "COMPOSE_FILE", tmp_path / "docker-compose.yml")
    with pytest.raises(ShopbenchError, match="an installed copy has no docker-compose"):
        image_bytes(["monolith"])


def test_each_image_has_the_size_that_the_engine_states(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "docker", lambda *_, seconds: "104857600\n20971520\n")
    found = image_bytes(["monolith"])["monolith"]
    assert sorted(found.values()) == [20 * MIB, 100 * MIB]
    assert all(name.startswith("shop-") for name in found)
    line, note = shipped_lines(
        Footprint(shipped=(Shipped("x", {"a": MIB}, 2048, found),), images_note="y")
    )
    assert line.startswith("x needs 1 packages of 1 MiB, its own code is 2 KiB, image shop-")
    assert note == "y"


def test_the_images_that_go_on_running_are_those_of_the_profile() -> None:
    document = yaml.safe_load(COMPOSE_FILE.read_text())
    assert set(images_of("monolith", document)) == {"shop-postgres", "shop-monolith"}
    assert {"shop-gateway", "shop-orders"} <= set(images_of("microservices", document))
    assert images_of("users|inventory+orders+payments", document) == []
