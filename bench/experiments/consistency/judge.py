"""The claim that data is hard to keep consistent across databases, by rules fixed beforehand.

After quiescence each deployment is judged alone; meanwhile the services against the monolith.
"""

from collections.abc import Sequence

from bench.experiments.consistency.findings import EXPERIMENT, EpisodeResult, combined
from bench.report.naming import deployment_order
from bench.results.journal import Verdict, VerdictWord
from bench.results.verdict import SMOKE_NOTE
from bench.stats.counts import share_ratio
from bench.stats.errors import StatisticsError
from bench.stats.proportions import wilson

TOP, BASE = "microservices", "monolith"
INVARIANTS = tuple(f"I{number}" for number in range(1, 12))
MIN_KILLS = 20
LEVEL = 0.95
LEAST_SHARE = 1e-4  # an inconsistency that fewer than 1 in 10,000 orders show is not called one
AFTER_RULE = (
    "claim: data is lost or left wrong; supported if any of I1-I11 is violated once the shop has "
    f"settled, refuted if all are valid after at least {MIN_KILLS} kills and every phase ended"
)
DURING_RULE = (
    "claim: more orders are seen inconsistent (I7, I8) while the services work; ratio of the "
    "shares of orders with a 95 % log interval (0.5 added to each count); supported if it lies "
    "above 1 and the services' share above 1 in 10,000 (Wilson), refuted if it lies below 1 or "
    "the share below 1 in 10,000; all orders of one run, which is no repetition"
)


def consistency_verdicts(results: Sequence[EpisodeResult], profile: str) -> list[Verdict]:
    """Return the verdicts on a run's episodes, the services first."""
    names = deployment_order(result.episode.deployment for result in results)
    found = [_after(name, _of(results, name), profile) for name in reversed(names)]
    if {TOP, BASE} <= set(names):
        found.append(_during(_of(results, TOP), _of(results, BASE), profile))
    return found


def _of(results: Sequence[EpisodeResult], name: str) -> list[EpisodeResult]:
    return [result for result in results if result.episode.deployment == name]


def _after(name: str, results: Sequence[EpisodeResult], profile: str) -> Verdict:
    outcomes = {invariant: combined(results, invariant)[0] for invariant in INVARIANTS}
    violated = [invariant for invariant, outcome in outcomes.items() if outcome == "violated"]
    unknown = [invariant for invariant, outcome in outcomes.items() if outcome == "unknown"]
    kills = sum(result.hits for result in results if result.episode.phase == "kills")
    word: VerdictWord = "refuted"
    note = f"I1-I11 valid after {kills} kills"
    if violated:  # also in a smoke run: one lost order is a lost order
        word, note = "supported", f"violated: {', '.join(violated)}"
    elif profile == "smoke":
        word, note = "inconclusive", SMOKE_NOTE
    elif unknown or not all(result.whole for result in results):
        word, note = "inconclusive", f"unknown: {', '.join(unknown) or 'a phase did not end'}"
    elif kills < MIN_KILLS:
        word = "inconclusive"
        note = f"I1-I11 valid after {kills} kills; {MIN_KILLS} are needed for a verdict"
    return Verdict(
        id=f"{EXPERIMENT}/after/{name}",
        question=f"Does {name} lose data or leave it wrong after kills and faults?",
        metric="invariants violated after quiescence",
        numerator=name,
        denominator="",
        operation="all",
        estimate=None,
        low=None,
        high=None,
        level=LEVEL,
        n_blocks=len(results),
        verdict=word,
        rule=AFTER_RULE,
        note=note,
    )


def _during(top: Sequence[EpisodeResult], base: Sequence[EpisodeResult], profile: str) -> Verdict:
    counts = [(sum(r.inconsistent for r in each), sum(r.orders for r in each))
              for each in (top, base)]  # fmt: skip
    estimate = low = high = None
    word: VerdictWord = "inconclusive"
    note = "an arm stored no order that could be looked at"
    try:
        ratio = share_ratio(*counts, level=LEVEL)
        share = wilson(*counts[0], level=LEVEL)
    except StatisticsError:
        pass
    else:
        estimate, low, high = ratio.estimate, ratio.low, ratio.high
        word, note = _compared(ratio.low, ratio.high, share.low, share.high)
        told = [f"{count} of {n:,} orders" for count, n in counts]
        note = f"{TOP} {told[0]}, {BASE} {told[1]}; {note}"
        if profile == "smoke":
            word, note = "inconclusive", f"{SMOKE_NOTE}; {note}"
    return Verdict(
        id=f"{EXPERIMENT}/during/{TOP}:{BASE}",
        question=f"Are more orders seen inconsistent meanwhile in {TOP} than in {BASE}?",
        metric="share of orders seen inconsistent",
        numerator=TOP,
        denominator=BASE,
        operation="all",
        estimate=estimate,
        low=low,
        high=high,
        level=LEVEL,
        n_blocks=len(top) + len(base),
        verdict=word,
        rule=DURING_RULE,
        note=note,
    )


def _compared(
    low: float, high: float, share_low: float, share_high: float
) -> tuple[VerdictWord, str]:
    if low > 1 and share_low > LEAST_SHARE:
        return "supported", "ratio above 1, share above 1 in 10,000"
    if high < 1 or share_high < LEAST_SHARE:
        return "refuted", "ratio below 1, or share below 1 in 10,000"
    return "inconclusive", "the interval decides neither"
