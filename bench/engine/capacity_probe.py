"""What experiments do before they measure: prime a fresh shop, find roughly what it can do.

Neighbours: `fleet` starts deployments, `run_context` runs the blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.engine.deployment_fleet import prime_orders
from bench.engine.first_answers import VISITS, never_right
from bench.engine.options import Profile
from bench.engine.run_context import RunContext
from bench.engine.target import DeploymentSubject, Subject
from bench.errors import ShopbenchError
from bench.load.generator import ClosedLoop
from bench.load.schedule import ScheduleSpec, build_schedule

PROBE_CLIENTS = 16
PROBE_WARMUP_S = 0.2
START_S = 5.0  # of one deployment, with its seed and primed orders
MIN_RPS = 2.0


@dataclass(frozen=True)
class Cell:
    """One mix at one offered load."""

    mix: str
    offered_rps: float


def start_seconds(profile: Profile) -> float:
    """Planned seconds of starting one deployment, with its seed and primed orders."""
    return 3.2 + 0.9 * profile.primed_orders


def prime(ctx: RunContext, subject: DeploymentSubject) -> None:
    """Make a fresh deployment a shop with orders."""
    prime_orders(
        ctx.load,
        subject.target,
        ctx.options.shop_seed.users * ctx.profile.primed_orders,
    )
    subject.settle()


def closed_loop_rps(
    ctx: RunContext, subject: Subject, mix: str, loop: ClosedLoop | None = None
) -> float:
    """`right_rps`, with the work that it left done; `loop` None: the profile's probe."""
    probe = ClosedLoop(PROBE_CLIENTS, PROBE_WARMUP_S, ctx.profile.probe_s)
    rate_rps = right_rps(ctx, subject, mix, loop or probe)
    subject.settle()
    return rate_rps


def right_rps(ctx: RunContext, subject: Subject, mix: str, loop: ClosedLoop) -> float:
    """Right answers a second of a saturating closed loop.

    Raises ShopbenchError (1) with the answer where an operation was never answered rightly.
    """
    visits = build_schedule(ScheduleSpec(mix, 500.0, ctx.seed("probe", mix), 0.0, 0.0, 4.0)).visits
    result = ctx.load.run_closed(subject.target, visits, loop)
    end_s = loop.warmup_s + loop.measured_s
    good = sum(
        not error and loop.warmup_s <= done < end_s
        for error, done in zip(result.error, result.done_s, strict=True)
    )
    # Shed once under saturation is no reason to stop; shed every time is one.
    wrong = never_right(result, least=VISITS if good else 1)
    if wrong:
        raise ShopbenchError(f"{subject.name} {wrong}", 1)
    return good / loop.measured_s


def two_digits(value: float) -> float:
    """A rate rounded to two significant digits."""
    if value <= 0:
        return 0.0
    digits = 1 - math.floor(math.log10(value))
    return round(value, digits)
