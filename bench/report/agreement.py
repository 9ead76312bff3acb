"""Whether runs tell the same story, in one sentence.

Neighbours: `run_comparison` judges each metric.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report.compared_run import ComparedRun
from bench.report.environment import Difference, named_differences
from bench.report.naming import number
from bench.report.run_comparison import EXPLAINED, Change, SharedMetric, other_flips

_MOST_NAMED = 4  # metrics in a sentence about many runs


@dataclass(frozen=True)
class Agreement:
    """The sentence. `agree` None: nothing was comparable. `tested`: comparisons under Holm."""

    agree: bool | None
    tested: int
    differing: tuple[str, ...]
    flips: tuple[str, ...]
    line: str


def agreement(
    runs: Sequence[ComparedRun],
    metrics: Sequence[SharedMetric],
    different: Sequence[Difference],
) -> Agreement:
    """Return whether runs agree. What was not named beforehand decides nothing, but is said."""
    changes = [change for metric in metrics for change in metric.changes]
    named = [change for change in changes if change.named]
    tested = [change for change in named if change.step is not None]
    differing = tuple(_described(each, runs) for each in tested if each.rejected)
    flipped = (each.first.question for each in changes if each.flipped and each.first)
    flips = tuple(dict.fromkeys((*flipped, *other_flips(runs))))
    agree = None if not tested and not flips else not differing and not flips
    say = _of_two if len(runs) == 2 else _of_many
    line = say(runs, metrics, (differing, flips), named)
    because = _because(different, moved=bool(differing or flips))
    aside = _aside([each for each in changes if not each.named], runs)
    return Agreement(agree, len(tested), differing, flips, f"{line}{because}{aside}")


def _of_two(
    runs: Sequence[ComparedRun],
    metrics: Sequence[SharedMetric],
    found: tuple[tuple[str, ...], tuple[str, ...]],
    named: Sequence[Change],
) -> str:
    tested = [change for change in named if change.step is not None]
    differing, flips = found
    if differing or flips:
        moved = f"{len(differing)} of {len(tested)} metrics by Holm ({'; '.join(differing)})"
        parts = [moved] if differing else []
        parts += [f"verdicts that flipped: {'; '.join(flips)}"] if flips else []
        return f"the two runs differ in {' and in '.join(parts)}"
    if not tested:
        return "nothing could be compared: no metric named beforehand has a ratio in both runs"
    left = f", {len(named) - len(tested)} could not be compared" if len(named) > len(tested) else ""
    ratios = [change.moved for change in tested if change.moved is not None]
    low, high = min(each.low for each in ratios), max(each.high for each in ratios)
    return (
        f"the two runs agree: no difference by Holm over {len(tested)} metrics{left}, no verdict "
        f"flips; intervals of second : first reach from ×{number(low)} to ×{number(high)}"
    )


def _of_many(
    runs: Sequence[ComparedRun],
    metrics: Sequence[SharedMetric],
    found: tuple[tuple[str, ...], tuple[str, ...]],
    named: Sequence[Change],
) -> str:
    _, flips = found
    tested = [metric for metric in metrics if any(c.step is not None for c in metric.changes)]
    if not tested and not flips:
        return "nothing could be compared: no metric named beforehand has a ratio in two runs"
    count = sum(change.step is not None for change in named)
    moved = [metric for metric in tested if metric.status == "moved"]
    still = sum(metric.status == "did not move" for metric in tested)
    left = len(tested) - len(moved) - still
    head = f"{len(runs)} runs, each against the first of them that has a metric"
    parts = [f"{head}: of {len(tested)} metrics named beforehand {len(moved)} moved"]
    if moved:
        told = [_in_runs(metric) for metric in moved[:_MOST_NAMED]]
        more = f" and {len(moved) - _MOST_NAMED} more" if len(moved) > _MOST_NAMED else ""
        parts[0] += f" ({'; '.join(told)}{more})"
    parts.append(f"{still} did not")
    if left:
        parts.append(f"for {left} the intervals are too wide to say")
    line = f"{', '.join(parts)}, by Holm over {count} comparisons"
    if not flips:
        return f"{line}; no verdict flips"
    return f"{line}; {len(flips)} verdict{' flips' if len(flips) == 1 else 's flip'}"


def _in_runs(metric: SharedMetric) -> str:
    """A metric with how far it moved, and in which runs."""
    gone = [change for change in metric.changes if change.rejected and change.moved]
    sizes = sorted((c.moved for c in gone if c.moved), key=lambda moved: moved.estimate)
    ends = dict.fromkeys((sizes[0].size, sizes[-1].size)) if sizes else {}
    names = ", ".join(change.later.run.label for change in gone)
    return f"{metric.asked.label} {' to '.join(ends)} in {names}"


def _because(different: Sequence[Difference], *, moved: bool) -> str:
    """What else differs: it explains what moved, or is only stated."""
    if not different:
        return ""
    names = named_differences(different)
    return f"; {EXPLAINED}: {names}" if moved else f" (surroundings differ: {names})"


def _aside(exploratory: Sequence[Change], runs: Sequence[ComparedRun]) -> str:
    """How many of the further comparisons moved, and which."""
    compared = [change for change in exploratory if change.moved is not None]
    if not compared:
        return ""
    gone = [_described(change, runs) for change in compared if change.has_moved]
    head = f"; of {len(compared)} further ones (95 % each, exploratory) "
    if len(runs) > 2:
        return head + (f"{len(gone)} moved" if gone else "none moved")
    return head + (f"{len(gone)} moved: {', '.join(gone)}" if gone else "none moved")


def _described(change: Change, runs: Sequence[ComparedRun]) -> str:
    size = f" {change.moved.size}" if change.moved else ""
    where = f" in {change.later.run.label}" if len(runs) > 2 else ""
    small = "" if change.word != "inconclusive" else f", {change.reason}"
    return f"{change.asked.label}{size}{where}{small}"
