"""Where a run's deployments are: on which CPUs, and whether the place suits the experiments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.deployments.compose.layout import layout_of
from bench.deployments.places import environment_of, place_named
from bench.engine.options import RunOptions
from bench.errors import ShopbenchError
from bench.machine import usable_cpus
from bench.registry import Experiment


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


def check_place(experiments: Sequence[Experiment], options: RunOptions) -> None:
    """Refuse what cannot run in containers. Raises ShopbenchError (usage)."""
    if place_named(options.place) == "local":
        return
    for each in experiments:
        if each.processes_only:
            raise ShopbenchError(f"{each.name} runs as processes only: {each.processes_only}", 2)
    for deployment in options.deployments:
        layout_of(deployment)


def place_settings(options: RunOptions) -> dict[str, Any]:
    """The settings by which a journal says where it was measured."""
    return {"place": options.place, **environment_of(options.place)}
