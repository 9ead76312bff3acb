"""The Markdown summary: the result in a terminal, a pull request or a wiki."""

from collections.abc import Sequence

from bench.journal import Verdict
from bench.report.analysis import Analysis
from bench.report.claims import ClaimResult, Picture, tally
from bench.report.comparison import ARMS, RowResult, comparison, numbers, picture_of, texts
from bench.report.fields import estimate_text
from bench.report.figures.style import Figure
from bench.report.headline import plain_words, trust_line
from bench.report.ladder import METRIC_WORDS, sanity_check
from bench.report.limits import banners, limits
from bench.report.naming import interval, number, own_names, percent, words
from bench.report.quality import resume_rows, stop_rows
from bench.report.tables import percentile_fields, quality_rows


def render_summary(analysis: Analysis, figures: Sequence[Figure]) -> str:
    """Return `summary.md`: result, percentiles of the main cell, floor, quality, limits."""
    journal = analysis.data.journal
    parts = [
        f"# {journal.run_id}",
        f"`{journal.command}` · profile {journal.profile} · commit {journal.commit[:12]}"
        f"{' + local changes' if journal.dirty else ''} · started {journal.started_at}",
        *(f"> **{text}**" for text in banners(analysis)),
        "## Result",
        "\n".join(f"- {line}" for line in plain_words(analysis)) or "Nothing could be judged.",
        trust_line(analysis),
        *_claims(analysis),
        *(("## The metrics named beforehand", _verdicts(analysis.named)) if analysis.named else ()),
        *_percentiles(analysis),
        *_ladder(analysis),
        *_floor(analysis),
        *(
            text
            for section in analysis.sections
            for text in (f"## {section.title}", *section.summary)
        ),
        "## Run quality",
        _table(
            ["Deployment", "Trials", "Valid", "Flagged", "Invalid", "Reruns", "Skipped"],
            quality_rows(analysis.trials),
        ),
        *_rules(analysis),
        "## What this does not show",
        "\n".join(f"- {text}" for text in limits(analysis)),
        "## Figures",
        "\n".join(
            f"- [{f.title}](figures/{f.name}.svg) ([PNG](figures/{f.name}.png))" for f in figures
        ),  # fmt: skip
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _claims(analysis: Analysis) -> list[str]:
    """The comparison table and all claims; they speak of our arms, not of a user's services."""
    if own_names(analysis.data.journal.settings):
        return []
    return claim_parts(picture_of(analysis))


def claim_parts(picture: Picture) -> list[str]:
    """Return the comparison table and the list of all claims, of one run or of several."""
    rows = [
        [row.row.feature, *(_cell(row, arm) for arm in ARMS), _row_verdicts(row)]
        for row in comparison(picture)
    ]
    return [
        "## The comparison table, cell by cell",
        _table(["Feature", "Monolith", "Microservices", "Verdict"], rows),
        "## Every claim by itself",
        f"{tally(picture.results)}.",
        f"<details><summary>All {len(picture.results)} claims</summary>",
        _table(
            [
                "Claim",
                "Verdict",
                "Estimate",
                "Interval (level)",
                "n",
                "Asked, or why none",
            ],
            [line for result in picture.results for line in _claim_lines(picture, result)],
        ),
        "</details>",
    ]


def _cell(row: RowResult, arm: str) -> str:
    return f"*claimed: {row.row.claimed(arm)}*; {texts(row.cells[arm])}"


def _row_verdicts(row: RowResult) -> str:
    told = [f"**{r.word}** {r.claim.title} ({r.claim.pair}: {numbers(r)})" for r in row.claims]
    return "; ".join(told) or "–"


def _claim_lines(picture: Picture, result: ClaimResult) -> list[list[str]]:
    """One line a verdict; one that says why where there is none."""
    if not result.answers:
        return [[result.claim.wording, "none", "–", "–", "–", result.why]]
    lines = []
    for at, answer in enumerate(result.answers):
        verdict = answer.verdict
        run = f" ({answer.run_id})" if picture.several else ""
        head = [result.claim.wording, f"**{result.word}**"] if at == 0 else ["", ""]
        own = f"{answer.word}: " if len(result.answers) > 1 else ""
        lines.append([*head, *_numbers(verdict), f"{own}{verdict.question}{run}"])
    return lines


def _rules(analysis: Analysis) -> list[str]:
    """Stop reasons and resumes, where there are any."""
    journal = analysis.data.journal
    stops = [f"- stopped, {name}: {reason}" for name, reason in stop_rows(journal)]
    resumes = [f"- resumed at {row[0]} with {row[3]} trials" for row in resume_rows(journal)]
    return ["\n".join([*stops, *resumes])]


def _verdicts(verdicts: Sequence[Verdict]) -> str:
    rows = [
        [
            verdict.question,
            *_numbers(verdict),
            f"**{verdict.verdict}**",
        ]
        for verdict in verdicts
    ]
    return _table(["Question", "Ratio", "Interval (level)", "n", "Verdict"], rows)


def _numbers(verdict: Verdict) -> list[str]:
    """Ratio, interval with its level, n."""
    range_ = interval(verdict.low, verdict.high)
    level = f" ({percent(verdict.level)})" if verdict.low is not None else ""
    return [estimate_text(verdict), f"{range_}{level}", str(verdict.n_blocks)]


def _percentiles(analysis: Analysis) -> list[str]:
    rounds = [cell for cell in analysis.cells if cell.in_rounds]
    cells = rounds or [cell for cell in (analysis.main_cell,) if cell]
    if not cells:
        return []
    rows = [
        [field.text for field in percentile_fields(row)[2:]]
        for cell in cells
        for row in analysis.rows_of(cell)
    ]
    title = "Service time of single requests" if rounds else f"Response time, {cells[0].label}"
    heads = ["Operation", "Deployment", "Requests", "Failed", "p50 ms", "p95 ms", "p99 ms"]
    return [f"## {title} (95 % intervals)", _table(heads, rows)]


def _ladder(analysis: Analysis) -> list[str]:
    rows = [
        [
            ladder.title,
            METRIC_WORDS[ladder.metric],
            f"{step.start} → {step.end}",
            f"×{number(step.ratio.estimate)} {interval(step.ratio.low, step.ratio.high)}",
            str(step.ratio.n_blocks),
            step.cause,
        ]
        for ladder in analysis.ladders
        for step in ladder.steps
        if step.ratio is not None
    ]
    if not rows:
        return []
    heads = ["Operation", "Metric", "Step", "Ratio (95 %)", "Starts", "What the step adds"]
    check = "\n".join(f"- {line}" for line in sanity_check(analysis.ladders))
    return ["## Where the difference comes from", _table(heads, rows), check]


def _floor(analysis: Analysis) -> list[str]:
    rows = [
        [
            words(result.pair.operation),
            f"{result.pair.arm} : {result.pair.bare}",
            f"{number(v.estimate)} {interval(v.low, v.high)}",
            str(v.n_blocks),
            f"**{v.verdict}**",
        ]
        for result in analysis.floors
        for v in (result.verdict,)
    ]
    heads = ["Operation", "Arm : bare handler", "Rate ratio (95 %)", "Blocks", "Verdict"]
    return ["## The floor", _table(heads, rows)] if rows else []


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(
        "| " + " | ".join(c.replace("|", "\\|") for c in line) + " |" for line in lines
    )
