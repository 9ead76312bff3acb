"""What the run tells while it measures: a line for each finding."""

from __future__ import annotations

from bench.experiments.footprint.ratios import Compared
from bench.experiments.footprint.records import MIB, Footprint, Load, Start


def shipped_lines(found: Footprint) -> list[str]:
    """Packages and code of each arm, and what could not be weighed."""
    weighed = [
        f"{each.deployment} needs {len(each.packages)} packages of "
        f"{sum(each.packages.values()) / MIB:.0f} MiB, its own code is "
        f"{each.code_bytes / 1024:.0f} KiB"
        + "".join(f", image {name} {size / MIB:.0f} MiB" for name, size in each.images.items())
        for each in found.shipped
    ]
    return weighed + [note for note in (found.shipped_note, found.images_note) if note]


def load_line(load: Load) -> str:
    """Memory and CPU under a load, and what was wrong with it."""
    part = "one request a second"
    if load.capacity_rps:
        part = f"{load.offered_rps:g} requests a second, half of {load.capacity_rps:.3g}"
    bad = f", {load.wrong} answered wrongly" if load.wrong else ""
    return (
        f"{load.deployment} at {part}: "
        f"{load.window.pss_mib:.0f} MiB, {load.window.cpu_ms_per_s:.3g} ms of CPU a second{bad}"
        f"{'' if load.valid else ' (invalid trial)'}"
    )


def ratio_line(found: Compared, starts: tuple[Start, ...], *, smoke: bool) -> str:
    """A ratio with its interval, both sides' means and the word."""
    metric, ratio = found.metric, found.ratio
    sides = [_mean(starts, found, name) for name in (found.top, found.bottom)]
    held = f"{metric.what}, {found.top} {sides[0]} against {found.bottom} {sides[1]}"
    word, why = found.judged(smoke=smoke)
    if ratio is None:
        return f"{held}: {why}"
    told = f"×{ratio.estimate:.2f} [{ratio.low:.2f}, {ratio.high:.2f}], {ratio.n_blocks} starts"
    return f"{held}: {told}: {word}"


def _mean(starts: tuple[Start, ...], found: Compared, name: str) -> str:
    values = [found.metric.value(s) for s in starts if s.counted and s.deployment == name]
    known = [value for value in values if value is not None]
    if not known:
        return "not measurable"
    return f"{sum(known) / len(known):.3g} {found.metric.unit}"
