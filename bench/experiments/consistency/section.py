"""Consistency: is the data right after kills and faults, and how wrong is it meanwhile?"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bench.experiments.consistency.figures import strip_figure
from bench.experiments.consistency.findings import (
    LASTING_S,
    EpisodeResult,
    combined,
    kinds_seen,
    results_of,
)
from bench.experiments.consistency.judge import INVARIANTS, consistency_verdicts
from bench.report.naming import deployment_order, number
from bench.report.section import Section
from bench.report.spoken import Maker, said
from bench.results.dataset import RunData
from bench.results.verdict import Verdict
from bench.stats.counts import poisson_rate
from bench.stats.errors import TooFewSamples
from bench.stats.proportions import wilson

PER = 10_000
PRINTED_EVIDENCE = 5
_PHASES = {"kills": "random kills", "points": "fault points"}


def sections(data: RunData) -> list[Section]:
    """Return the section, if the run has the experiment."""
    made = section(data)
    return [made] if made is not None else []


def _nothing_lost(verdict: Verdict) -> bool:
    after = verdict.id.startswith("consistency/after/")
    return after and verdict.note.startswith("I1-I11 valid")


def _after(verdict: Verdict, parts: list[str]) -> str:
    what = "Nothing was" if _nothing_lost(verdict) else "Data was"
    return f"{what} lost or left wrong in {verdict.numerator} ({verdict.note})."


def _during(verdict: Verdict, parts: list[str]) -> str:
    counts = verdict.note.partition(";")[0]
    return f"Orders seen half done for a while under kills and faults: {counts}."


_SPOKEN: dict[str, Maker] = {"consistency/after": _after, "consistency/during": _during}


def section(data: RunData) -> Section | None:
    """Return the section of the consistency experiment, None if the run has none."""
    results = results_of(data)
    if not results:
        return None
    names = deployment_order(result.episode.deployment for result in results)
    verdicts = consistency_verdicts(results, data.journal.profile)
    decided, otherwise = said(verdicts, _SPOKEN, _nothing_lost)
    figure = strip_figure(results)
    sentences = [sentence(name, _of(results, name)) for name in names]
    cut_off = len([e for e in data.journal.episodes if e.status != "ended"])
    return Section(
        anchor="consistency",
        title="Is the data still right?",
        template="consistency/section.html",
        context={
            "names": names,
            "sentences": sentences,
            "verdicts": verdicts,
            "invariants": _invariants(results, names),
            "counts": [_counts(result) for result in results],
            "transients": [row for result in results for row in _transients(result)],
            "convergence": [_convergence(result) for result in results],
            "kinds": [(name, kinds_seen(_of(results, name)).most_common()) for name in names],
            "evidence": [line for result in results for line in _evidence(result)],
            "cut_off": cut_off,
        },
        figures=(figure,) if figure is not None else (),
        summary=(
            *(f"- {text}" for text in sentences),
            "\n".join(f"- **{v.verdict}**: {v.question} {v.note}" for v in verdicts),
        ),
        verdicts=tuple(verdicts),
        sentences=decided,
        otherwise=otherwise,
        tables={
            "consistency": list(invariant_records(results)),
            "transient_anomalies": list(transient_records(results)),
        },
    )


def sentence(name: str, results: Sequence[EpisodeResult]) -> str:
    """Say what was done to a deployment, what was lost, and what was seen meanwhile."""
    kills = sum(r.hits for r in results if r.episode.phase == "kills")
    points = sum(r.hits for r in results if r.episode.phase == "points")
    acknowledged = sum(r.acknowledged for r in results)
    orders, seen = sum(r.orders for r in results), sum(r.inconsistent for r in results)
    bad = [i for i in INVARIANTS if combined(results, i)[0] == "violated"]
    unknown = [i for i in INVARIANTS if combined(results, i)[0] == "unknown"]
    text = f"{name}: {kills} kills and {points} fault points under {acknowledged:,} acknowledged "
    text += "orders; once settled "
    if bad:
        text += f"violated: {', '.join(bad)}"
    else:
        text += "nothing is violated"
    text += f", unknown: {', '.join(unknown)}" if unknown else ""
    if not bad and not unknown and acknowledged:
        most = PER * poisson_rate(0, acknowledged).high
        text += f" (lost orders: 0, at most {number(most, 2)} per 10,000 at 95 %)"
    if not orders:
        return f"{text}."
    lasting = sum(r.lasting for r in results)
    return (
        f"{text}; meanwhile {_share(seen, orders)} in 10,000 orders were seen half done, "
        f"{_share(lasting, orders)} for more than {LASTING_S:g} s, the oldest for "
        f"{number(_oldest(results))} s."
    )


def _share(count: int, n: int) -> str:
    """Per 10,000 with Wilson's interval. A deleted order may have been seen: never above n."""
    share = wilson(min(count, n), n)
    return f"{number(PER * share.estimate)} [{number(PER * share.low)}, {number(PER * share.high)}]"


