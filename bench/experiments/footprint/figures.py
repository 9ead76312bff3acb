"""Drawn: memory at rest by component, and money for a million requests against the load."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from bench.experiments.footprint.findings import Profile
from bench.experiments.footprint.money import PER_MINUTE, Costs
from bench.report.figures.style import (
    INK,
    MUTED,
    WIDTH_IN,
    Figure,
    component_colour,
    drawing,
    log_axis,
    look,
    text_on,
)
from bench.report.naming import (
    component_label,
    component_order,
    interval,
    is_database,
    number,
    span,
)
from bench.report.prices import Prices

_PER_LETTER = 0.0125  # share of the axis that a letter of a segment's name takes
_POINTS = 400


def memory_figure(profiles: Sequence[Profile]) -> Figure | None:
    """Draw a bar for each deployment, stacked by component; None without one."""
    if not profiles:
        return None
    height = 1.35 + 0.4 * len(profiles)
    widest = max(sum(profile.pss_mib.values()) for profile in profiles)
    with drawing(WIDTH_IN, height) as (canvas, (axis,)):
        for y, profile in enumerate(profiles):
            _bar(axis, y, profile, widest)
        axis.set_yticks(range(len(profiles)), [profile.deployment for profile in profiles])
        axis.set_ylim(len(profiles) - 0.4, -0.6)
        axis.set_xlim(0, widest * 1.02)
        axis.tick_params(axis="y", length=0)
        axis.grid(False, axis="y")
        axis.set_xlabel("memory at rest, MiB (PSS)")
        _key(axis, profiles)
        canvas.subplots_adjust(left=0.15, right=0.78, top=1 - 0.08 / height, bottom=1.05 / height)
    counts = span(len(profile.starts) for profile in profiles)
    return Figure(
        "footprint-memory",
        "Memory of a shop that nobody asks, by component",
        "Proportional set size of every process: what several share is divided among them. Parts: "
        "mean over the starts, databases hatched; beside the bar: geometric mean with 95 % t "
        f"interval over {counts} fresh starts, each deployment alone.",
        canvas,
    )


def money_figure(costs: Sequence[Costs], prices: Prices) -> Figure | None:
    """Draw money for a million requests against the load, both logarithmic; None without costs."""
    if not costs:
        return None
    low, high = PER_MINUTE[0], PER_MINUTE[-1] * 2
    rates = np.geomspace(low, high, _POINTS)
    with drawing(WIDTH_IN, 3.2) as (canvas, (axis,)):
        for each in costs:
            style = look(each.deployment)
            money = [each.million(prices, rate / 60.0) for rate in rates]
            axis.plot(rates, money, color=style.colour, ls=(0, style.dashes), lw=1.5,
                      label=each.deployment)  # fmt: skip
            axis.axhline(1e6 * each.request(prices), color=style.colour, lw=0.6)
        for rate in PER_MINUTE:
            axis.axvline(rate, color=MUTED, lw=0.6, ls=(0, (3, 2)))
        axis.set_xlim(low, high)
        log_axis(axis, "x")
        log_axis(axis, "y")
        axis.set_xlabel("requests a minute (log)")
        axis.set_ylabel(f"{prices.currency} for a million requests (log)")
        axis.legend(loc="upper right", frameon=False, fontsize=8)
        canvas.subplots_adjust(left=0.11, right=0.985, top=0.97, bottom=0.15)
    return Figure(
        "footprint-money",
        "What a million requests cost, against the load",
        "The fixed part (memory held, CPU at rest) is shared by the requests of an hour; thin "
        "lines: the requests alone. A step upwards: one more copy of the whole deployment, as one "
        f"carries no more. Prices: {prices.label}, {prices.date}.",
        canvas,
    )


def _bar(axis: Axes, y: int, profile: Profile, widest: float) -> None:
    left = 0.0
    for name, width in profile.pss_mib.items():
        colour = component_colour(name)
        axis.barh(
            y, width, left=left, height=0.62, color=colour, edgecolor="white", linewidth=0.8,
            hatch="////" if is_database(name) else None,
        )  # fmt: skip
        label = "" if is_database(name) else component_label(name)
        if label and width > widest * (_PER_LETTER * len(label) + 0.025):
            axis.text(left + width / 2, y, label, ha="center", va="center", fontsize=7,
                      color=text_on(colour))  # fmt: skip
        left += width
    level = profile.level("idle_pss_mib")
    if level is not None:
        spread = f" {interval(level.low, level.high)}" if level.n > 1 else ""
        axis.annotate(f"{number(level.value)}{spread}", (left, y), (5, 0), va="center",
                      textcoords="offset points", fontsize=8, color=INK)  # fmt: skip


def _key(axis: Axes, profiles: Sequence[Profile]) -> None:
    names = component_order(name for profile in profiles for name in profile.pss_mib)
    nouns = {component_label(name): component_colour(name) for name in reversed(names)}
    handles = [Patch(facecolor=nouns[noun], label=noun) for noun in reversed(nouns)]
    handles.append(
        Patch(facecolor="#c9ced4", edgecolor="white", hatch="////", label="hatched: its database")
    )
    axis.figure.legend(
        handles=handles, loc="lower left", ncols=4, frameon=False, fontsize=7.5, handlelength=1.4,
        columnspacing=1.0,
    )  # fmt: skip
