"""Where a run's deployments are: which experiments need processes, and what the journal says."""

from __future__ import annotations

from typing import Any

from bench.deployments.compose.layout import layout_of
from bench.deployments.places import environment_of, place_named
from bench.errors import ShopbenchError
from bench.experiments.options import RunOptions

# These have one side, or a proxy, that runs as processes of this machine: beside containers they
# would compare the place with itself.
NEEDS_PROCESSES = {
    "floor": "its bare handlers are processes",
    "network": "its proxy stands between processes",
    "scaling": "its replicas have quotas that the containers' driver does not set",
    "topologies": "only four of the cuts have a profile in docker-compose.yml",
    "selftest": "its servers are processes",
}


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
