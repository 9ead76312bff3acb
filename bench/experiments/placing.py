"""Where a run's deployments are: their CPUs, which experiments need processes, and what the journal
says."""

from __future__ import annotations

from typing import Any

from bench.deployments.compose.layout import layout_of
from bench.deployments.places import environment_of, place_named
from bench.errors import ShopbenchError
from bench.experiments.options import RunOptions
from bench.machine import usable_cpus

# These have one side, or a proxy, that runs as processes of this machine: beside containers they
# would compare the place with itself.
NEEDS_PROCESSES = {
    "floor": "its bare handlers are processes",
    "network": "its proxy stands between processes",
    "scaling": "its replicas have quotas that the containers' driver does not set",
    "topologies": "only four of the cuts have a profile in docker-compose.yml",
    "selftest": "its servers are processes",
}


def choose_cpus(
    wanted: tuple[int, ...], workers: int = 1
) -> tuple[tuple[int, ...], tuple[int, ...], list[str]]:
    """(the deployment's CPUs, the load generator's, remarks): the last CPUs are the generator's."""
    available = tuple(usable_cpus())
    unknown = sorted(set(wanted) - set(available))
    if unknown:
        raise ShopbenchError(f"CPU {unknown[0]} is not available; there are {available}", 2)
    cpus = wanted or available[: max(1, len(available) - workers)]
    rest = tuple(cpu for cpu in available if cpu not in cpus)
    if not rest:
        return cpus, available, ["the load generator shares its cores with the deployments"]
    return cpus, rest[-workers:], []


def check_place(names: list[str], options: RunOptions) -> None:
    """Refuse what cannot run in containers. Raises ShopbenchError (usage)."""
    if place_named(options.place) == "local":
        return
    for name in names:
        reason = NEEDS_PROCESSES.get(name.partition("-")[0])
        if reason is not None:
            raise ShopbenchError(f"{name} runs as processes only: {reason}", 2)
    if options.pair is not None:
        raise ShopbenchError("--url measures services that run already: leave out --on", 2)
    for deployment in options.deployments:
        layout_of(deployment)


def place_settings(options: RunOptions) -> dict[str, Any]:
    """The settings by which a journal says where it was measured."""
    return {"place": options.place, **environment_of(options.place)}
