"""What the page says of paired rounds: ratios, ladder, where the time goes, percentiles, CPU."""

from collections.abc import Sequence

from bench.experiments.latency import figure_selection, first_screen, tables
from bench.experiments.latency.figures.ladder import first_ladder, ladder_figure
from bench.experiments.latency.findings import Findings
from bench.experiments.latency.judge import judge, verdict_id
from bench.experiments.latency.ladder import (
    METRIC_WORDS,
    Ladder,
    decomposition,
    ladders,
    sanity_check,
)
from bench.experiments.latency.records import NAME
from bench.experiments.latency.server_timing_section import server_timing
from bench.experiments.latency.words import sentences, trust_line
from bench.report.fields import verdicts_table
from bench.report.measures import sql_per_request
from bench.report.naming import DEPLOYMENTS, interval, number, words
from bench.report.section import ARMS, Comparable, Section
from bench.report.summary_table import markdown_table
from bench.results.dataset import RunData
from bench.results.paired.judge import Answer
from bench.results.verdict import NAMED, TableCell, Verdict

RULE_TEXT = (
    "A round sends the same request to every deployment, in random order; the rounds of one second "
    "are a cluster (median), the clusters of a start its mean, and the interval is over starts. "
    "Holm's step-down over the eight metrics named beforehand of each pair; verdict and interval "
    "at the same level, intervals not simultaneous. Different only if the interval excludes 1 and "
    "the effect is at least 3 %; 'no difference shown' only if the whole interval lies within 3 %; "
    "otherwise inconclusive. At least 6 starts. No verdict where the same code against itself is "
    "off by 2 % or more for certain."
)
_LIMITS = (
    "One shop, one data size, these requests, this pair of frameworks. The step from monolith to "
    "modular changes the framework; it is no statement about architecture.",
    "Time and CPU of paired rounds are of single requests at light load. They do not foretell what "
    "happens under another load.",
)
_HEADS = ["Operation", "Deployment", "Requests", "Failed", "p50 ms", "p95 ms", "p99 ms"]
_KIND = {"time": "p50", "cpu": "cpu"}


def sections(data: RunData) -> list[Section]:
    """Return the sections in page order; none where no deployment was measured in rounds."""
    found = data.once(Findings)
    if not found.samples:
        return []
    made = [
        _ratios(found, judge(found)),
        _ladder(ladders(found)),
        server_timing(found),
        _distribution(found),
        _percentiles(found),
        _cpu(found),
    ]
    return [section for section in made if section is not None]


def _ratios(found: Findings, verdicts: Sequence[Verdict]) -> Section:
    named = [verdict for verdict in verdicts if verdict.note.startswith(NAMED)]
    return Section(
        anchor="ratios",
        title="Time and CPU of a request",
        contents="Ratios",
        template="latency/ratios.html",
        context={"named": named, "rule": RULE_TEXT, "trust": trust_line(found)},
        figures=tuple(figure_selection.forests(verdicts)),
        summary=(verdicts_table(named), trust_line(found)) if named else (),
        sentences=tuple(sentences(found)),
        leads=any(answer.question.family for answer in found.answers),
        answer=first_screen.answer(found),
        tiles=first_screen.tiles(found),
        trust=first_screen.trust(found),
        verdicts=tuple(verdicts),
        tables={"ratios_by_start": list(tables.ratios_by_start(found))},
        limits=(*_LIMITS, *_missing(found)),
        banners=(found.tainted,) if found.tainted else (),
        compared=tuple(_comparable(answer) for answer in found.answers),
    )


def _missing(found: Findings) -> list[str]:
    present = {sample.trial.deployment for sample in found.samples}
    missing = [name for name in DEPLOYMENTS if name not in present]
    return [f"Deployments that were not measured: {', '.join(missing)}."] if missing else []


def _comparable(answer: Answer) -> Comparable:
    question = answer.question
    return Comparable(
        id=question.id,
        label=f"{question.numerator} : {question.denominator}, {question.subject}",
        verdict_id=verdict_id(answer),
        values=tuple(answer.logs.logs),
        kind=_KIND[question.metric],
        family=question.family,
        refusal="" if answer.ratio is not None else answer.decision.reason,
    )


