"""Starts a project step by step, each gated on the one before, as the local driver does.

`docker compose up` has the same order by its health checks; here the bench asks for health itself,
because the checks' probes would go on beside the measurement.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg

from bench.deployments.compose.containers import Container, containers
from bench.deployments.compose.engine import docker
from bench.deployments.compose.project import Project
from bench.errors import ShopbenchError

READY_SECONDS = 60.0
STEP_SECONDS = 180.0
_POLL_SECONDS = 0.1
# What the images' own health check asks, by a shell: no Python is started for it.
_PROBE = (
    "exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET /ready HTTP/1.0\\r\\n\\r\\n' >&3"
    " && read -r line <&3 && [[ $line == *' 200 '* ]]"
)

Report = Callable[[str], None]


def start_all(project: Project, report: Report) -> None:
    """Start everything; return when it serves. Raises ShopbenchError."""
    layout = project.layout
    report("making secrets and seed")
    run_to_end(project, ("setup",))
    report(f"starting PostgreSQL ({len(layout.databases)} server(s))")
    project.start(tuple(layout.databases.values()))
    wait_databases(project)
    report("migrating, loading the seed")
    run_to_end(project, layout.prepare)
    services = tuple(layout.serving.values())
    report(f"starting {', '.join(services)}")
    start_serving(project, services)


def start_serving(project: Project, services: Sequence[str]) -> None:
    """Start serving containers, those first whose health others wait for in the compose file.

    One command a rank: Compose would wait for a health that the bench has switched off.
    """
    ranks = {"users": 0, project.layout.edge: 2}
    for rank in range(3):
        names = tuple(name for name in services if ranks.get(name, 1) == rank)
        if names:
            project.start(names)
            wait_serving(project, names)


def stop_serving(
    found: Sequence[Container], serving: Sequence[str], edge: str, drain_seconds: int
) -> None:
    """Drain the edge, then the others at once; a paused container hears nothing."""
    running = [each for each in found if each.condition != "exited"]
    for each in running:
        if each.condition == "paused":
            docker("unpause", each.ident)
    listed = [each for each in running if each.service in serving]
    listed.sort(key=lambda each: each.service != edge)
    for part in (listed[:1], listed[1:]):
        if part:
            docker("stop", "-t", str(drain_seconds), *(each.ident for each in part))


def run_to_end(project: Project, services: Sequence[str]) -> None:
    """Run one-shots and wait for them. Raises ShopbenchError with the last line of a failed one."""
    project.start(services)
    found = [each for each in containers(project.state.project) if each.service in services]
    docker("wait", *(each.ident for each in found), seconds=STEP_SECONDS)
    for each in containers(project.state.project):
        if each.service in services and each.exit_code != 0:
            raise ShopbenchError(
                f"{each.service} failed ({each.exit_code}): {last_line(each.ident)}"
            )


def wait_databases(project: Project, services: Iterable[str] = ()) -> None:
    """Wait until these database servers, all by default, let every owner in."""
    wanted = tuple(services) or tuple(project.layout.databases.values())
    servers = project.layout.topology.servers
    owners = [
        owner
        for server, owners in servers.items()
        for owner in owners
        if project.layout.databases[server] in wanted
    ]
    deadline = time.monotonic() + READY_SECONDS
    for owner in owners:
        while not _lets_in(project.owners_dsn(owner)):
            _give_up(project, wanted, deadline, "let its owner in")
            time.sleep(_POLL_SECONDS)


def wait_serving(project: Project, services: Sequence[str]) -> None:
    """Wait until every container of these services answers `/ready` with 200."""
    deadline = time.monotonic() + READY_SECONDS
    while not all_ready(_of(project, services)):
        _give_up(project, services, deadline, "ready")
        time.sleep(_POLL_SECONDS)


def all_ready(asked: Sequence[Container]) -> bool:
    """Ask containers, all at once, whether they would serve now."""
    if not asked or any(each.condition != "running" for each in asked):
        return False
    with ThreadPoolExecutor(len(asked)) as pool:
        return all(pool.map(_answers, asked))


def last_line(ident: str) -> str:
    """The last thing a container said."""
    said = docker("logs", "--tail", "5", ident, seconds=15.0, both=True).strip().splitlines()
    return said[-1].strip() if said else "it said nothing"


def _of(project: Project, services: Sequence[str]) -> list[Container]:
    return [each for each in containers(project.state.project) if each.service in services]


def _give_up(project: Project, services: Sequence[str], deadline: float, what: str) -> None:
    """Raise when one of them has ended, or when the time is over."""
    for each in _of(project, services):
        if each.condition == "exited":
            raise ShopbenchError(
                f"{each.service} ended with {each.exit_code} at its start: {last_line(each.ident)}"
            )
    if time.monotonic() > deadline:
        names = ", ".join(services)
        raise ShopbenchError(f"{names}: not {what} within {READY_SECONDS:g} s")


def _lets_in(dsn: str) -> bool:
    try:
        with psycopg.connect(dsn, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def _answers(container: Container) -> bool:
    try:
        docker("exec", container.ident, "bash", "-c", _PROBE, seconds=10.0)
    except ShopbenchError:
        return False
    return True
