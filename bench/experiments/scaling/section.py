"""Section 'Scaling': the whole copied against the bottleneck replicated."""

from collections.abc import Sequence

from bench.experiments.scaling.figures import scaling_figure
from bench.experiments.scaling.findings import SCALING, Climb, Step, climbs_of, scaling_cell
from bench.experiments.scaling.judge import comparables, growth_logs, scaling_verdicts
from bench.experiments.scaling.law import law_of, laws_of
from bench.report.fields import verdict_fields, verdict_line
from bench.report.measures import level_of
from bench.report.naming import interval, number, words
from bench.report.section import ARMS, Section
from bench.report.slo_words import slo_of, slo_text
from bench.report.spoken import said
from bench.results.dataset import RunData
from bench.results.verdict import TableCell
from bench.stats.paired import log_ratios, paired_ratio

_SMALL = (
    "Quota-emulated: on few cores a replica is a process group held to a share of a core in "
    "periods of 10 ms, so adding one means something; response times under a quota are longer than "
    "on a core of its own, in both arms. What starts or ends runs freely. Databases have no quota "
    "in either arm: they use what the deployment's cores leave, and that is counted. Replicas "
    "share the database of their component. Connections: 8 in a copy of the monolith, 4 in a "
    "replica of a service, so their total grows with the replicas in both arms; the servers allow "
    "twice the usual number, alike. An edge (least outstanding requests) stands before whatever "
    "has more than one replica at any level, at all levels. One replica alone waits for its own "
    "quota, several behind one queue wait less: a step can give more than its share. The smallest "
    "services deployment is five processes, the smallest monolith one: the arms begin at different "
    "CPU, and the level's average carries that; the slopes (what is added) do not."
)


def sections(data: RunData) -> list[Section]:
    """Return the section, if the run has the experiment."""
    made = section(data)
    return [made] if made is not None else []


def section(data: RunData) -> Section | None:
    """Return the section; None where the run did not measure it."""
    climbs = climbs_of(data)
    if not climbs:
        return None
    verdicts = scaling_verdicts(data, climbs)
    figure = scaling_figure(climbs, laws_of(climbs))
    lines = [*map(_line, climbs), *map(verdict_line, verdicts)]
    lead = _lead(data)
    decided, otherwise = said(verdicts, {})
    steps = [(climb, step) for climb in climbs for step in climb.steps]
    return Section(
        anchor=SCALING,
        title="Scaling: as a whole, or per service",
        template="scaling/section.html",
        context={
            "lead": lead,
            "slo": slo_text(slo_of(data)),
            "lines": lines,
            "levels": [_level_row(climb, step) for climb, step in steps],
            "gains": [row for climb in climbs for row in _gain_rows(climb)],
            "bottlenecks": [_bottleneck_row(climb, step) for climb, step in steps],
            "edges": [_edge_row(climb, step) for climb, step in steps],
            "verdicts": [verdict_fields(verdict) for verdict in verdicts],
            "rules": list(dict.fromkeys(verdict.rule for verdict in verdicts)),
            "laws": _laws(climbs),
            "searches": [row for climb, step in steps for row in _search_rows(climb, step)],
            "small": _SMALL,
        },
        figures=(figure,) if figure is not None else (),
        summary=(lead, "\n".join(f"- {text}" for text in lines), _SMALL),
        verdicts=tuple(verdicts),
        sentences=decided,
        otherwise=otherwise,
        cells=tuple(
            TableCell("scalability", arm, SCALING, text)
            for arm in ARMS
            if (text := scaling_cell(data, arm)) is not None
        ),
        compared=comparables(climbs),
    )


def _lead(data: RunData) -> str:
    cores = float(data.journal.settings.get(SCALING, {}).get("replica_cores", 0.0))
    return (
        f"Every replica of every process has a quota of {cores:g} core. The monolith gets one more "
        "copy of the whole at each level; the services get one more replica of the component that "
        "used most of its quota when the level before was saturated. Every block searches the "
        "capacity of every level of both arms, so n is the number of blocks."
    )


