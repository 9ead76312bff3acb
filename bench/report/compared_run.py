"""One run as a comparison needs it: read whole, or from what is kept of it without its rows.

Neighbours: `run_comparison` judges several of them, `compare` makes the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log
from pathlib import Path

from bench.errors import CorruptResults
from bench.files import is_file_name
from bench.report.analysis import analyse
from bench.report.environment import surroundings_of
from bench.report.measures import METRIC_NAMES
from bench.report.merged_runs import PROFILES
from bench.report.section import ArmLevel, Comparable
from bench.results.journal import JOURNAL_FILE, VERDICTS_FILE, RunReader, read_verdicts
from bench.results.paired.rounds import TIME_NAME
from bench.results.verdict import NAMED, Surroundings, Verdict
from bench.stats.errors import StatisticsError
from bench.stats.means import MeanInterval, values_behind
from bench.stats.verdicts import THRESHOLDS

_KINDS = {
    **{name: kind for kind, name in METRIC_NAMES.items()},
    TIME_NAME: "p50",
    **{name: name for name in THRESHOLDS},
}
_NO_INTERVAL = "no interval is kept of it"
_MOST_UNITS = 100_000  # starts, passes or blocks of a verdict


@dataclass(frozen=True)
class ComparedRun:
    """What can be held against other runs. `surroundings` None: it does not state them.

    `recorded`: its rows are not there; each metric is taken from its verdict, as a mean with its
    error. `label`: short, no other run of the comparison has it. `compared`: by the verdict's id,
    or the metric's own where it has no verdict.
    """

    path: Path
    run_id: str
    recorded: bool
    surroundings: Surroundings | None
    compared: Mapping[str, Comparable]
    verdicts: Mapping[str, Verdict]
    arm_levels: tuple[ArmLevel, ...] = ()
    label: str = ""

    @property
    def started(self) -> str:
        """When it began, as text that sorts; from its name if nothing else says so."""
        told = self.surroundings.plans.get("started", "") if self.surroundings else ""
        stamp = self.run_id[:15]
        if told or not stamp.replace("-", "").isdigit():
            return told
        return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T{stamp[9:11]}:{stamp[11:13]}"

    @property
    def facts(self) -> Mapping[str, str] | None:
        """Its lasting facts."""
        return self.surroundings.facts if self.surroundings else None

    @property
    def profile(self) -> str:
        """Its profile; from its name if nothing else says so."""
        told = self.surroundings.facts.get("profile", "") if self.surroundings else ""
        return told or next((name for name in PROFILES if f"-{name}-" in self.run_id), "")


def read_compared(path: Path) -> ComparedRun:
    """Read a run. Raises CorruptResults, or ShopbenchError (usage) where there is none."""
    has_journal = (path / JOURNAL_FILE).exists()
    if not has_journal and (path / VERDICTS_FILE).is_file():
        return _recorded(path, None)
    reader = RunReader(path)
    if reader.trials and not (path / "rows").is_dir():
        return _recorded(path, surroundings_of(reader.journal))
    return _measured(path)


def _measured(path: Path) -> ComparedRun:
    analysis = analyse(path)
    compared = [each for section in analysis.sections for each in section.compared]
    journal = analysis.data.journal
    return ComparedRun(
        path=path,
        run_id=journal.run_id,
        recorded=False,
        surroundings=surroundings_of(journal),
        compared={each.verdict_id or each.id: each for each in compared},
        verdicts={verdict.id: verdict for verdict in analysis.verdicts},
        arm_levels=tuple(each for section in analysis.sections for each in section.arm_levels),
    )


def _recorded(path: Path, surroundings: Surroundings | None) -> ComparedRun:
    kept = read_verdicts(path)
    if not is_file_name(kept.run_id):
        raise CorruptResults(f"{path}: {kept.run_id[:80]!r} is no name that a run can have")
    return ComparedRun(
        path=path,
        run_id=kept.run_id,
        recorded=True,
        surroundings=surroundings or kept.surroundings,
        compared={each.id: each for each in _from_verdicts(kept.verdicts)},
        verdicts={verdict.id: verdict for verdict in kept.verdicts},
    )


def _from_verdicts(verdicts: Iterable[Verdict]) -> Iterable[Comparable]:
    for verdict in verdicts:
        if verdict.estimate is None:
            continue
        values, unit = _values(verdict), unit_of(verdict)
        named = f"{verdict.numerator}:{verdict.denominator}"
        yield Comparable(
            id=verdict.id,
            label=verdict.question.removesuffix("?"),
            verdict_id=verdict.id,
            values=values,
            kind="" if unit else _KINDS.get(verdict.metric, ""),
            family=named if verdict.note.startswith(NAMED) else "",
            refusal="" if values else _NO_INTERVAL,
            unit=unit,
        )


def unit_of(verdict: Verdict) -> str:
    """The unit of a verdict's metric; "" for a ratio."""
    return verdict.metric.rpartition("_in_")[2] if "_in_" in verdict.metric else ""


def _values(verdict: Verdict) -> tuple[float, ...]:
    """Values with the verdict's mean and interval; () where it has none."""
    if verdict.estimate is None or verdict.low is None or verdict.high is None:
        return ()
    if verdict.n_blocks > _MOST_UNITS:
        return ()
    ends = (verdict.estimate, verdict.low, verdict.high)
    try:
        mean, low, high = ends if unit_of(verdict) else map(log, ends)
        found = values_behind(MeanInterval(mean, low, high, verdict.level, verdict.n_blocks))
    except (ValueError, StatisticsError):
        return ()
    return tuple(map(float, found))
