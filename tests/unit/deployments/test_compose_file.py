"""docker-compose.yml: equal budgets, one public port, pinned images, and no secret in it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.deployments.base import UpOptions
from bench.deployments.compose.layout import layout_of
from bench.deployments.compose.people import ROLES, SERVERS, USERS
from bench.deployments.local.keys import KeyFiles
from bench.deployments.local.plan import Facts, process_plans
from bench.deployments.local.postgres import ServerBudget
from bench.deployments.local.topology import NAMES, parse_topology

ROOT = Path(__file__).resolve().parents[3]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())[
    "services"
]
DOCKERFILES = sorted(ROOT.glob("*/Dockerfile")) + sorted(ROOT.glob("bench/**/Dockerfile"))
INSIDE_ONLY = {"SHOP_BIND", "PYTHONUNBUFFERED"}  # the image sets them


def of(profile: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in SERVICES.items() if profile in each["profiles"]}


def megabytes(text: str) -> int:
    assert text.endswith("m")
    return int(text[:-1])


@pytest.mark.parametrize("profile", NAMES)
def test_every_profile_has_the_same_total_of_cpu_and_memory(profile: str) -> None:
    layout = layout_of(profile)
    parts = [SERVICES[name] for name in (*layout.serving.values(), *layout.databases.values())]
    assert sum(round(each["cpus"] * 100) for each in parts) == 200
    assert sum(megabytes(each["mem_limit"]) for each in parts) == 2048


@pytest.mark.parametrize("profile", NAMES)
def test_a_profile_has_what_its_layout_names_and_nothing_else(profile: str) -> None:
    layout = layout_of(profile)
    parts = {*layout.serving.values(), *layout.databases.values(), *layout.prepare}
    assert set(of(profile)) == {"setup", *parts}


@pytest.mark.parametrize("profile", NAMES)
def test_the_servers_have_the_settings_of_the_local_driver(profile: str) -> None:
    layout = layout_of(profile)
    wanted = ServerBudget().divided(len(layout.databases)).settings()
    for place in ("listen_addresses", "unix_socket_directories"):
        wanted.pop(place)
    for name in layout.databases.values():
        words = SERVICES[name]["command"]
        found = dict(word.split("=", 1) for word in words[2::2])
        assert found.pop("listen_addresses") == "*"
        assert found == wanted


@pytest.mark.parametrize("profile", NAMES)
def test_every_process_gets_the_settings_of_the_local_driver(profile: str) -> None:
    topology = parse_topology(profile)
    owners = [owner for owners in topology.servers.values() for owner in owners]
    facts = Facts(
        dict.fromkeys(topology.processes, 1),
        dict.fromkeys(owners, "dsn"),
        KeyFiles(Path("s"), {name: Path(name) for name in topology.processes}, Path("j")),
    )
    serving = layout_of(profile).serving
    for plan in process_plans(topology, facts, UpOptions()):
        environment = SERVICES[serving[plan.name]]["environment"]
        assert set(environment) == set(plan.environment) - INSIDE_ONLY
        if topology.arm == "services" and plan.components:
            assert environment["DATABASE_POOL_MAX"] == plan.environment["DATABASE_POOL_MAX"]


def test_sixteen_connections_are_pooled_in_the_monolith_too() -> None:
    assert SERVICES["monolith"]["environment"]["DATABASE_POOL_MAX"] == "16"


def test_only_the_public_port_is_published_and_on_loopback() -> None:
    published = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}
    assert set(published) == {layout_of(name).edge for name in NAMES}
    assert {tuple(each) for each in published.values()} == {("127.0.0.1:${SHOP_PORT:-8000}:8000",)}


def test_nobody_but_the_setup_writes_secrets() -> None:
    for name, each in SERVICES.items():
        mounts = [mount for mount in each.get("volumes", ()) if mount.startswith("secrets:")]
        assert all(mount.endswith(":ro") for mount in mounts) == (name != "setup")


def test_no_password_stands_in_the_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert not re.search(r"://[^/\s@]*:[^/\s@]+@", text)  # role:password@
    assert not re.search(r"PASSWORD(?!_FILE\b)\s*[:=]", text)


def test_every_serving_container_is_an_unprivileged_user_of_its_own() -> None:
    for profile in NAMES:
        for service in layout_of(profile).serving.values():
            reader = "modular" if service.startswith("modular") else service
            assert SERVICES[service]["user"] == str(USERS[reader])
            assert SERVICES[service]["read_only"] is True
            assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert len(set(USERS.values())) == len(USERS)


def test_roles_and_servers_are_those_of_the_topologies() -> None:
    for profile in NAMES:
        layout = layout_of(profile)
        for server, owners in layout.topology.servers.items():
            service = layout.databases[server]
            assert SERVERS[service] == owners
            assert SERVICES[service]["environment"]["SHOP_OWNERS"].split() == list(owners)
    assert set(ROLES) == {"monolith", "modular", "users", "inventory", "orders", "payments"}


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_base_images_are_pinned_and_the_same_everywhere(path: Path) -> None:
    text = path.read_text()
    bases = set(re.findall(r"^ARG (?:PYTHON|POSTGRES)_IMAGE=(\S+)$", text, flags=re.MULTILINE))
    assert bases <= {"python:3.13.7-slim-trixie", "postgres:18.4-trixie"}
    assert bases
    froms = re.findall(r"^FROM (\S+)", text, flags=re.MULTILINE)
    assert all(name in {"${PYTHON_IMAGE}", "${POSTGRES_IMAGE}", "runtime"} for name in froms)


def test_every_service_that_serves_waits_for_the_step_before_it() -> None:
    for name, each in SERVICES.items():
        waits = each.get("depends_on", {})
        if name.startswith("db-"):
            assert waits == {"setup": {"condition": "service_completed_successfully"}}
        elif name.startswith("prepare-"):
            assert {wait["condition"] for wait in waits.values()} == {"service_healthy"}
        elif f"prepare-{name}" in SERVICES:
            assert waits[f"prepare-{name}"] == {"condition": "service_completed_successfully"}