def _ladder(found: Sequence[Ladder]) -> Section | None:
    if not found:
        return None
    figure, checks = ladder_figure(found), sanity_check(found)
    rows = [
        [
            ladder.title,
            METRIC_WORDS[ladder.metric],
            f"{step.start} → {step.end}",
            f"×{number(step.ratio.estimate)} {interval(step.ratio.low, step.ratio.high)}",
            str(step.ratio.n_blocks),
            step.cause,
        ]
        for ladder in found
        for step in ladder.steps
        if step.ratio is not None
    ]
    heads = ["Operation", "Metric", "Step", "Ratio (95 %)", "Starts", "What the step adds"]
    check = "\n".join(f"- {line}" for line in checks)
    return Section(
        anchor="ladder",
        title="Where the difference comes from",
        contents="Ladder",
        template="latency/ladder.html",
        context={"decomposition": decomposition(found), "sanity": checks},
        figures=(figure,) if figure is not None else (),
        first_figure=first_ladder(found),
        summary=(markdown_table(heads, rows), check) if rows else (),
    )


def _distribution(found: Findings) -> Section | None:
    figures = figure_selection.tails(found)
    if not figures:
        return None
    return Section(
        anchor="distribution",
        title="The whole distribution",
        contents="Distribution",
        template="latency/distribution.html",
        figures=tuple(figures),
    )


def _percentiles(found: Findings) -> Section:
    rounds = [cell for cell in found.cells if cell.in_rounds]
    cells = rounds or [cell for cell in (found.main_cell,) if cell]
    rows = [
        [field.text for field in tables.percentile_fields(row)[2:]]
        for cell in cells
        for row in found.rows_of(cell)
    ]
    what = "Service time of single requests" if rounds else "Response time"
    main = found.main_cell
    return Section(
        anchor="percentiles",
        title="Percentiles by deployment and operation",
        contents="Percentiles",
        template="latency/percentiles.html",
        context={
            "rows": [tables.percentile_fields(row) for row in found.percentiles],
            "main_mix": main.mix if main and not main.in_rounds else "",
            "errors": tables.error_rows(found.samples),
        },
        figures=tuple(figure_selection.percentiles(found)),
        summary=(f"{what} (95 % intervals)", markdown_table(_HEADS, rows)) if rows else (),
        arm_levels=tuple(tables.time_levels(row for cell in cells for row in found.rows_of(cell))),
        tables={
            "percentiles": list(tables.percentile_records(found.percentiles)),
            "time_parts_by_trial": list(tables.time_parts(found)),
        },
    )


def _cpu(found: Findings) -> Section:
    figure = figure_selection.cpu(found)
    names, rows = tables.sql_rows(found)
    return Section(
        anchor="cpu",
        title="CPU and other cost",
        contents="CPU",
        template="latency/cpu.html",
        context={
            "costs": tables.cost_rows(found.samples),
            "sql_names": names,
            "sql_rows": rows,
        },
        figures=(figure,) if figure is not None else (),
        cells=tuple(cell for arm in ARMS if (cell := _moving_parts(found, arm)) is not None),
        arm_levels=tuple(tables.cpu_levels(found.cells)),
    )


def _moving_parts(found: Findings, deployment: str) -> TableCell | None:
    """What the comparison table says of an arm's complexity."""
    orders = next((cell for cell in found.cells if cell.mix == "order"), None)
    cell = orders or found.main_cell
    samples = cell.samples(deployment) if cell else []
    processes, databases = tables.parts_of(samples)
    if cell is None or not processes + databases:
        return None
    text = f"{_plural(processes, 'component process', 'component processes')}, "
    text += _plural(databases, "database server", "database servers")
    sql = sql_per_request(found.data, deployment, cell.mix)
    text += f"; {number(sql[1])} commits per request ({words(cell.mix)})" if sql else ""
    return TableCell("complexity", deployment, NAME, text)


def _plural(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
