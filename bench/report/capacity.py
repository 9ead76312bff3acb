"""Capacity at the service level: searches, probes, cost at capacity, and the verdicts on it.

Two metrics, as Theodolite defines them: capacity(resources), the highest load that meets the
objective, and demand(load), the resources a load takes while it is met. Neighbours:
`sections.capacity` prints, `figures.capacity` draws.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp
from pathlib import Path
from typing import Any

import msgspec

import bench
from bench.journal import CorruptResults, Verdict, VerdictWord
from bench.report.dataset import RunData, TrialSample
from bench.report.measures import Level, cpu_ms_per_request, level_of, pss_mib
from bench.report.naming import deployment_order, interval, number, words
from bench.report.questions import PAIRS
from bench.report.verdicts import SMOKE_NOTE
from bench.stats.errors import StatisticsError
from bench.stats.paired import log_ratios, paired_ratio
from bench.stats.verdicts import Claim, decide

CAPACITY = "capacity"
KIND = "p95"  # the threshold of a capacity ratio: the objective is one on the p95
MIN_SEARCHES = 3
APART = 1.25  # brackets of single searches must be this far from each other
PRICES = Path(bench.__file__).resolve().parent / "prices.toml"
_OPPOSITE: dict[Claim, Claim] = {"greater": "less", "less": "greater", "different": "different"}
_SECONDS_AN_HOUR, _MILLION = 3600.0, 1e6


@dataclass(frozen=True)
class Prices:
    """What a vCPU and a GiB cost for an hour. `label` says what kind of prices they are."""

    label: str
    date: str
    currency: str
    vcpu_hour: float
    gib_hour: float


@dataclass(frozen=True)
class Probe:
    """One probe of a search; `passed` None: it did not count."""

    sample: TrialSample
    search: int
    number: int
    confirm: bool
    passed: bool | None

    @property
    def offered_rps(self) -> float:
        """The load that was probed."""
        return self.sample.trial.offered_rps

    def part(self, name: str) -> tuple[float, bool] | None:
        """Value of a part of the objective and whether it was met; None: not measured."""
        facts = self.sample.trial.facts
        value = facts.get(f"slo_{name}")
        return None if value is None else (value, facts[f"slo_{name}_pass"] == 1.0)

    @property
    def cores(self) -> float | None:
        """CPU cores used: CPU of a request times the requests answered rightly a second."""
        cpu_ms = cpu_ms_per_request(self.sample)
        return None if cpu_ms is None else cpu_ms / 1000 * self.sample.good_rps

    @property
    def gib_s_per_request(self) -> float | None:
        """Memory held for the time between two requests."""
        rate = self.sample.good_rps
        return pss_mib(self.sample) / 1024 / rate if rate else None


@dataclass(frozen=True)
class SearchResult:
    """One search: the highest load that passed, the lowest above it that failed."""

    mix: str
    deployment: str
    search: int
    low_rps: float | None
    high_rps: float | None
    confirmed: bool
    reason: str
    probes: tuple[Probe, ...]

    @cached_property
    def at_capacity(self) -> tuple[Probe, ...]:
        """The passing probes at the capacity found."""
        return tuple(p for p in self.probes if p.passed and p.offered_rps == self.low_rps)

    @property
    def bracket(self) -> str:
        """`[429, 450)`, a dash for an open end."""
        return f"[{number(self.low_rps)}, {number(self.high_rps)})"


@dataclass(frozen=True)
class Summary:
    """A deployment's capacity over its searches, and what a request costs there."""

    mix: str
    deployment: str
    searches: tuple[SearchResult, ...]
    rps: Level | None
    cores: float | None
    cpu_ms: float | None
    gib_s: float | None

    @property
    def rps_per_core(self) -> float | None:
        """Sustained requests a second for each core used."""
        return self.rps.value / self.cores if self.rps and self.cores else None

    def money(self, prices: Prices) -> float | None:
        """Price of the CPU and memory used for a million requests, at capacity."""
        if self.cpu_ms is None or self.gib_s is None:
            return None
        vcpu_hours = self.cpu_ms / 1000 * _MILLION / _SECONDS_AN_HOUR
        gib_hours = self.gib_s * _MILLION / _SECONDS_AN_HOUR
        return vcpu_hours * prices.vcpu_hour + gib_hours * prices.gib_hour


