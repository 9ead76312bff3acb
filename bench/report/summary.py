"""The Markdown summary: the result in a terminal, a pull request or a wiki."""

from collections.abc import Sequence

from bench.report.analysis import Analysis
from bench.report.claims import ClaimResult, Picture, tally
from bench.report.comparison import RowResult, comparison, gap_texts, numbers, picture_of, texts
from bench.report.fields import verdict_numbers
from bench.report.figures.style import Figure
from bench.report.limits import banners, limits
from bench.report.quality import quality_rows, resume_rows, stop_rows
from bench.report.section import ARMS
from bench.report.summary_table import inert, markdown_table


def render_summary(analysis: Analysis, figures: Sequence[Figure]) -> str:
    """Return `summary.md`: result, claims, what each experiment found, quality, limits."""
    journal = analysis.data.journal
    told = [
        f"# {journal.run_id}",
        f"`{journal.command}` · profile {journal.profile} · commit {journal.commit[:12]}"
        f"{' + local changes' if journal.dirty else ''} · started {journal.started_at}",
        *(f"> **{text}**" for text in (*banners(analysis), *journal.notes)),
        "## Result",
        analysis.words.answer or "Nothing could be judged.",
        "\n".join(f"- {line}" for line in analysis.words.sentences[1:]),
        f"How far to trust it: {analysis.words.trust}" if analysis.words.trust else "",
    ]
    found = [
        *(
            text
            for section in analysis.shown
            if any(section.summary)
            for text in (f"## {section.title}", *section.summary)
        ),
        "## Run quality",
        markdown_table(
            ["Deployment", "Trials", "Valid", "Flagged", "Invalid", "Reruns", "Skipped"],
            quality_rows(analysis.trials),
        ),
        *_rules(analysis),
        "## What this does not show",
        "\n".join(f"- {text}" for text in limits(analysis)),
        "## Figures",
    ]
    drawn = "\n".join(
        f"- [{inert(f.title)}](figures/{f.name}.svg) ([PNG](figures/{f.name}.png))" for f in figures
    )
    parts = [*map(inert, told), *_claims(analysis), *map(inert, found), drawn]
    return "\n\n".join(part for part in parts if part) + "\n"


def _claims(analysis: Analysis) -> list[str]:
    """The comparison table and all claims; they speak of our arms, not of a user's services."""
    if analysis.own:
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
        markdown_table(["Feature", "Monolith", "Microservices", "Claims"], rows),
        "## Every claim by itself",
        f"{tally(picture.results)}.",
        f"<details><summary>All {len(picture.results)} claims</summary>",
        markdown_table(
            [
                "Claim",
                "Verdict",
                "Estimate",
                "Interval (level)",
                "n",
                "Asked, or what would measure it",
            ],
            [line for result in picture.results for line in _claim_lines(picture, result)],
        ),
        "</details>",
    ]


def _cell(row: RowResult, arm: str) -> str:
    claimed = f"*claimed: {row.row.claimed(arm)}*"
    return f"{texts(row.cells[arm])}; {claimed}" if row.cells[arm] else claimed


def _row_verdicts(row: RowResult) -> str:
    told = [f"**{r.word}** {r.claim.title} ({r.claim.pair}: {numbers(r)})" for r in row.claims]
    return "; ".join([*told, *filter(None, [gap_texts(row)])]) or "no claim rests on it"


def _claim_lines(picture: Picture, result: ClaimResult) -> list[list[str]]:
    """One line a verdict; one that says why where there is none."""
    if not result.answers:
        return [[result.claim.wording, result.lack, "", "", "", result.why]]
    lines = []
    for at, answer in enumerate(result.answers):
        verdict = answer.verdict
        run = f" ({answer.run_id})" if picture.several else ""
        head = [result.claim.wording, f"**{result.word}**"] if at == 0 else ["", ""]
        own = f"{answer.word}: " if len(result.answers) > 1 else ""
        lines.append([*head, *verdict_numbers(verdict), f"{own}{verdict.question}{run}"])
    return lines


def _rules(analysis: Analysis) -> list[str]:
    """Stop reasons and resumes, where there are any."""
    journal = analysis.data.journal
    stops = [f"- stopped, {name}: {reason}" for name, reason in stop_rows(journal)]
    resumes = [f"- resumed at {row[0]} with {row[3]} trials" for row in resume_rows(journal)]
    return ["\n".join([*stops, *resumes])]
