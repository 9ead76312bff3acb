"""How many windows, probes and loads a profile spends, and how long they are planned to take."""

from __future__ import annotations

from dataclasses import dataclass

from bench.engine.capacity_probe import start_seconds
from bench.engine.first_answers import FIRST_ANSWERS_S
from bench.engine.options import DEPLOYMENTS, Profile, RunOptions
from bench.engine.run_context import TRIAL_OVERHEAD_S
from bench.errors import ShopbenchError
from bench.load.mixes import JOURNEYS, MIXES
from bench.load.operations import OPERATIONS
from bench.load.schedule import ScheduleSpec

ARMS = ("monolith", "microservices")  # whose capacity is searched
# `modular` answers more product reads than Locust on one core can ask for (0.75 to 0.97 of it, at
# 2,000 to 3,000 a second, where 0.7 are allowed): named with --mixes, with more --load-workers.
SATURATED_MIXES = ("mixed",)
SEARCHED_MIXES = ("mixed",)
# Twice the 16 pooled connections of every deployment, so that all of them are always wanted;
# beyond 48 requests at once a deployment answers 503.
CLIENTS = 32
LARGEST_SHARE = 2.0  # of a capacity, in a curve
WARM_UP_S = 0.5
EXPECTED_PROBES = 2.8  # of one search; the first, from a poor guess, takes more
REST_S, REST_AFTER_FAILURE_S = 0.1, 1.1  # a circuit breaker stays open for 1 s
PRIMER_S = 0.1
_SETTLE_S = 0.1  # of the outbox after a window or a trial, where there are few orders
_FIRST_STATE_S = 2.5  # a seed loaded again, with the orders of `prime`


@dataclass(frozen=True)
class Size:
    """How much of each part, in seconds.

    `step`: factor between two loads of a search, and its resolution. `shares` of the smaller
    capacity are the loads of the curve; with `own_shares` each arm also gets those of its own.
    """

    passes: int
    window_warmup_s: float
    window_s: float
    searches: int
    probe_warmup_s: float
    probe_s: float
    step: float
    shares: tuple[float, ...]
    blocks: int
    curve_warmup_s: float
    curve_s: float
    own_shares: bool = False
    max_probes: int = 10


_ALL_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9, 1.1)
SIZES = {
    "smoke": Size(2, 0.1, 0.4, 1, 0.2, 0.8, 1.25, (0.2, 0.5), 1, 0.2, 0.6, max_probes=4),
    "quick": Size(10, 0.2, 1.0, 3, 0.3, 1.7, 1.08, (0.2, 0.5, 0.8), 3, 0.2, 1.5),
    "standard": Size(12, 1.0, 4.0, 5, 3.0, 15.0, 1.05, _ALL_SHARES, 3, 2.0, 12.0, own_shares=True),
    "full": Size(20, 2.0, 8.0, 8, 5.0, 30.0, 1.05, _ALL_SHARES, 5, 3.0, 30.0, own_shares=True),
}


@dataclass(frozen=True)
class Course:
    """What a run measures: which deployments and mixes in which part, and how much."""

    size: Size
    names: tuple[str, ...]
    arms: tuple[str, ...]
    saturated_mixes: tuple[str, ...]
    searched_mixes: tuple[str, ...]
    shares: tuple[float, ...]
    first_state_s: float
    start_s: float
    restarts: bool  # fresh processes for every pass and every search

    @property
    def pass_s(self) -> float:
        """Planned seconds of one window in each deployment."""
        size = self.size
        window_s = size.window_warmup_s + size.window_s + TRIAL_OVERHEAD_S + _SETTLE_S
        return len(self.names) * (window_s + (self.start_s if self.restarts else 0.0))

    @property
    def warm_up_s(self) -> float:
        """Planned seconds of the first requests under one mix."""
        return len(self.names) * (FIRST_ANSWERS_S + WARM_UP_S + TRIAL_OVERHEAD_S)

    @property
    def probe_s(self) -> float:
        """Planned seconds of one probe with its rest."""
        rest_s = (REST_S + REST_AFTER_FAILURE_S) / 2
        return PRIMER_S + self.size.probe_warmup_s + self.size.probe_s + TRIAL_OVERHEAD_S + rest_s

    @property
    def search_s(self) -> float:
        """Planned seconds of one search in one arm."""
        return self.first_state_s + EXPECTED_PROBES * self.probe_s

    def load_s(self, deployments: int) -> float:
        """Planned seconds of one block of one load of the curve."""
        trial_s = PRIMER_S + self.size.curve_warmup_s + self.size.curve_s + TRIAL_OVERHEAD_S
        return deployments * (trial_s + _SETTLE_S)

    @property
    def planned_s(self) -> float:
        """All of it."""
        states_s = len(self.names) * self.first_state_s
        saturated_s = self.warm_up_s + self.size.passes * self.pass_s
        searches_s = self.size.searches * len(self.arms) * self.search_s
        loads_s = self.size.blocks * len(self.shares) * self.load_s(len(self.arms))
        curve_s = len(self.arms) * self.first_state_s + loads_s * (1 + self.size.own_shares / 2)
        return (
            len(self.names) * self.start_s
            + len(self.saturated_mixes) * saturated_s
            + sum(map(writes, self.saturated_mixes[:-1])) * states_s
            + len(self.searched_mixes) * (searches_s + (curve_s if self.shares else 0.0))
        )


def shares_of(options: RunOptions) -> tuple[float, ...] | None:
    """The loads of the curve that were asked for: None for the profile's own, () for none.

    Raises ShopbenchError (usage) for what is no share of a capacity.
    """
    text = options.own.get("sweep") or ""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    try:
        shares = {float(part) for part in parts if part != "none"}
    except ValueError:
        wanted = f"--sweep takes numbers such as 0.5,0.9, or none; not {text!r}"
        raise ShopbenchError(wanted, 2) from None
    for share in shares:
        if not 0 < share <= LARGEST_SHARE:
            wanted = f"--sweep takes shares of a capacity above 0 up to {LARGEST_SHARE:g}"
            raise ShopbenchError(f"{wanted}, not {share:g}", 2)
    return tuple(sorted(shares)) if parts else None


def course_of(options: RunOptions, profile: Profile) -> Course:
    """What the options and the profile ask for. Raises ShopbenchError (usage)."""
    wanted = shares_of(options)
    size = SIZES.get(profile.name, SIZES["smoke"])
    start_s = start_seconds(profile)
    return Course(
        size=size,
        names=options.deployments or DEPLOYMENTS,
        arms=options.deployments or ARMS,
        saturated_mixes=options.mixes or SATURATED_MIXES,
        searched_mixes=options.mixes or SEARCHED_MIXES,
        shares=size.shares if wanted is None else wanted,
        first_state_s=start_s if profile.restart else _FIRST_STATE_S,
        start_s=start_s,
        restarts=profile.restart,
    )


def writes(mix: str) -> bool:
    """Whether a shop is another one after this load."""
    steps = (step for journey, _ in MIXES[mix].weights for step in JOURNEYS[journey])
    return any(OPERATIONS[step].method != "GET" for step in steps)


def probe_spec(size: Size, mix: str, offered_rps: float, seed: int) -> ScheduleSpec:
    """What one probe sends."""
    return ScheduleSpec(mix, offered_rps, seed, PRIMER_S, size.probe_warmup_s, size.probe_s)


def curve_spec(size: Size, mix: str, offered_rps: float, seed: int) -> ScheduleSpec:
    """What one trial of the load curve sends."""
    return ScheduleSpec(mix, offered_rps, seed, PRIMER_S, size.curve_warmup_s, size.curve_s)
