"""Ratios against hop latency, where they pass 1, and what each millisecond of a hop costs.

Trials are named `network:<setting>@<ms>ms/<loss>%` by the experiment. Neighbours:
`sections.network` writes it down, `figures.network` draws it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.report.measures import Level, level_of, trial_value
from bench.report.naming import ALL, words
from bench.report.selection import Cell, cells_of
from bench.report.wrong_answers import findings
from bench.results.dataset import RunData, TrialSample
from bench.results.journal import Verdict
from bench.results.verdict import SMOKE_NOTE
from bench.stats.crossing import Crossing, crossing, slope
from bench.stats.errors import StatisticsError
from bench.stats.means import MeanInterval, mean_interval
from bench.stats.multiplicity import holm
from bench.stats.paired import PairedRatio, log_ratios, paired_ratio
from bench.stats.verdicts import decide

PREFIX = "network:"
PROXY_CELL, DIRECT = "@proxy", " (direct)"
SETTING_WORDS = {
    "services": "hops between services only",
    "all": "all hops, databases included",
}
_MAX_VERDICTS = 8


@dataclass(frozen=True)
class Point:
    """One level of one curve. `ratio` None: too few blocks. `failed`: share of requests."""

    hop_ms: float
    loss: float
    cell: Cell
    logs: dict[int, float]
    ratio: PairedRatio | None
    top_ms: Level | None
    base_ms: Level | None
    failed: float


@dataclass(frozen=True)
class Curve:
    """One pair under one mix in one setting. `slopes`: ms of p50 per ms of a hop."""

    setting: str
    mix: str
    top: str
    base: str
    swept: tuple[Point, ...]
    lossy: tuple[Point, ...]
    crossing: Crossing | None
    slopes: dict[str, MeanInterval | None]
    counted: dict[str, dict[str, float]]

    @property
    def label(self) -> str:
        """The operation, as figures and tables name it."""
        return f"{words(self.mix)} load" if self.mix == "mixed" else words(self.mix)


@dataclass(frozen=True)
class ProxyCost:
    """A deployment behind the proxy at 0 ms : the same one without; p50 in ms."""

    setting: str
    deployment: str
    mix: str
    ratio: PairedRatio | None
    through_ms: Level | None
    direct_ms: Level | None


def curves_of(data: RunData) -> list[Curve]:
    """Return every curve the run holds; empty without a network experiment."""
    found: dict[tuple[str, str], list[Cell]] = {}
    for cell in _cells(data):
        setting, _, level = cell.key[0].removeprefix(PREFIX).partition("@")
        if f"@{level}" != PROXY_CELL:
            found.setdefault((setting, cell.mix), []).append(cell)
    ordered = sorted(found, key=lambda key: (key[0] != "services", key))
    curves = [
        _curve(data, key, found[key], top, base)
        for key in ordered
        for top, base in _pairs(found[key])
    ]
    return sorted(curves, key=lambda curve: curve.top != "microservices")  # judged first


def proxy_costs(data: RunData) -> list[ProxyCost]:
    """Return what the proxy itself costs, for each deployment that was measured both ways."""
    found = []
    for cell in _cells(data):
        if not cell.key[0].endswith(PROXY_CELL):
            continue
        setting = cell.key[0].removeprefix(PREFIX).removesuffix(PROXY_CELL)
        for name in (n for n in cell.deployments if not n.endswith(DIRECT)):
            _, ratio = _ratio(cell, name, name + DIRECT)
            sides = (_level(cell, name), _level(cell, name + DIRECT))
            found.append(ProxyCost(setting, name, cell.mix, ratio, *sides))
    return found


def verdicts_of(data: RunData, curves: Sequence[Curve]) -> list[Verdict]:
    """Judge 'on a slow network the services are slower' at the largest hop latency, by Holm."""
    judged = [(curve, max(curve.swept, key=lambda p: p.hop_ms)) for curve in curves][:_MAX_VERDICTS]
    p_values = {
        _verdict_id(curve, point): point.ratio.p_value
        for curve, point in judged
        if point.ratio is not None
    }
    levels = {name: step.level for name, step in holm(p_values).items()}
    return [
        _verdict(data, curve, point, levels.get(_verdict_id(curve, point), 0.95), len(p_values))
        for curve, point in judged
    ]


def _cells(data: RunData) -> list[Cell]:
    return cells_of(s for s in data.trials if s.trial.experiment.startswith(PREFIX))


def _pairs(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    names = list(dict.fromkeys(name for cell in cells for name in cell.deployments))
    base = "monolith" if "monolith" in names else names[0]
    others = sorted((name for name in names if name != base), key=lambda n: n != "microservices")
    return [(name, base) for name in others]


def _curve(
    data: RunData, key: tuple[str, str], cells: Sequence[Cell], top: str, base: str
) -> Curve:
    points = sorted((_point(cell, top, base) for cell in cells), key=lambda p: (p.hop_ms, p.loss))
    swept = tuple(p for p in points if not p.loss)
    settings: Any = data.journal.settings.get("network", {})
    counted = settings.get("counted", {}) if isinstance(settings, dict) else {}
    names = (top, base)
    return Curve(
        *key,
        top,
        base,
        swept,
        tuple(p for p in points if p.loss),
        _crossing(swept),
        {name: _slope(swept, name) for name in names},
        {name: counted.get(f"{key[0]}/{key[1]}/{name}", {}) for name in names},
    )


def _point(cell: Cell, top: str, base: str) -> Point:
    facts = next(s.trial.facts for name in cell.deployments for s in cell.samples(name))
    logs, ratio = _ratio(cell, top, base)
    samples = [s for name in (top, base) for s in cell.samples(name)]
    requests = sum(s.requests for s in samples)
    return Point(
        hop_ms=facts["hop_ms"],
        loss=facts["loss"],
        cell=cell,
        logs=logs,
        ratio=ratio,
        top_ms=_level(cell, top),
        base_ms=_level(cell, base),
        failed=sum(s.failures[ALL] for s in samples) / requests if requests else 0.0,
    )


def _ratio(cell: Cell, top: str, base: str) -> tuple[dict[int, float], PairedRatio | None]:
    """The log-ratio of the medians in every valid block, and their mean with its interval."""
    logs = {}
    for first, second in cell.pairs(top, base):
        a, b = _p50(first), _p50(second)
        if a is not None and b is not None:
            logs[first.trial.block] = float(log_ratios([a], [b])[0])
    try:
        return logs, paired_ratio(list(logs.values()))
    except StatisticsError:
        return logs, None


def _p50(sample: TrialSample) -> float | None:
    return trial_value(sample, "p50", ALL)


def _level(cell: Cell, name: str) -> Level | None:
    return level_of([_p50(sample) for sample in cell.samples(name)])


def _crossing(swept: Sequence[Point]) -> Crossing | None:
    """Over the blocks that are valid at every level."""
    if len(swept) < 2:
        return None
    common = sorted(set.intersection(*(set(point.logs) for point in swept)))
    try:
        return crossing([p.hop_ms for p in swept], [[p.logs[b] for p in swept] for b in common])
    except StatisticsError:
        return None


def _slope(swept: Sequence[Point], name: str) -> MeanInterval | None:
    """Slope of p50 on hop latency, block by block."""
    by_block: dict[int, list[tuple[float, float]]] = {}
    for point in swept:
        for block in point.cell.blocks:
            value = _p50(block[name]) if name in block else None
            if value is not None:
                number = block[name].trial.block
                by_block.setdefault(number, []).append((point.hop_ms, value))
    whole = [pairs for pairs in by_block.values() if len(pairs) == len(swept) > 1]
    try:
        return mean_interval([slope(*zip(*pairs, strict=True)) for pairs in whole])
    except StatisticsError:
        return None


def _verdict_id(curve: Curve, point: Point) -> str:
    pair = f"{curve.top}:{curve.base}"
    return f"network/{curve.mix}@{curve.setting}-{point.hop_ms:g}ms/{pair}/all/response_time_ms_p50"


def _verdict(data: RunData, curve: Curve, point: Point, level: float, tested: int) -> Verdict:
    word, note, ratio = _judged(data, curve, point, level)
    return Verdict(
        id=_verdict_id(curve, point),
        question=(
            f"Is the p50 response time of {curve.label} higher in {curve.top} than in "
            f"{curve.base} when a hop takes {point.hop_ms:g} ms ({SETTING_WORDS[curve.setting]})?"
        ),
        metric="response_time_ms_p50",
        numerator=curve.top,
        denominator=curve.base,
        operation=ALL,
        estimate=ratio.estimate if ratio else None,
        low=ratio.low if ratio else None,
        high=ratio.high if ratio else None,
        level=level,
        n_blocks=len(point.logs),
        verdict=word,
        rule=(
            f"paired log-ratio, t interval (Holm over {tested} curves of this experiment); claim: "
            "greater; threshold 3%; at least 6 valid blocks"
        ),
        note=note,
    )


def _judged(
    data: RunData, curve: Curve, point: Point, level: float
) -> tuple[Any, str, PairedRatio | None]:
    if not point.cell.blocks:
        return "invalid", "every block holds an invalid trial", None
    if point.ratio is None:
        return "inconclusive", "fewer than two blocks with requests enough", None
    wrong = findings(point.cell, (curve.top, curve.base), ALL)
    if wrong:
        return "inconclusive", wrong, None
    ratio = paired_ratio(list(point.logs.values()), level=level)
    if data.journal.profile == "smoke":
        return "inconclusive", SMOKE_NOTE, ratio
    decision = decide(ratio, claim="greater", kind="p50")
    return decision.word, decision.reason, ratio
