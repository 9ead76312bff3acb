"""Network: where does the ranking of the deployments flip as hops get slower, or lose packets?"""

from collections.abc import Sequence

from bench.experiments.network.figures import hop_figure
from bench.experiments.network.findings import (
    SETTING_WORDS,
    Curve,
    Point,
    ProxyCost,
    curves_of,
    proxy_costs,
    verdicts_of,
)
from bench.report.measures import Level
from bench.report.naming import interval, number, words
from bench.report.section import Section
from bench.report.spoken import said
from bench.results.dataset import RunData
from bench.stats.means import MeanInterval
from bench.stats.paired import PairedRatio


def sections(data: RunData) -> list[Section]:
    """Return the section, if the run has the experiment."""
    made = section(data)
    return [made] if made is not None else []


def section(data: RunData) -> Section | None:
    """Return the section of the network experiment, None if the run has none."""
    curves = curves_of(data)
    if not curves:
        return None
    pairs = dict.fromkeys((curve.top, curve.base) for curve in curves)
    first = [curve for curve in curves if (curve.top, curve.base) == next(iter(pairs))]
    figure = hop_figure(first)
    verdicts = verdicts_of(data, curves)
    sentences = [sentence(curve) for curve in curves]
    decided, otherwise = said(verdicts, {})
    return Section(
        anchor="network",
        title="When the network is slow: where the ranking flips",
        template="network/section.html",
        context={
            "sentences": sentences,
            "verdicts": verdicts,
            "levels": [row for curve in curves for row in _level_rows(curve)],
            "hops": [row for curve in curves for row in _hop_rows(curve)],
            "proxy": [_proxy_row(cost) for cost in proxy_costs(data)],
        },
        figures=(figure,) if figure is not None else (),
        summary=tuple(f"- {text}" for text in sentences),
        verdicts=tuple(verdicts),
        sentences=decided,
        otherwise=otherwise,
    )


def sentence(curve: Curve) -> str:
    """Say in one sentence where the ranking flips."""
    head = f"{curve.label}, {SETTING_WORDS.get(curve.setting, curve.setting)}: "
    found = curve.crossing
    if found is None:
        return f"{head}no block is valid at every hop latency, so nothing can be said."
    low, high = curve.swept[0].hop_ms, curve.swept[-1].hop_ms
    n = f"{found.n_blocks} blocks"
    if found.at is None:
        side = "slower" if found.side == "always above" else "faster"
        extra = f"; in {found.crossed} of them it does flip" if found.crossed else ""
        return (
            f"{head}no crossing within {low:g}–{high:g} ms: {curve.top} is {side} than "
            f"{curve.base} throughout ({n}{extra})."
        )
    at = f"{head}the ranking flips at {number(found.at)} ms of added round trip a hop"
    if found.interval is None:
        return f"{at} (no interval: only {found.crossed} of {n} flip within {low:g}–{high:g} ms)."
    own = interval(max(0.0, found.interval.low), found.interval.high)
    return f"{at}, {own} by the blocks' own crossings (95 % t interval, {n})."


def _level_rows(curve: Curve) -> list[list[str]]:
    head = f"{curve.label} · {SETTING_WORDS.get(curve.setting, curve.setting)}"
    return [
        [
            f"{head} · {_level_name(point)}",
            _ratio(point.ratio),
            str(len(point.logs)),
            _ms(point.top_ms),
            _ms(point.base_ms),
            f"{100 * point.failed:.2f} %",
        ]
        for point in (*curve.swept, *curve.lossy)
    ]


def _level_name(point: Point) -> str:
    loss = f", {100 * point.loss:g} % lost" if point.loss else ""
    return f"{point.hop_ms:g} ms{loss}"


def _hop_rows(curve: Curve) -> list[list[str]]:
    return [
        [
            f"{curve.label} · {SETTING_WORDS.get(curve.setting, curve.setting)} · {name}",
            _mean(curve.slopes[name]),
            number(curve.counted[name].get("sequential")) if curve.counted[name] else "–",
            number(curve.counted[name].get("calls")) if curve.counted[name] else "–",
        ]
        for name in (curve.top, curve.base)
    ]


def _proxy_row(cost: ProxyCost) -> list[str]:
    setting = SETTING_WORDS.get(cost.setting, cost.setting)
    return [
        f"{cost.deployment} · {words(cost.mix)} · {setting}",
        _ratio(cost.ratio),
        _ms(cost.through_ms),
        _ms(cost.direct_ms),
    ]


def _ratio(found: PairedRatio | None) -> str:
    return "–" if found is None else f"×{number(found.estimate)} {interval(found.low, found.high)}"


def _ms(level: Level | None) -> str:
    return "–" if level is None else f"{number(level.value)} {interval(level.low, level.high)}"


def _mean(found: MeanInterval | None) -> str:
    if found is None:
        return "–"
    parts: Sequence[str] = [_signed(value) for value in (found.mean, found.low, found.high)]
    return f"{parts[0]} [{parts[1]}, {parts[2]}]"


def _signed(value: float) -> str:
    return f"{'−' if value < 0 else ''}{number(abs(value), 2)}"