def read_prices(path: Path = PRICES) -> Prices:
    """Read a price file. Raises CorruptResults with one line."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Prices)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as exc:
        raise CorruptResults(f"{path}: {exc}") from exc


def searches_of(data: RunData) -> list[SearchResult]:
    """Return every search of a run, by mix, deployment and number; unfinished ones are open."""
    probes: dict[tuple[str, str, int], list[Probe]] = {}
    for sample in data.trials:
        trial = sample.trial
        if trial.experiment == CAPACITY and "search" in trial.facts:
            key = (trial.mix, trial.deployment, int(trial.facts["search"]))
            probes.setdefault(key, []).append(_probe(data, sample))
    ends = {(e["mix"], e["deployment"], int(e["search"])): e for e in _ends(data)}
    order = {name: i for i, name in enumerate(deployment_order(name for _, name, _ in probes))}
    keys = sorted(probes, key=lambda key: (key[0], order[key[1]], key[2]))
    return [_search(key, tuple(probes[key]), ends.get(key)) for key in keys]


def summaries(found: Sequence[SearchResult]) -> list[Summary]:
    """Return each deployment's capacity in each mix, in the order of the searches."""
    groups: dict[tuple[str, str], list[SearchResult]] = {}
    for search in found:
        groups.setdefault((search.mix, search.deployment), []).append(search)
    return [_summary(mix, name, own) for (mix, name), own in groups.items()]


def capacity_verdicts(data: RunData, found: Sequence[Summary]) -> list[Verdict]:
    """Return the verdict on each pair of deployments in each mix."""
    by_key = {(summary.mix, summary.deployment): summary for summary in found}
    verdicts = []
    for mix in dict.fromkeys(summary.mix for summary in found):
        for top, bottom, claim in PAIRS:
            pair = by_key.get((mix, top)), by_key.get((mix, bottom))
            if pair[0] is not None and pair[1] is not None:
                # a claim on time and CPU, turned round: more of them is less capacity
                verdicts.append(_verdict(data, pair[0], pair[1], _OPPOSITE[claim]))
    return verdicts


def capacity_cell(data: RunData, deployment: str) -> str | None:
    """Return a deployment's cell of the comparison table, None where it was not searched."""
    own = [s for s in summaries(searches_of(data)) if s.deployment == deployment and s.rps]
    chosen = next((s for s in own if s.mix == "mixed"), own[0] if own else None)
    if chosen is None or chosen.rps is None:
        return None
    single = chosen.searches[0]
    many = chosen.rps.n > 1
    spread = interval(chosen.rps.low, chosen.rps.high) if many else f"(bracket {single.bracket})"
    text = f"{number(chosen.rps.value)} requests/s {spread} at the SLO ({words(chosen.mix)} load)"
    if not all(search.confirmed for search in chosen.searches):
        text += ", not confirmed"
    if chosen.cores and chosen.rps_per_core:
        text += f"; {number(chosen.rps_per_core)} for each CPU core used"
    return text


def _ends(data: RunData) -> list[dict[str, Any]]:
    raw = data.journal.settings.get("capacity_searches", [])
    wanted = {"mix", "deployment", "search", "low_rps", "high_rps", "confirmed", "reason"}
    if not isinstance(raw, list) or not all(isinstance(e, dict) and wanted <= set(e) for e in raw):
        raise CorruptResults(f"{data.path}: settings.capacity_searches is not a list of searches")
    return raw


def _probe(data: RunData, sample: TrialSample) -> Probe:
    facts = sample.trial.facts
    counts = sample.trial.status != "invalid" or data.journal.profile == "smoke"
    passed = facts["slo_pass"] == 1.0 if counts and "slo_pass" in facts else None
    number_ = int(facts.get("probe", 0.0))
    return Probe(sample, int(facts["search"]), number_, facts.get("confirm") == 1.0, passed)


def _search(
    key: tuple[str, str, int], probes: tuple[Probe, ...], end: dict[str, Any] | None
) -> SearchResult:
    if end is not None:
        low, high, why = end["low_rps"], end["high_rps"], str(end["reason"])
        return SearchResult(*key, low, high, bool(end["confirmed"]), why, probes)
    high = min((p.offered_rps for p in probes if p.passed is False), default=None)
    passed = [p.offered_rps for p in probes if p.passed and (high is None or p.offered_rps < high)]
    return SearchResult(*key, max(passed, default=None), high, False, "interrupted", probes)


