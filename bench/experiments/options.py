"""What a run is asked to do (`RunOptions`) and how long each profile takes over it (`Profile`)."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bench.contract.seed import SeedSpec
from bench.errors import ShopbenchError

DEPLOYMENTS = ("monolith", "modular", "modular-split", "microservices")

LARGEST_SHARE = 2.0  # of a capacity, in a sweep


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


LoadKind = Literal["turns", "open"]
DEFAULT_USERS = 16


@dataclass(frozen=True)
class PairOptions:
    """Servers of the user's own, the baseline first. Pairs of (name, value).

    `locustfile`: "" for plain requests of the URL. `load`: turns (paired visits), or open: Poisson
    arrivals at `rate` requests a second. `arguments`: the locustfile's own. `restarts`: the
    commands that start the services afresh.
    """

    urls: tuple[tuple[str, str], ...]
    locustfile: str = ""
    pids: tuple[tuple[str, int], ...] = ()
    rate: float | None = None
    load: LoadKind = "turns"
    users: int = DEFAULT_USERS
    host_headers: tuple[tuple[str, str], ...] = ()
    restarts: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunOptions:
    """Everything a run may be told. `mixes` and `deployments` empty: the experiment's own.

    `cpus`: the deployment's CPUs; empty: all but the last, which is the load generator's.
    `load_workers`: processes that share each schedule, on one core each where there are as many.
    `place`: where the deployments run, `local` or `compose`.
    `kills`, `points`: kills and fault points for each deployment in `consistency`; None, the
    profile's.
    `max_minutes`: add blocks until the intervals are narrow or this time is over.
    `sweep`: loads of the load curve of `capacity`, as shares of the smaller capacity; None, the
    profile's; empty, no curve.
    `starts`: of each part of the selftest; None, the profile's.
    `spec`: of `failure`, a file or the name of a built-in one; "": the profile's own.
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
    sweep: tuple[float, ...] | None = None
    load_workers: int = 1
    place: str = "local"
    kills: int | None = None
    points: int | None = None
    command: str = field(default_factory=lambda: " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]))
    shop_seed: SeedSpec = field(default_factory=SeedSpec)
    pair: PairOptions | None = None
    spec: str = ""
    starts: int | None = None


def profile_of(name: str) -> Profile:
    """The profile of that name. Raises ShopbenchError if there is none."""
    try:
        return PROFILES[name]
    except KeyError:
        known = ", ".join(PROFILES)
        raise ShopbenchError(f"unknown profile {name!r}; there are {known}", 2) from None


def profile_for(options: RunOptions) -> Profile:
    """The profile a run was asked for.

    Raises ShopbenchError (usage): no such profile, a load of the curve outside (0, 2].
    """
    for share in options.sweep or ():
        if not 0 < share <= LARGEST_SHARE:
            text = f"--sweep takes shares of a capacity above 0 up to {LARGEST_SHARE:g}"
            raise ShopbenchError(f"{text}, not {share:g}", 2)
    return profile_of(options.profile)
