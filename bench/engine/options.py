"""What a run is asked to do (`RunOptions`) and how long each profile takes over it (`Profile`)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.contract.seed import SeedSpec
from bench.errors import ShopbenchError, near

DEPLOYMENTS = ("monolith", "modular", "modular-split", "microservices")


@dataclass(frozen=True)
class Profile:
    """How many blocks, and what they begin with. Seconds throughout.

    `restart`: a fresh deployment for every trial; otherwise all stay up between interleaved trials.
    `max_blocks` above `min_blocks`: go on until the intervals are narrow enough. `rerun_share`:
    the share of the planned time that reruns of invalid blocks may take.
    """

    name: str
    summary: str
    min_blocks: int
    max_blocks: int
    probe_s: float
    restart: bool = False
    primed_orders: int = 2  # placed for each user before the trials, so that pages are not empty
    max_reruns: int = 2
    rerun_share: float = 0.2


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            "smoke",
            "about a minute; shows that everything runs, claims nothing",
            min_blocks=2,
            max_blocks=2,
            probe_s=0.4,
            primed_orders=1,
            max_reruns=0,
            rerun_share=0.0,
        ),
        Profile(
            "quick",
            "minutes; six starts in paired rounds, short interleaved trials elsewhere",
            min_blocks=6,
            max_blocks=6,
            probe_s=0.5,
            max_reruns=1,  # the rest of the time for reruns goes to blocks after the last
            rerun_share=0.3,
        ),
        Profile(
            "standard",
            "40 min for `latency`, hours for all: goes on until intervals are narrow",
            min_blocks=6,
            max_blocks=12,
            probe_s=5.0,
            restart=True,
            primed_orders=5,
            rerun_share=0.5,
        ),
        Profile(
            "full",
            "hours for each; as standard, with longer trials and every operation at all loads",
            min_blocks=8,
            max_blocks=20,
            probe_s=10.0,
            restart=True,
            primed_orders=5,
            rerun_share=0.5,
        ),
    )
}


@dataclass(frozen=True)
class RunOptions:
    """Everything a run may be told. `mixes` and `deployments` empty: the experiment's own.

    `cpus`: the deployment's CPUs; empty: all but the last, which is the load generator's.
    `load_workers`: processes that share each schedule, on one core each where there are as many.
    `place`: where the deployments run, `local` or `compose`.
    `max_minutes`: add blocks until the intervals are narrow or this time is over.
    `like`: the folder of a run whose loads are taken over instead of looked for.
    `own`: options that belong to single experiments, by their flags' keys; what was left out may
    be missing.
    """

    profile: str = "quick"
    seed: int = 1
    results_root: Path = Path("results/runs")
    deployments: tuple[str, ...] = ()
    mixes: tuple[str, ...] = ()
    fail_on: tuple[str, ...] = ()
    cpus: tuple[int, ...] = ()
    base_port: int | None = None
    quiet: bool = False
    max_minutes: float | None = None
    load_workers: int = 1
    place: str = "local"
    command: str = field(default_factory=lambda: " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]))
    shop_seed: SeedSpec = field(default_factory=SeedSpec)
    like: Path | None = None
    own: Mapping[str, Any] = field(default_factory=dict)


def profile_of(name: str) -> Profile:
    """The profile of that name. Raises ShopbenchError if there is none."""
    if name not in PROFILES:
        raise ShopbenchError(f"unknown profile {name!r}{near(name, PROFILES)}", 2)
    return PROFILES[name]
