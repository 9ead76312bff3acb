"""Lays two to ten runs over each other: one page, one sentence, and the same as JSON.

Neighbours: `compared_run` reads, `run_comparison` judges, `agreement` says it, `environment` tells
what could explain it, `scale` places rows of a figure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args

from bench.errors import ShopbenchError
from bench.report.agreement import Agreement, agreement
from bench.report.build import write_text
from bench.report.compared_run import ComparedRun, read_compared
from bench.report.environment import Difference, differences
from bench.report.naming import deployment_order, interval, number
from bench.report.page import asset, environment
from bench.report.run_comparison import (
    Change,
    Missing,
    SharedMetric,
    Status,
    missing,
    shared_metrics,
)
from bench.report.scale import Scale
from bench.results.journal import RunReader
from bench.results.run_names import short_names
from bench.results.verdict import Verdict

MOST_RUNS = 10


@dataclass(frozen=True)
class Comparison:
    """Runs compared, oldest first. `page`: the HTML file; `different`: what else is not the same.

    `plans`: what they were told to do that is not the same, loads included; it explains nothing.
    """

    page: Path
    runs: tuple[ComparedRun, ...]
    different: tuple[Difference, ...]
    plans: tuple[Difference, ...]
    metrics: tuple[SharedMetric, ...]
    missing: tuple[Missing, ...]
    agreement: Agreement

    @property
    def named(self) -> list[Change]:
        """What moved, or did not, of what both runs named beforehand."""
        return [change for metric in self.metrics for change in metric.changes if change.named]

    @property
    def exploratory(self) -> list[Change]:
        """The same of all else."""
        return [change for metric in self.metrics for change in metric.changes if not change.named]

    def as_json(self) -> dict[str, Any]:
        """Return everything the page judges, for a program."""
        return {
            "runs": [_run(run) for run in self.runs],
            "page": str(self.page),
            **asdict(self.agreement),
            "environment_differences": [asdict(each) for each in self.different],
            "plan_differences": [asdict(each) for each in self.plans],
            "named": [_record(change) for change in self.named],
            "exploratory": [_record(change) for change in self.exploratory],
            "not_shared": [
                {
                    "experiment": each.experiment,
                    "metrics": each.metrics,
                    "lacking": [run.run_id for run in each.lacking],
                }
                for each in self.missing
            ],
        }


def compare_runs(paths: Sequence[Path], out: Path | None = None) -> Comparison:
    """Compare runs, each with the oldest that has the metric, and write one HTML page about it.

    `out`: a file, or a folder to put it in; by default beside the first run that has rows. Raises
    CorruptResults and ShopbenchError with one line (2 for one run twice, or too many).
    """
    _check(paths)
    read = sorted((read_compared(path) for path in paths), key=lambda run: run.started)
    runs = tuple(_labelled(read))
    different = differences([run.facts for run in runs])
    plans = differences([run.surroundings.plans if run.surroundings else {} for run in runs])
    metrics = shared_metrics(runs)
    found = Comparison(
        page=_target(runs, out),
        runs=runs,
        different=tuple(different),
        plans=tuple(plans),
        metrics=tuple(metrics),
        missing=tuple(missing(runs)),
        agreement=agreement(runs, metrics, different),
    )
    try:
        found.page.parent.mkdir(parents=True, exist_ok=True)
        write_text(found.page, render(found))
    except OSError as exc:
        raise ShopbenchError(f"cannot write {found.page}: {exc.strerror}", 3) from exc
    return found


def render(found: Comparison) -> str:
    """Return the page."""
    return environment().get_template("compare.html").render(
        runs=found.runs,
        agreement=found.agreement,
        different=found.different,
        plans=found.plans,
        missing=found.missing,
        named=_by_status(metric for metric in found.metrics if metric.named),
        others=_by_status(metric for metric in found.metrics if not metric.named),
        levels=list(_levels(found.runs)),
        same=_common(found.runs),
        css=asset("page.css"),
        own_css=asset("runs.css"),
    )  # fmt: skip


def _check(paths: Sequence[Path]) -> None:
    if not 2 <= len(paths) <= MOST_RUNS:
        raise ShopbenchError(f"compare takes 2 to {MOST_RUNS} runs, not {len(paths)}", 2)
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            RunReader(path)  # what is no run at all is said first
            raise ShopbenchError(f"the same folder twice, nothing to compare: {path}", 2)
        seen.add(path.resolve())


def _labelled(runs: Sequence[ComparedRun]) -> Iterable[ComparedRun]:
    """The runs with labels that tell them apart, copies of one run included."""
    names = [run.run_id for run in runs]
    short = short_names(names)
    for at, run in enumerate(runs):
        again = names[:at].count(run.run_id)
        yield replace(run, label=short[run.run_id] + (f" ({again + 1})" if again else ""))


def _common(runs: Sequence[ComparedRun]) -> Mapping[str, str]:
    """What all runs state alike."""
    stated = [{**run.surroundings.facts, **run.surroundings.plans} for run in runs
              if run.surroundings]  # fmt: skip
    first = stated[0] if stated else {}
    return {
        name: value
        for name, value in first.items()
        if all(each.get(name) == value for each in stated)
    }


def _by_status(metrics: Iterable[SharedMetric]) -> dict[str, list[dict[str, Any]]]:
    """What the page shows of the metrics, by what became of them."""
    found: dict[str, list[dict[str, Any]]] = {status: [] for status in get_args(Status)}
    for metric in metrics:
        found[metric.status].append(_block(metric))
    return {status: blocks for status, blocks in found.items() if blocks}


def _block(metric: SharedMetric) -> dict[str, Any]:
    """What the page shows of a metric: a row a run on one scale."""
    unit = metric.asked.unit
    points = [(each.value, each.low, each.high) for each in metric.readings]
    scale = Scale.around(points, ratio=not unit)
    changes = {change.later.run.label: change for change in metric.changes}
    rows = [
        {
            "run": each.run.label,
            "recorded": each.run.recorded,
            "bar": scale.bar(each.value, each.low, each.high),
            "text": _told(each.value, each.low, each.high, unit),
            "n": len(each.of.values),
            "verdict": each.verdict.verdict if each.verdict else "",
            "change": _change_text(changes.get(each.run.label)),
        }
        for each in metric.readings
    ]
    return {"label": metric.asked.label, "rows": rows, "scale": scale, "ends": _ends(scale, unit)}


def _change_text(change: Change | None) -> dict[str, str] | None:
    if change is None:
        return None
    moved = change.moved
    told = f"{moved.size} {interval(moved.low, moved.high)}" if moved else ""
    holm = f", Holm-adjusted p {change.step.adjusted_p:.3f}" if change.step else ""
    return {"word": change.word, "moved": told, "why": f"{change.reason}{holm}"}


def _ends(scale: Scale, unit: str) -> list[str]:
    return [f"{number(end)} {unit}" if unit else f"×{number(end)}" for end in scale.ends]


def _told(value: float | None, low: float | None, high: float | None, unit: str) -> str:
    size = f"{number(value)} {unit}" if unit else f"×{number(value)}"
    return size if low is None else f"{size} {interval(low, high)}"


def _levels(runs: Sequence[ComparedRun]) -> Iterable[dict[str, Any]]:
    """Bare times and CPU: a block for each of what was measured, a group a deployment."""
    wanted = dict.fromkeys(level.what for run in runs for level in run.arm_levels)
    for what in wanted:
        found = [(run, level) for run in runs for level in run.arm_levels if level.what == what]
        unit = found[0][1].unit
        same = [(run, level) for run, level in found if level.unit == unit]
        if len({run.label for run, _ in same}) < 2:
            continue
        scale = Scale.around([(x.value, x.low, x.high) for _, x in same], ratio=True)
        groups = [
            {
                "deployment": name,
                "rows": [
                    {
                        "run": run.label,
                        "recorded": False,
                        "bar": scale.bar(x.value, x.low, x.high),
                        "text": _told(x.value, x.low, x.high, unit),
                    }
                    for run, x in same
                    if x.deployment == name
                ],
            }
            for name in deployment_order(x.deployment for _, x in same)
        ]
        yield {"label": what, "groups": groups, "scale": scale, "ends": _ends(scale, unit)}


def _record(change: Change) -> dict[str, Any]:
    moved = change.moved
    return {
        "question": change.asked.label,
        "id": change.asked.id,
        "first_run": change.base.run.run_id,
        "second_run": change.later.run.run_id,
        "first": _side(change.first),
        "second": _side(change.second),
        "second_to_first": None if moved is None else asdict(moved),
        "holm_adjusted_p": change.step.adjusted_p if change.step else None,
        "holm_rejected": change.rejected,
        "word": change.word,
        "reason": change.reason,
        "flipped": change.flipped,
    }  # fmt: skip


def _side(verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    names = ("estimate", "low", "high", "level", "n_blocks", "verdict")
    return {name: getattr(verdict, name) for name in names}


def _run(run: ComparedRun) -> dict[str, Any]:
    told = asdict(run.surroundings) if run.surroundings else {"facts": None, "plans": None}
    return {"run_id": run.run_id, "recorded": run.recorded, "path": str(run.path), **told}


def _target(runs: Sequence[ComparedRun], out: Path | None) -> Path:
    ids = [run.run_id if len(runs) == 2 else run.label.replace(" ", "-") for run in runs]
    name = f"compare-{'-'.join(ids)[:220]}.html"
    if out is None:
        measured = [run.path for run in runs if not run.recorded]
        return (measured or [runs[0].path])[0].resolve().parent / name
    return out / name if out.is_dir() else out
