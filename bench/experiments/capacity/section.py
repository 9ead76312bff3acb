"""Section 'Capacity': throughput at saturation; the load that meets the objective, its cost."""

from collections.abc import Iterator, Sequence

import msgspec

from bench.experiments.capacity.figures.saturation import saturation_figure
from bench.experiments.capacity.figures.searches import capacity_against_cpu, probes_figure
from bench.experiments.capacity.findings import (
    Probe,
    SearchResult,
    Summary,
    capacity_cell,
    searches_of,
    summaries,
)
from bench.experiments.capacity.first_screen import tiles
from bench.experiments.capacity.load import load_curve_section
from bench.experiments.capacity.records import (
    CAPACITY,
    SATURATION,
    Levels,
    capacity_levels,
    capacity_verdicts,
    saturation_levels,
    saturation_verdicts,
)
from bench.report.fields import Field, verdict_fields
from bench.report.measures import cpu_ms_per_request
from bench.report.naming import interval, number, words
from bench.report.prices import Prices, read_prices
from bench.report.section import ARMS, Comparable, Section
from bench.report.slo_words import slo_of, slo_text
from bench.report.spoken import Maker, said, sure
from bench.results.dataset import RunData
from bench.results.verdict import TableCell, Verdict

ANCHOR, TITLE = "capacity", "Saturation and capacity"
_PARTS = {
    "p95_ms": "p95 ms",
    "error_share": "errors",
    "goodput_share": "goodput",
    "rise_share": "rise",
    "settle_lag_s": "settle lag s",
    "settle_rise_s": "its rise s",
}


def sections(data: RunData) -> list[Section]:
    """Return the load curve, and what saturates and what is sustained; as far as measured."""
    return [made for made in (load_curve_section(data), section(data)) if made is not None]


def _saturation(verdict: Verdict, parts: list[str]) -> str:
    return (
        f"At saturation {verdict.numerator} serves {number(verdict.estimate)} times as much of the "
        f"{words(parts[1])} load as {verdict.denominator} {sure(verdict)}."
    )


def _sustained(verdict: Verdict, parts: list[str]) -> str:
    return (
        f"The highest {words(parts[1])} load that meets the service level is "
        f"{number(verdict.estimate)} times as high in {verdict.numerator} as in "
        f"{verdict.denominator} {sure(verdict)}."
    )


_SPOKEN: dict[str, Maker] = {SATURATION: _saturation, CAPACITY: _sustained}


def section(data: RunData) -> Section | None:
    """Return the section; None where the run measured neither saturation nor capacity."""
    found = searches_of(data)
    saturated = saturation_levels(data.journal)
    if not found and not saturated:
        return None
    prices = read_prices()
    totals = summaries(found)
    verdicts = [*saturation_verdicts(data.journal), *capacity_verdicts(data.journal)]
    slo = slo_of(data)
    mixes = list(dict.fromkeys(search.end.mix for search in found))
    cores = len(data.journal.settings.get("cpus", [])) or 1
    drawn = [
        figure
        for figure in (
            saturation_figure(saturated),
            *(capacity_against_cpu([s for s in totals if s.mix == mix], cores) for mix in mixes),
            *(
                probes_figure([s for s in found if s.end.mix == mix], slo["p95_ms"])
                for mix in mixes
            ),
        )
        if figure is not None
    ]
    decided, otherwise = said(verdicts, _SPOKEN)
    lines = [_verdict_line(verdict) for verdict in verdicts]
    lines += [_line(summary) for summary in totals]
    return Section(
        anchor=ANCHOR,
        title=TITLE,
        template="capacity/section.html",
        context={
            "slo": slo_text(slo),
            "lines": lines,
            "saturation": [row for levels in saturated for row in _level_rows(levels)],
            "ratios": [row for levels in saturated for row in _ratio_rows(levels)],
            "one_start": not _many_starts(data),
            "totals": [_total_row(summary, prices) for summary in totals],
            "prices": prices,
            "searches": [_search_row(search) for search in found],
            "probes": [_probe_row(search, probe) for search in found for probe in search.probes],
            "probe_heads": ["Load", "Deployment", "Search", "Probe", "Outcome", *_PARTS.values(),
                            "CPU ms/request", "Cores", "Goodput/s"],
            "verdicts": [verdict_fields(verdict) for verdict in verdicts],
            "rules": list(dict.fromkeys(verdict.rule for verdict in verdicts)),
        },
        figures=tuple(drawn),
        summary=("\n".join(f"- {text}" for text in lines), slo_text(slo)),
        verdicts=tuple(verdicts),
        sentences=decided,
        otherwise=otherwise,
        cells=tuple(
            TableCell("scalability", arm, CAPACITY, text)
            for arm in ARMS
            if (text := capacity_cell(data, arm)) is not None
        ),
        tiles=tiles(data.journal, totals, prices),
        tables={"capacity_searches": [msgspec.structs.asdict(each.end) for each in found]},
        compared=tuple(_comparables(data)),
    )  # fmt: skip


