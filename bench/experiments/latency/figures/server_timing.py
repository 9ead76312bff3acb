"""Where the response time goes: one bar a deployment, its parts as shares of the mean."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from bench.experiments.latency.server_timing import PARTS, WHOLE, Account
from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import INK, WIDTH_IN, Figure, drawing, text_on
from bench.report.naming import number, span

COLOURS = {
    "database": "#0072B2",
    "application": "#E69F00",
    "outside": "#B8C0C8",
    "send lag": "#4A4F55",
}
WORDS = {
    "database": "database",
    "application": "application (server − database)",
    "outside": "outside the server: network, parsing, queueing before the handler",
    "send lag": "generator's send lag",
}
_NARROW = 0.06  # a share below this has no room for its label
_BAR_IN, _HEAD_IN = 0.27, 0.36


def share_bars(groups: Mapping[str, Sequence[Account]], slug: str) -> Figure | None:
    """Draw one panel a heading, one bar a deployment; None without any account."""
    drawn = {heading: found for heading, found in groups.items() if found}
    if not drawn:
        return None
    rows = [len(found) for found in drawn.values()]
    height = 1.25 + sum(_BAR_IN * n + _HEAD_IN for n in rows)
    with drawing(
        WIDTH_IN, height, nrows=len(drawn), sharex=True, gridspec_kw={"height_ratios": rows}
    ) as (canvas, axes):
        for axis, (heading, found) in zip(axes, drawn.items(), strict=True):
            _panel(axis, heading, found)
        axes[-1].set_xlabel("share of the mean response time, %")
        canvas.legend(
            handles=[Patch(facecolor=COLOURS[part], label=WORDS[part]) for part in PARTS],
            loc="lower left", ncols=2, frameon=False, fontsize=7.5, handlelength=1.4,
        )  # fmt: skip
        canvas.subplots_adjust(
            left=0.15, right=0.86, top=1 - 0.3 / height, bottom=0.95 / height,
            hspace=_HEAD_IN / (_BAR_IN * sum(rows) / len(rows)) * 1.05,
        )  # fmt: skip
    every = [account for found in drawn.values() for account in found]
    return Figure(
        f"timing-{slug}",
        "Where the response time goes",
        "Each part's mean over the answered requests of a trial, as a share of the mean response "
        f"time; mean over {span(a.trials for a in every)} starts. ± is the half-width of "
        "the share's 95 % t interval from start to start. Database and server time as the server "
        "states them (Server-Timing); behind a gateway that is the gateway, so the calls "
        "between services are in 'application'. Right: mean response time, ms.",
        canvas,
    )


def _panel(axis: Axes, heading: str, found: Sequence[Account]) -> None:
    axis.set_title(heading, fontsize=9)
    for y, account in enumerate(found):
        left = 0.0
        for part in PARTS:
            width = 100 * account.shares[part]
            bar = axis.barh(y, width, left=left, height=0.7, color=COLOURS[part],
                            edgecolor="white", linewidth=0.8)  # fmt: skip
            mark(bar, _part(heading, account, part))
            if account.shares[part] >= _NARROW:
                axis.text(left + width / 2, y, _label(account, part), ha="center", va="center",
                          fontsize=7, color=text_on(COLOURS[part]))  # fmt: skip
            left += width
        axis.annotate(f"{number(account.means_ms[WHOLE])} ms", (100, y), (5, 0), va="center",
                      textcoords="offset points", fontsize=8, color=INK)  # fmt: skip
    axis.set_yticks(range(len(found)), [account.deployment for account in found])
    axis.set_ylim(len(found) - 0.4, -0.6)
    axis.set_xlim(0, 100)
    axis.tick_params(axis="y", length=0)
    axis.grid(False, axis="y")


def _part(heading: str, account: Account, part: str) -> Mark:
    ends = account.intervals[part]
    low, high = (100 * ends.low, 100 * ends.high) if ends is not None else (None, None)
    return Mark(account.deployment, f"{heading}, {WORDS[part]}", 100 * account.shares[part],
                low, high, account.trials, "% of the mean response time")  # fmt: skip


def _label(account: Account, part: str) -> str:
    share, interval = account.shares[part], account.intervals[part]
    text = f"{100 * share:.0f}"
    if interval is None or share < 2 * _NARROW:
        return text
    reach = 100 * (interval.high - interval.low) / 2
    return f"{text} ±{reach:.0f}" if reach >= 1 else f"{text} ±{max(reach, 0.1):.1f}"
