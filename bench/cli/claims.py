"""The command `claims`: what is claimed, what would decide it, and what runs found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from bench.cli.console import AsJson, new_table, out, print_json, run_named, say
from bench.errors import ShopbenchError

if TYPE_CHECKING:
    from bench.report.claims import ClaimResult, Picture


def claims(
    runs: Annotated[
        list[Path] | None,
        typer.Option(
            "--run",
            metavar="RUN",
            parser=run_named,
            help="Fill in what a run found; several are merged.",
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--out", help="With --run: write a page as well.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List every claim on monolith and microservices, and what runs found for it.

    Several runs of one machine and commit make one picture: each experiment counts in the run
    with the larger profile, then in the later one, and the source of every cell is stated.

    Example: shopbench claims --run latest~1 --run latest
    """
    if not runs:
        if file is not None:
            raise ShopbenchError("--out needs at least one --run", 2)
        _registry(as_json)
        return
    from bench.report.claims_output import picture_json, write_claims_page
    from bench.report.merged_runs import picture_of_runs

    picture = picture_of_runs(runs)
    if as_json:
        print_json(picture_json(picture))
    else:
        _print_picture(picture)
    if file is not None:
        page = write_claims_page(picture, file)
        if not as_json:
            say(f"page: {escape(str(page))}")


def _registry(as_json: bool) -> None:
    from bench.claims import registry

    if as_json:
        from bench.report.claims_output import registry_json

        print_json(registry_json())
        return
    known = registry()
    table = new_table("id", "claim", "says", "measured by")
    for claim in known.claims:
        experiment = known.experiments[claim.experiment]
        how = experiment.name if experiment.built else f"by hand: {experiment.measures}"
        says = f"{claim.pair} {claim.direction}"
        table.add_row(claim.id, escape(claim.wording), escape(says), escape(how))
    out.print(table)
    built = sum(known.experiments[claim.experiment].built for claim in known.claims)
    by_hand = len(known.claims) - built
    say(f"{len(known.claims)} claims: {built} by an experiment, {by_hand} by hand")


def _print_picture(picture: Picture) -> None:
    from bench.report.claims import tally
    from bench.report.comparison import comparison, gap_texts, texts

    table = new_table("feature", "monolith", "microservices", "not in it")
    for row in comparison(picture):
        told = [*map(texts, row.cells.values()), gap_texts(row)]
        table.add_row(row.row.feature, *map(escape, told))
    out.print(table)
    out.print()
    table = new_table("claim", "verdict", "estimate", "n", "asked, or what would measure it")
    for result in picture.results:
        for cells in _lines(picture, result):
            table.add_row(*(escape(text) for text in cells))
    out.print(table)
    say(tally(picture.results))
    for remark in picture.remarks:
        say(f"note: {escape(remark)}")


def _lines(picture: Picture, result: ClaimResult) -> list[list[str]]:
    """One line a verdict, or one that says why there is none."""
    from bench.report.fields import estimate_with_interval

    if not result.answers:
        return [[result.claim.id, result.lack, "", "", result.why]]
    lines = []
    for at, answer in enumerate(result.answers):
        verdict = answer.verdict
        head = [result.claim.id, result.word] if at == 0 else ["", ""]
        own = f"{answer.word}: " if len(result.answers) > 1 else ""
        run = f" ({answer.run_id})" if picture.several else ""
        estimate = estimate_with_interval(verdict)
        lines.append([*head, estimate, str(verdict.n_blocks), f"{own}{verdict.question}{run}"])
    return lines