def _summary(mix: str, deployment: str, searches: Sequence[SearchResult]) -> Summary:
    at = [probe for search in searches for probe in search.at_capacity]
    means = (
        level_of([getter(probe) for probe in at])
        for getter in (
            lambda p: p.cores,
            lambda p: cpu_ms_per_request(p.sample),
            lambda p: p.gib_s_per_request,
        )
    )
    cores, cpu_ms, gib_s = (level.value if level else None for level in means)
    rps = level_of([search.low_rps for search in searches])
    return Summary(mix, deployment, tuple(searches), rps, cores, cpu_ms, gib_s)


def _verdict(data: RunData, top: Summary, bottom: Summary, claim: Claim) -> Verdict:
    side = {"less": "lower", "greater": "higher"}.get(claim)
    names = (top.deployment, bottom.deployment)
    question = (
        f"Is the capacity at the SLO {side} in {names[0]} than in {names[1]}?"
        if side
        else f"Does the capacity at the SLO differ between {names[0]} and {names[1]}?"
    )
    pairs = [
        (a, b)
        for a in top.searches
        for b in bottom.searches
        if a.search == b.search and a.confirmed and b.confirmed
    ]
    word, note, estimate, low, high = _judged(pairs, claim)
    if data.journal.profile == "smoke":
        word, note = "inconclusive", SMOKE_NOTE
    return Verdict(
        id=f"{CAPACITY}/{top.mix}/{names[0]}:{names[1]}",
        question=f"{question} ({words(top.mix)} load)",
        metric="capacity_rps",
        numerator=names[0],
        denominator=names[1],
        operation="all",
        estimate=estimate,
        low=low,
        high=high,
        level=0.95,
        n_blocks=len(pairs),
        verdict=word,
        rule=rule(claim),
        note=note,
    )


def rule(claim: Claim) -> str:
    """Return the decision rule in words; it sees no result."""
    return (
        f"ratio of the confirmed capacities, paired by search, claim: {claim}; from "
        f"{MIN_SEARCHES} pairs the t interval at 95 % decides with a threshold of 10 %; from fewer "
        "only brackets decide, if both are confirmed and the nearer ends lie apart by more than "
        f"×{APART:.2f}; otherwise inconclusive"
    )


def _judged(
    pairs: Sequence[tuple[SearchResult, SearchResult]], claim: Claim
) -> tuple[VerdictWord, str, float | None, float | None, float | None]:
    """Word, note, estimate and interval (None from fewer than three searches)."""
    if not pairs:
        return "inconclusive", "no pair of confirmed searches", None, None, None
    lows = [(a.low_rps or 0.0, b.low_rps or 0.0) for a, b in pairs]
    try:
        logs = log_ratios([a for a, _ in lows], [b for _, b in lows])
        if len(pairs) < MIN_SEARCHES:
            return _by_brackets(pairs, claim, exp(float(logs.mean())))
        ratio = paired_ratio(logs)
        decision = decide(ratio, claim=claim, kind=KIND, min_blocks=MIN_SEARCHES)
    except StatisticsError as exc:
        return "invalid", f"check failed: {exc}", None, None, None
    return decision.word, decision.reason, ratio.estimate, ratio.low, ratio.high


def _by_brackets(
    pairs: Sequence[tuple[SearchResult, SearchResult]],
    claim: Claim,
    estimate: float,
) -> tuple[VerdictWord, str, float | None, float | None, float | None]:
    """The widest bracket of the ratio that all pairs allow; it is no confidence interval."""
    low = min((a.low_rps or 0.0) / (b.high_rps or float("inf")) for a, b in pairs)
    high = max((a.high_rps or float("inf")) / (b.low_rps or 1e-9) for a, b in pairs)
    few = "one search" if len(pairs) == 1 else f"{len(pairs)} searches"
    text = f"{few} each: bracket of the ratio [{number(low)}, {number(high)}], no interval"
    if low <= APART and high >= 1 / APART:
        return "inconclusive", f"{text}; brackets not ×{APART:.2f} apart", estimate, None, None
    greater = low > APART
    holds = claim == "different" or (claim == "greater") == greater
    return ("supported" if holds else "refuted"), text, estimate, None, None
