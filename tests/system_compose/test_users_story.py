"""docker-compose.yml by itself, as somebody who knows only Docker runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from bench.deployments.compose.containers import PROJECT_LABEL
from bench.deployments.compose.engine import docker, labelled
from bench.deployments.compose.state import remove_project
from bench.errors import ShopbenchError
from tests.system_compose.conftest import ROOT, UsersProject
from tests.system_compose.shopper import place_order, wait_status

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(1800)]

HEALTHY_SECONDS = 180
LOAD_SECONDS = 20
SECRET = re.compile(rb"-----BEGIN (?:EC |RSA )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}")
IMAGES = ("monolith", "modular", "gateway", "users", "inventory", "orders", "payments", "setup")


@pytest.fixture(scope="module")
def project(engine: None) -> Iterator[UsersProject]:
    port = 7580 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    found = UsersProject(f"shop-test-{os.getpid()}", port)
    for profile in ("monolith", "modular", "microservices", "load"):
        found.compose(profile, "build")
    yield found
    remove_project(found.name)


def containers(project: UsersProject) -> dict[str, dict]:  # type: ignore[type-arg]
    idents = labelled("container", f"{PROJECT_LABEL}={project.name}")
    listed = json.loads(docker("inspect", *idents)) if idents else []
    return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in listed}


def wait_healthy(project: UsersProject, service: str) -> None:
    deadline = time.monotonic() + HEALTHY_SECONDS
    while (health := containers(project)[service]["State"]["Health"]["Status"]) != "healthy":
        assert time.monotonic() < deadline, f"{service} is {health}"
        time.sleep(0.5)


def wait_restarted(project: UsersProject, service: str) -> None:
    deadline = time.monotonic() + HEALTHY_SECONDS
    while not containers(project)[service]["RestartCount"]:
        assert time.monotonic() < deadline, f"{service} was not started again"
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("profile", "edge", "victim"),
    [("monolith", "monolith", "monolith"), ("microservices", "gateway", "inventory")],
)
def test_a_profile_comes_up_sells_survives_and_goes(
    project: UsersProject, profile: str, edge: str, victim: str
) -> None:
    project.compose(profile, "up", "--detach")
    try:
        wait_healthy(project, edge)
        published = {
            name: bindings
            for name, each in containers(project).items()
            if (bindings := {k: v for k, v in each["NetworkSettings"]["Ports"].items() if v})
        }
        assert set(published) == {edge}
        (binding,) = published[edge]["8000/tcp"]
        assert (binding["HostIp"], binding["HostPort"]) == ("127.0.0.1", str(project.port))

        order = place_order(project.url)

        # A process that dies is started again by its policy; `docker kill` would be an order.
        os.kill(containers(project)[victim]["State"]["Pid"], signal.SIGKILL)
        wait_restarted(project, victim)
        wait_healthy(project, victim)
        wait_healthy(project, edge)
        place_order(project.url)

        project.compose(profile, "restart", "--timeout", "15")
        # A restart heeds no order of start: the edge may be healthy before those that it calls.
        for service, each in containers(project).items():
            if each["State"].get("Health"):
                wait_healthy(project, service)
        wait_status(project.url, order, "confirmed")

        project.compose(profile, "down")
        assert labelled("volume", f"{PROJECT_LABEL}={project.name}")
        project.compose(profile, "up", "--detach")
        wait_healthy(project, edge)
        wait_status(project.url, order, "confirmed")
    finally:
        project.compose(profile, "down", "--volumes", "--timeout", "15")
    assert not labelled("container", f"{PROJECT_LABEL}={project.name}")
    assert not labelled("volume", f"{PROJECT_LABEL}={project.name}")


def test_people_meet_no_failure_and_a_second_shop_on_the_port_is_refused(
    project: UsersProject,
) -> None:
    project.compose("monolith", "up", "--detach")
    other = UsersProject(f"{project.name}-b", project.port)
    try:
        wait_healthy(project, "monolith")
        people = ("--headless", "--users", "10", "--spawn-rate", "5", "--exit-code-on-error", "1")
        docker(
            *("run", "--rm", "--network", "host", "--read-only", "--tmpfs", "/tmp"),
            *("shop-load:test", *people, "--run-time", f"{LOAD_SECONDS}s", "--host", project.url),
            seconds=LOAD_SECONDS + 60,
        )
        with pytest.raises(
            AssertionError, match="port is already allocated|address already in use"
        ):
            other.compose("monolith", "up", "--detach")
        assert place_order(project.url)
    finally:
        for each in (other, project):
            each.compose("monolith", "down", "--volumes", "--timeout", "15")


def test_an_image_holds_its_own_code_and_no_other(project: UsersProject) -> None:
    def folders(image: str) -> set[str]:
        listed = docker(
            "run", "--rm", "--entrypoint", "find", f"shop-{image}:test", "/app", "-type", "d"
        )
        return {line.removeprefix("/app/") for line in listed.split() if "__pycache__" not in line}

    assert not [name for name in folders("monolith") if not name.startswith(("monolith", "/app"))]
    others = {"users", "inventory", "orders", "payments", "gateway"}
    for name in others:
        held = folders(name)
        assert {f"microservices/{name}", "microservices/chassis"} <= held
        assert not {f"microservices/{other}" for other in others - {name}} & held
        assert not [each for each in held if each.startswith(("monolith", "bench"))]


def test_no_secret_is_in_an_image_and_none_runs_as_root(project: UsersProject) -> None:
    for image in IMAGES:
        facts = json.loads(docker("inspect", f"shop-{image}:test"))[0]
        if image != "setup":  # it gives secrets to their readers
            assert facts["Config"]["User"] not in {"", "root", "0"}
        assert not [
            each for each in facts["Config"]["Env"] if re.match(r"\w*(PASSWORD|SECRET|KEY)", each)
        ]
        ident = docker("create", f"shop-{image}:test").strip()
        try:
            exported = subprocess.run(
                ["docker", "cp", f"{ident}:/app", "-"], capture_output=True, check=True
            )
            assert not SECRET.search(exported.stdout), image
        finally:
            docker("rm", ident)


def test_no_secret_is_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    names = [name for name in listed.stdout.decode().split("\0") if name]
    assert not [name for name in names if SECRET.search((ROOT / name).read_bytes())]


def test_the_engine_is_needed_and_missed_in_one_line() -> None:
    with pytest.raises(ShopbenchError) as missed:
        docker("--host", "unix:///nowhere/docker.sock", "ps")
    assert missed.value.exit_code == 3
    assert "\n" not in missed.value.message