def _oldest(results: Sequence[EpisodeResult]) -> float:
    return max((t.oldest_s for r in results for t in r.transients.values()), default=0.0)


def _of(results: Sequence[EpisodeResult], name: str) -> list[EpisodeResult]:
    return [result for result in results if result.episode.deployment == name]


def _label(result: EpisodeResult) -> str:
    phase = _PHASES.get(result.episode.phase, result.episode.phase)
    whole = "" if result.whole else " (not finished)"
    return f"{result.episode.deployment} · {phase}{whole}"


def _invariants(
    results: Sequence[EpisodeResult], names: Sequence[str]
) -> list[tuple[str, str, list[tuple[str, int]]]]:
    """(invariant, statement, (outcome, things checked) for each deployment)."""
    rows = []
    for invariant in INVARIANTS:
        cells: list[tuple[str, int]] = [combined(_of(results, name), invariant) for name in names]
        rows.append((invariant, results[0].audit[invariant].statement, cells))
    return rows


def _counts(result: EpisodeResult) -> list[str]:
    faults = len(result.faults)
    return [
        _label(result),
        f"{result.operations:,}",
        f"{result.acknowledged:,}",
        f"{result.hits} of {faults}",
        f"{len(result.samples):,}",
        f"{sum(bool(sample.unreadable) for sample in result.samples):,}",
    ]


def _transients(result: EpisodeResult) -> list[list[str]]:
    """Shares of orders by Wilson; rows of I5 and I6 are no orders, so their rate is Poisson's."""
    rows = []
    for invariant, found in result.transients.items():
        try:
            if invariant in {"I7", "I8"}:
                share = wilson(min(found.count, result.orders), result.orders)
                low, middle, high = share.low, share.estimate, share.high
            else:
                rate = poisson_rate(found.count, result.orders)
                low, middle, high = rate.low, rate.estimate, rate.high
            cells = [number(PER * middle), f"[{number(PER * low)}, {number(PER * high)}]"]
        except TooFewSamples:
            cells = ["–", "–"]
        oldest = number(found.oldest_s) if found.count else "–"
        counts = [f"{found.count:,}", *cells, f"{found.lasting:,}"]
        rows.append([f"{_label(result)} · {invariant}", *counts, oldest])
    return rows


def _convergence(result: EpisodeResult) -> list[str]:
    seconds = result.convergence.seconds
    cells = ["–"] * 3
    if seconds:
        cells = [number(float(np.quantile(seconds, q))) for q in (0.5, 0.9, 1.0)]
    settled = "–"
    if result.settled is not None:
        settled = number(result.settled.seconds)
        if result.settled.open_work or result.settled.error:
            settled = f"not within {settled}"
    return [_label(result), str(len(seconds)), *cells, str(result.convergence.never), settled]


def _evidence(result: EpisodeResult) -> list[str]:
    lines = []
    for verdict in result.audit.verdicts:
        head = f"{_label(result)}, {verdict.invariant}: "
        if verdict.outcome == "unknown":
            lines.append(f"{head}unknown: {verdict.reason}")
        for item in verdict.evidence[:PRINTED_EVIDENCE]:
            lines.append(f"{head}{item.message} {item.rows[:2]}")
        if len(verdict.evidence) > PRINTED_EVIDENCE:
            lines.append(f"{head}… and {len(verdict.evidence) - PRINTED_EVIDENCE} more")
    return lines


def invariant_records(results: Sequence[EpisodeResult]) -> Iterator[dict[str, Any]]:
    """Records of every audited invariant, for a CSV file."""
    for result in results:
        for verdict in result.audit.verdicts:
            yield {
                **_episode(result),
                "invariant": verdict.invariant,
                "outcome": verdict.outcome,
                "checked": verdict.checked,
                "violations": len(verdict.evidence),
                "reason": verdict.reason,
            }


def transient_records(results: Sequence[EpisodeResult]) -> Iterator[dict[str, Any]]:
    """Records of everything seen half done, for a CSV file."""
    for result in results:
        for sample in result.samples:
            for seen in sample.seen:
                yield {
                    **_episode(result),
                    "seen_at_s": sample.time_s - result.begun_s,
                    "invariant": seen.invariant,
                    "what": seen.what,
                    "subject": seen.subject,
                    "age_s": seen.age_s,
                }


def _episode(result: EpisodeResult) -> dict[str, Any]:
    names = ("episode_id", "deployment", "phase", "attempt", "status")
    return {name: getattr(result.episode, name) for name in names}
