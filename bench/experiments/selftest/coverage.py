"""Coverage of the interval and false positives of the verdict, on blocks that were recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import ShopbenchError
from bench.experiments.laboratory import Laboratory
from bench.experiments.selftest import aa, planted
from bench.experiments.selftest.blocks import pair_logs, stored_blocks
from bench.experiments.selftest.publish import publish
from bench.experiments.selftest.record import SETTING, Outcome, judged, selftest_settings
from bench.experiments.selftest.resampling import Coverage, populations, resample, simulate
from bench.experiments.selftest.sizes import SIZES
from bench.experiments.values import cell_values
from bench.journal import RunReader, Trial

PART = "coverage"
COMPARISONS_EXPECTED, RESAMPLE_S = 16, 0.001
LOW, HIGH, FALSE_LIMIT, LEAST_RESAMPLES = 0.93, 0.97, 0.05, 2_000
Recorded = list[tuple[str, str, Sequence[float]]]
_PAIRED = ("latency", "ladder")


def announce(lab: Laboratory) -> None:
    """Tell the progress what is coming."""
    lab.progress.plan(_planned_s(lab))


def run(lab: Laboratory) -> None:
    """Resample what this run recorded, or the newest selftest of this machine."""
    lab.progress.say("resampling recorded blocks")
    recorded = recorded_in(lab.setting(SETTING) or {})
    found = coverages(recorded, SIZES[lab.profile.name].resamples, lab.seed("coverage"))
    lab.progress.done(_planned_s(lab))
    publish(lab, PART, outcomes(found, lab.profile.name), details(found))


def examine(run_dir: Path | None, profile: str, seed: int) -> list[dict[str, Any]]:
    """Resample a run's blocks, or the newest selftest's here; return the outcomes as rows.

    Measures nothing, so nothing is kept. Raises ShopbenchError with too few recorded blocks.
    """
    kept = selftest_settings().get(SETTING, {}) if run_dir is None else {}
    recorded = recorded_by(run_dir) if run_dir is not None else recorded_in(kept)
    found = coverages(recorded, SIZES[profile].resamples, seed)
    return [
        *(asdict(outcome) for outcome in outcomes(found, profile)),
        *(asdict(_line(each)) for each in found),
    ]


def _line(each: Coverage) -> Outcome:
    shown = f"{each.covered / each.n:.1%} covered, {each.called / each.n:.2%} called different"
    note = f"{each.blocks} blocks, {each.n:,} resamples" if each.blocks else f"{each.n:,} draws"
    return Outcome(f"{each.name} {each.kind}", shown, "", "not judged", note)


def recorded_in(selftest: dict[str, Any]) -> Recorded:
    """The log-ratios of the planted and A/A parts."""
    parts = selftest.get("parts", {})
    logs = parts.get(planted.PART, {}).get("logs", {})
    kinds = {each.what: each.kind for each in planted.COMPARISONS}
    found: Recorded = [(what, kinds[what], values) for what, values in logs.items()]
    for cell in parts.get(aa.PART, {}).get("cells", []):
        name = f"A/A {cell['deployment']}, {cell['mix']}"
        found.append((name, cell["kind"], cell["logs"]))
    return found


def recorded_by(run_dir: Path) -> Recorded:
    """The log-ratios a run folder holds: a selftest's, or every pair of its deployments.

    Raises CorruptResults for a damaged folder.
    """
    reader = RunReader(run_dir)
    own = recorded_in(reader.journal.settings.get(SETTING, {}))
    if any(trial.experiment.startswith("selftest") for trial in reader.trials) and own:
        return own
    return list(_pairs(reader))


def coverages(recorded: Recorded, resamples: int, seed: int) -> list[Coverage]:
    """Resample each population, then simulate. Raises ShopbenchError with too few blocks."""
    found = populations(recorded)
    if not found and resamples >= LEAST_RESAMPLES:
        raise ShopbenchError("no 20 recorded blocks to resample: run the parts planted or aa", 1)
    rng = np.random.default_rng(seed)
    return [*(resample(each, resamples, rng) for each in found), *simulate(resamples, rng)]


def outcomes(found: Sequence[Coverage], profile: str) -> list[Outcome]:
    """Judged over all recorded blocks together; the extremes are named."""
    recorded = [each for each in found if each.blocks]
    n = sum(each.n for each in recorded)
    if not n:
        return [Outcome("coverage", "–", "recorded blocks", "not judged", "none recorded")]
    covered, called = sum(e.covered for e in recorded) / n, sum(e.called for e in recorded) / n
    by_rule = sum(e.rule_covered for e in recorded) / n
    rule_called = sum(e.rule_called for e in recorded) / n
    shares = sorted(each.covered / each.n for each in recorded)
    note = f"{n:,} resamples of {len(recorded)} comparisons, {shares[0]:.1%} to {shares[-1]:.1%}"
    profile = profile if n >= LEAST_RESAMPLES else "smoke"
    within, few = f"{LOW:.0%} to {HIGH:.0%}", f"at most {FALSE_LIMIT:.0%}"
    return [
        Outcome("coverage of the 95 % interval", f"{covered:.1%}", within,
                judged(LOW <= covered <= HIGH, profile), note),
        Outcome("coverage, blocks chosen by the stop rule", f"{by_rule:.1%}", within,
                judged(LOW <= by_rule <= HIGH, profile), note=""),
        Outcome("false positives of the verdict", f"{called:.2%}", few,
                judged(called <= FALSE_LIMIT, profile), f"with the stop rule {rule_called:.2%}"),
    ]  # fmt: skip


def details(found: Sequence[Coverage]) -> dict[str, Any]:
    """As the report's table needs it."""
    return {"coverage": [asdict(each) for each in found]}


def _planned_s(lab: Laboratory) -> float:
    return COMPARISONS_EXPECTED * SIZES[lab.profile.name].resamples * RESAMPLE_S


def _pairs(reader: RunReader) -> Iterator[tuple[str, str, Sequence[float]]]:
    cells: dict[tuple[str, str, float], list[Trial]] = {}
    for trial in reader.trials:
        if trial.experiment in _PAIRED:
            cells.setdefault((trial.experiment, trial.mix, trial.offered_rps), []).append(trial)
    for (_, mix, _), trials in cells.items():
        blocks = stored_blocks(reader, trials, cell_values)
        names = sorted({trial.deployment for trial in trials})
        for name in names[1:]:
            for kind in ("p50", "p95", "cpu"):
                logs = pair_logs(blocks, kind, name, names[0])
                yield f"{mix}, {name} : {names[0]}", kind, [float(log) for log in logs]
