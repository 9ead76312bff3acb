"""The course of the experiment: saturate, search, draw the curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bench.engine.capacity_probe import prime
from bench.engine.options import Profile, RunOptions
from bench.engine.run_context import RunContext
from bench.engine.slo import Slo
from bench.experiments.capacity.curve import draw_curve
from bench.experiments.capacity.plan import Course, course_of, shares_of, writes
from bench.experiments.capacity.saturation import saturate
from bench.experiments.capacity.searches import search_all
from bench.registry import Planned

RERUN_SHARE = 0.05  # of the planned time, for windows and probes that do not count


def check(options: RunOptions) -> None:
    """Refuse loads of the curve that are none. Raises ShopbenchError (usage)."""
    shares_of(options)


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """All three parts."""
    planned_s = course_of(options, profile).planned_s
    return Planned(planned_s, RERUN_SHARE * planned_s)


def run(ctx: RunContext) -> None:
    """All three parts; each deployment begins each of them in the same state."""
    course = course_of(ctx.options, ctx.profile)
    slo = Slo(p95_ms=float(ctx.setting("slo_ms")))
    ctx.writer.add_settings(slo=asdict(slo))
    ctx.fleet.on_fresh(lambda subject: prime(ctx, subject))
    _first_state(ctx, course, course.start_s)
    mixes = course.saturated_mixes
    for number, mix in enumerate(mixes):
        if number and writes(mixes[number - 1]):
            _first_state(ctx, course, course.first_state_s)
        saturate(ctx, course, mix)
    for mix in course.searched_mixes:
        search_all(ctx, course, mix, slo)
        if course.shares:
            draw_curve(ctx, course, mix)
    ctx.fleet.close()  # whatever is measured next begins with a shop as it was


def _first_state(ctx: RunContext, course: Course, planned_s: float) -> None:
    for name in course.names:
        ctx.progress.say(f"starting {name}")
        ctx.fleet.as_new(name, ctx.options.shop_seed)
        ctx.progress.done(planned_s)
