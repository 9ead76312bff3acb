"""Capacity at the service level: searches, probes, cost at capacity.

Two metrics, as Theodolite defines them: capacity(resources), the highest load that meets the
objective, and demand(load), the resources a load takes while it is met. Neighbours: `records` has
brackets and verdicts, `section` prints, `figures` draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.experiments.capacity.records import (
    CAPACITY,
    CURVE,
    BadSearches,
    SearchEnd,
    saturation_levels,
    searches_in,
)
from bench.report.measures import Level, cpu_ms_per_request, level_of, pss_mib
from bench.report.naming import deployment_order, interval, number, words
from bench.report.prices import MILLION, SECONDS_AN_HOUR, Prices
from bench.report.selection import Cell, cells_of
from bench.results.dataset import RunData, TrialSample
from bench.results.journal import CorruptResults


@dataclass(frozen=True)
class Probe:
    """One probe of a search; `passed` None: it did not count."""

    sample: TrialSample
    search: int
    number: int
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
    """One search: its end and every probe."""

    end: SearchEnd
    probes: tuple[Probe, ...]

    @cached_property
    def at_capacity(self) -> tuple[Probe, ...]:
        """The passing probes at the capacity found."""
        return tuple(p for p in self.probes if p.passed and p.offered_rps == self.end.low_rps)

    @property
    def bracket(self) -> str:
        """`[429, 450)`, a dash for an open end."""
        return f"[{number(self.end.low_rps)}, {number(self.end.high_rps)})"


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
        vcpu_hours = self.cpu_ms / 1000 * MILLION / SECONDS_AN_HOUR
        gib_hours = self.gib_s * MILLION / SECONDS_AN_HOUR
        return vcpu_hours * prices.vcpu_hour + gib_hours * prices.gib_hour


def searches_of(data: RunData) -> list[SearchResult]:
    """Return every search of a run, by mix, deployment and number; unfinished ones are open."""
    probes: dict[tuple[str, str, int], list[Probe]] = {}
    for sample in data.trials:
        trial = sample.trial
        if trial.experiment == CAPACITY and "search" in trial.facts:
            key = (trial.mix, trial.deployment, int(trial.facts["search"]))
            probes.setdefault(key, []).append(_probe(data, sample))
    ends = {(e.mix, e.deployment, e.search): e for e in _ends(data)}
    order = {name: i for i, name in enumerate(deployment_order(name for _, name, _ in probes))}
    keys = sorted(probes, key=lambda key: (key[0], order[key[1]], key[2]))
    return [_search(key, tuple(probes[key]), ends.get(key)) for key in keys]


def summaries(found: Sequence[SearchResult]) -> list[Summary]:
    """Return each deployment's capacity in each mix, in the order of the searches."""
    groups: dict[tuple[str, str], list[SearchResult]] = {}
    for search in found:
        groups.setdefault((search.end.mix, search.end.deployment), []).append(search)
    return [_summary(mix, name, own) for (mix, name), own in groups.items()]


def curve_cells(data: RunData) -> list[Cell]:
    """Return the loads of the load curve with their trials."""
    return cells_of(s for s in data.trials if s.trial.experiment == CURVE)


def capacity_cell(data: RunData, deployment: str) -> str | None:
    """Return a deployment's cell of the comparison table, None where nothing was measured."""
    told = [_searched_text(data, deployment), _saturated_text(data, deployment)]
    return "; ".join(text for text in told if text) or None


def _saturated_text(data: RunData, deployment: str) -> str:
    known = {
        words(levels.mix): rps
        for levels in saturation_levels(data.journal)
        if (rps := levels.mean_rps(deployment)) is not None
    }
    told = " and ".join(f"{number(rps)} requests/s ({mix} load)" for mix, rps in known.items())
    return f"saturated at {told}" if told else ""


def _searched_text(data: RunData, deployment: str) -> str:
    own = [s for s in summaries(searches_of(data)) if s.deployment == deployment and s.rps]
    chosen = next((s for s in own if s.mix == "mixed"), own[0] if own else None)
    if chosen is None or chosen.rps is None:
        return ""
    single = chosen.searches[0]
    many = chosen.rps.n > 1
    spread = interval(chosen.rps.low, chosen.rps.high) if many else f"(bracket {single.bracket})"
    text = f"{number(chosen.rps.value)} requests/s {spread} at the SLO ({words(chosen.mix)} load)"
    if not all(search.end.closed for search in chosen.searches):
        text += ", not every search ended"
    if chosen.cores and chosen.rps_per_core:
        text += f"; {number(chosen.rps_per_core)} for each CPU core used"
    return text


def _ends(data: RunData) -> list[SearchEnd]:
    try:
        return searches_in(data.journal.settings)
    except BadSearches as exc:
        raise CorruptResults(f"{data.path}: {exc}") from exc


def _probe(data: RunData, sample: TrialSample) -> Probe:
    facts = sample.trial.facts
    counts = sample.trial.status != "invalid" or data.journal.profile == "smoke"
    passed = facts["slo_pass"] == 1.0 if counts and "slo_pass" in facts else None
    number_ = int(facts.get("probe", 0.0))
    return Probe(sample, int(facts["search"]), number_, passed)


def _search(
    key: tuple[str, str, int], probes: tuple[Probe, ...], end: SearchEnd | None
) -> SearchResult:
    if end is not None:
        return SearchResult(end, probes)
    high = min((p.offered_rps for p in probes if p.passed is False), default=None)
    passed = [p.offered_rps for p in probes if p.passed and (high is None or p.offered_rps < high)]
    low = max(passed, default=None)
    return SearchResult(SearchEnd(*key, low, high, False, "interrupted", len(probes)), probes)


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
    rps = level_of([search.end.middle_rps for search in searches])
    return Summary(mix, deployment, tuple(searches), rps, cores, cpu_ms, gib_s)
