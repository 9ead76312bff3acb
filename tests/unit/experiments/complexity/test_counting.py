"""Lines, Dockerfiles and the compose file, each on a small file whose counts are known."""

from pathlib import Path

import pytest

from bench.errors import ShopbenchError
from bench.experiments.complexity.calls import Flow
from bench.experiments.complexity.machinery import check_clone, machinery_of
from bench.experiments.complexity.running import different_faults
from bench.experiments.complexity.shipped import build, copied
from bench.experiments.complexity.source_lines import plain_lines, python_lines
from bench.faults.catalogue import DeploymentFacts

SOURCE = '''"""A module.

Of two lines."""

import os  # why


# a comment
def f() -> str:
    """What it does."""
    return """SELECT 1

    FROM t"""
'''
COMPOSE = """
x-app: &app
  restart: always
services:
  db:
    image: postgres
    profiles: [shop, other]
    build: {dockerfile: Dockerfile}
    volumes: ["data:/var", "secrets:/secrets:ro"]
  app:
    <<: *app
    profiles: [shop]
    image: app
    build: {dockerfile: Dockerfile}
    # a comment

    depends_on:
      db: {condition: service_healthy}
    environment:
      KEY_FILE: /secrets/key
      BIND: x
  alien:
    profiles: [other]
    image: alien
    build: {dockerfile: Dockerfile}
"""
DOCKERFILE = """
FROM python AS build
COPY requirements.txt ./
FROM python AS runtime
COPY --from=build /venv /venv
COPY shop/chassis shop/chassis
FROM runtime AS everything
COPY shop shop
FROM runtime AS service
ARG COMPONENT
COPY shop/${COMPONENT} shop/${COMPONENT}
"""


def test_lines_of_code_are_no_docstrings_comments_or_blanks() -> None:
    assert python_lines(SOURCE) == 5
    assert plain_lines("-- why\n\nSELECT 1;\n  -- more\n", "--") == 1


def test_an_image_ships_what_its_last_stage_and_those_below_copy(tmp_path: Path) -> None:
    found = copied(DOCKERFILE, {"COMPONENT": "users"})
    assert found == [("shop/chassis", "shop/chassis"), ("shop/users", "shop/users")]
    for name in ("chassis", "users", "orders"):
        (tmp_path / "tree/shop" / name).mkdir(parents=True)
        (tmp_path / "tree/shop" / name / "app.py").touch()
    build(tmp_path / "tree", found, tmp_path / "image")
    assert {path.name for path in (tmp_path / "image/shop").iterdir()} == {"chassis", "users"}


def compose(folder: Path, text: str) -> Path:
    (folder / "Dockerfile").write_text("# why\nFROM x\nRUN y\n")
    path = folder / "docker-compose.yml"
    path.write_text(text)
    return path


def test_a_profile_is_its_services_and_all_they_name(tmp_path: Path) -> None:
    found = machinery_of("shop", compose(tmp_path, COMPOSE))
    assert found.services == ("db", "app")
    assert found.images == ("postgres", "app")
    assert found.dependencies == ("app -> db",)
    assert found.settings == ("app KEY_FILE", "app BIND")
    assert found.secrets == ("app KEY_FILE",)
    assert found.volumes == ("data", "secrets")
    assert (found.lines, found.dockerfile_lines) == (5 + 10, 2)


def test_a_planted_start_up_dependency_is_counted(tmp_path: Path) -> None:
    more = COMPOSE.replace(
        "    profiles: [shop, other]\n", "    profiles: [shop]\n    depends_on: [app]\n"
    )
    assert len(machinery_of("shop", compose(tmp_path, more)).dependencies) == 2


def test_an_installed_copy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShopbenchError, match="needs a clone") as caught:
        check_clone(tmp_path / "docker-compose.yml")
    assert caught.value.exit_code == 3


def test_what_passes_in_an_idle_shop_is_taken_off() -> None:
    idle = Flow(2.0, {"db:shop": 4.0, "users": 0.0}, 100.0, 4.0, 4.0)
    busy = Flow(1.0, {"db:shop": 22.0, "users": 20.0}, 1050.0, 22.0, 22.0)
    own = busy.less(idle, busy.seconds / idle.seconds).each(20)
    assert own.calls == {"db:shop": 1.0, "users": 1.0}
    assert (own.bytes_sent, own.statements, own.commits) == (50.0, 1.0, 1.0)
    assert idle.less(busy, 1.0).commits == 0.0


def test_faults_that_are_the_same_thing_count_once() -> None:
    names = ("users", "inventory", "orders", "payments")
    servers = {f"db:{name}": (name,) for name in names}
    alone = {name: (name,) for name in names}
    whole = DeploymentFacts(
        "monolith", {"monolith": names}, {"db:shop": names}, frozenset({"db:shop"}), True
    )
    apart = DeploymentFacts(
        "microservices", {"gateway": (), **alone}, servers, frozenset((*names, *servers)), True
    )
    assert sum("PostgreSQL" in each for each in different_faults(whole)) == 1
    assert sum("PostgreSQL" in each for each in different_faults(apart)) == 4
    assert len(different_faults(apart)) > len(different_faults(whole))