def _line(climb: Climb) -> str:
    first, last = climb.steps[0], climb.steps[-1]
    told = [_capacity(step) for step in (first, last)]
    chosen = [name for name in climb.scaled[1:] if name]
    how = "copies of the whole" if climb.whole else f"replicas of {', then '.join(chosen)}"
    logs = growth_logs(climb)
    grown = ""
    if len(logs) >= 2:
        ratio = paired_ratio(logs)
        grown = f": ×{number(ratio.estimate)} {interval(ratio.low, ratio.high)}"
    return (
        f"{climb.deployment}, {words(climb.mix)} load: from {told[0]} requests/s with "
        f"{first.quota_cores:g} cores of quota to {told[1]} with {last.quota_cores:g}, by {how}"
        f"{grown}."
    )


def _name(climb: Climb, step: Step) -> str:
    return f"{climb.deployment}, {words(climb.mix)}, {step.level + 1}"


def _capacity(step: Step) -> str:
    level = step.capacity
    if level is None:
        return "–"
    spread = f" {interval(level.low, level.high)}" if level.n > 1 else ""
    return f"{number(level.value)}{spread}"


def _level_row(climb: Climb, step: Step) -> list[str]:
    index = climb.steps.index(step)
    rates = [
        level_of([climb.efficiency(index, block, resource) for block in climb.blocks])
        for resource in ("cores", "gib")
    ]
    memory = [step.mean(what) for what in ("serving_gib", "database_gib")]
    return [
        _name(climb, step),
        climb.scaled[index] or "–",
        f"{step.quota_cores:g}",
        number(step.mean("database_cores")),
        number(sum(memory)) if None not in memory else "–",  # type: ignore[arg-type]
        _capacity(step),
        str(step.capacity.n if step.capacity else 0),
        *(
            f"{number(rate.value)} {interval(rate.low, rate.high)}" if rate else "–"
            for rate in rates
        ),
    ]


def _gain_rows(climb: Climb) -> list[list[str]]:
    rows = []
    for before, after in zip(climb.steps, climb.steps[1:], strict=False):
        both = sorted(before.by_block.keys() & after.by_block.keys())
        tops = [after.by_block[block] for block in both]
        bottoms = [before.by_block[block] for block in both]
        ratio = paired_ratio(log_ratios(tops, bottoms)) if len(both) >= 2 else None
        added = sum(tops) / len(both) - sum(bottoms) / len(both) if both else None
        got = climb.scaled[climb.steps.index(after)] or climb.deployment
        rows.append(
            [
                f"{_name(climb, after)}: +{got}",
                f"×{number(ratio.estimate)}" if ratio else "–",
                interval(ratio.low, ratio.high) if ratio else "–",
                f"×{number(after.quota_cores / before.quota_cores)}",
                "–" if added is None else f"{'−' if added < 0 else ''}{number(abs(added))}",
                str(len(both)),
            ]
        )
    return rows


def _bottleneck_row(climb: Climb, step: Step) -> list[str]:
    ranked = sorted(step.uses.items(), key=lambda item: -item[1][0])
    following = climb.steps.index(step) + 1
    chosen = climb.scaled[following] if following < len(climb.scaled) else ""
    return [
        _name(climb, step),
        ", ".join(f"{name} {use:.0%}" for name, (use, _) in ranked) or "–",
        ", ".join(f"{name} {held:.0%}" for name, (_, held) in ranked) or "–",
        ", ".join(f"{name} ({n})" for name, n in step.bottlenecks.most_common()) or "–",
        chosen or "–",
    ]


def _edge_row(climb: Climb, step: Step) -> list[str]:
    edge, databases = step.mean("edge_cores"), step.mean("database_cores")
    gib = step.mean("edge_gib")
    whole = step.quota_cores + (databases or 0.0)
    return [
        _name(climb, step),
        number(edge),
        f"{edge / whole:.1%}" if edge is not None and whole else "–",
        number(1024 * gib) if gib is not None else "–",
    ]


def _search_rows(climb: Climb, step: Step) -> list[list[str]]:
    return [
        [
            _name(climb, step),
            str(search.block + 1),
            search.bracket,
            "both ends" if search.capacity_rps is not None else f"open: {search.reason}",
        ]
        for search in step.searches
    ]


def _laws(climbs: Sequence[Climb]) -> list[str]:
    told = []
    for climb in climbs:
        law = law_of(climb)
        if law is not None:
            text = law if isinstance(law, str) else law.line()
            told.append(
                f"Universal Scalability Law, {climb.deployment}, {words(climb.mix)} load: {text}."
            )
    return told