def _comparables(data: RunData) -> Iterator[Comparable]:
    """Every pair's ratio, by pass of windows or by search."""
    levels = [
        *((SATURATION, "throughput_rps", each) for each in saturation_levels(data.journal)),
        *((CAPACITY, "capacity_rps", each) for each in capacity_levels(data.journal.settings)),
    ]
    for name, kind, each in levels:
        what = "throughput at saturation" if name == SATURATION else "capacity at the SLO"
        for top, bottom in each.pairs():
            verdict_id = f"{name}/{each.mix}/{top}:{bottom}"
            label = f"{top} : {bottom}, {what}, {words(each.mix)} load"
            yield Comparable(verdict_id, label, verdict_id, each.logs(top, bottom), kind)


def _many_starts(data: RunData) -> bool:
    """Whether every pass and every search had processes of its own: `standard` and `full`."""
    return data.journal.profile in {"standard", "full"}


def _level_rows(levels: Levels) -> list[list[str]]:
    rows = []
    for name in levels.deployments:
        level = levels.level(name)
        spread = interval(level.low, level.high) if level else "–"
        count = sum(name in unit for unit in levels.units)
        rows.append([words(levels.mix), name, number(levels.mean_rps(name)), spread, str(count)])
    return rows


def _ratio_rows(levels: Levels) -> list[list[str]]:
    rows = []
    for top, bottom in levels.pairs():
        ratio = levels.ratio(top, bottom)
        if ratio is not None:
            told = [f"×{number(ratio.estimate)}", interval(ratio.low, ratio.high)]
            rows.append([words(levels.mix), f"{top} : {bottom}", *told, str(ratio.n_blocks)])
    return rows


def _line(summary: Summary) -> str:
    name = f"{summary.deployment}, {words(summary.mix)} load"
    if summary.rps is None:
        reasons = "; ".join(dict.fromkeys(search.end.reason for search in summary.searches))
        return f"{name}: no capacity found ({reasons})."
    brackets = ", ".join(search.bracket for search in summary.searches)
    spread = f" {interval(summary.rps.low, summary.rps.high)}" if summary.rps.n > 1 else ""
    open_ones = [search.end.reason for search in summary.searches if not search.end.closed]
    remark = f"; without an end: {'; '.join(dict.fromkeys(open_ones))}" if open_ones else ""
    return (
        f"{name}: the objective is met up to {number(summary.rps.value)} requests/s{spread}, "
        f"brackets {brackets}, with {number(summary.cores)} CPU cores "
        f"({number(summary.rps_per_core)} requests/s a core){remark}."
    )


def _verdict_line(verdict: Verdict) -> str:
    ratio = f" ×{number(verdict.estimate)}" if verdict.estimate is not None else ""
    if verdict.low is not None:
        ratio += f" {interval(verdict.low, verdict.high)}"
    note = f" ({verdict.note})" if verdict.note else ""
    return f"{verdict.question}{ratio}: {verdict.verdict}{note}."


def _total_row(summary: Summary, prices: Prices) -> list[str]:
    rps = summary.rps
    spread = f" {interval(rps.low, rps.high)}" if rps and rps.n > 1 else ""
    return [
        f"{summary.deployment}, {words(summary.mix)}",
        f"{number(rps.value)}{spread}" if rps else "–",
        number(summary.cores),
        number(summary.rps_per_core),
        number(summary.cpu_ms),
        number(summary.gib_s),
        number(summary.money(prices)),
    ]


def _search_row(search: SearchResult) -> list[str]:
    return [
        f"{search.end.deployment}, {words(search.end.mix)}",
        str(search.end.search + 1),
        str(len(search.probes)),
        str(sum(probe.passed is None for probe in search.probes)),
        search.bracket,
        "both found" if search.end.closed else f"open: {search.end.reason}",
    ]


def _probe_row(search: SearchResult, probe: Probe) -> list[Field]:
    outcome = {True: "passed", False: "failed", None: "does not count"}[probe.passed]
    if probe.passed is not None and probe.sample.trial.status == "invalid":
        outcome += " (invalid trial)"  # in smoke alone, which claims nothing
    cores, cpu_ms = probe.cores, cpu_ms_per_request(probe.sample)
    return [
        Field(f"{probe.offered_rps:g}/s {words(search.end.mix)}", probe.offered_rps),
        Field(search.end.deployment, search.end.deployment),
        Field(str(search.end.search + 1), search.end.search),
        Field(str(probe.number + 1), probe.number),
        Field(outcome, outcome),
        *_part_fields(probe, tuple(_PARTS)),
        Field(number(cpu_ms), cpu_ms or 0.0),
        Field(number(cores), cores or 0.0),
        Field(number(probe.sample.good_rps), probe.sample.good_rps),
    ]


def _part_fields(probe: Probe, names: Sequence[str]) -> list[Field]:
    fields = []
    for name in names:
        part = probe.part(name)
        if part is None:
            fields.append(Field("–", -1.0))
            continue
        text = f"{100 * part[0]:.2f} %" if name.endswith("share") else number(part[0])
        fields.append(Field(text, part[0], "" if part[1] else "fails"))
    return fields
