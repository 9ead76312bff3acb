"""Commands that judge and measure: verify, run, report, compare, export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from bench.cli import run_arguments as given
from bench.cli.console import (
    AsJson,
    Cpus,
    On,
    Run,
    Runs,
    Seed,
    new_table,
    out,
    print_json,
    say,
    show_progress,
)
from bench.cli.run_command import with_own_flags
from bench.cli.runs import has_index, refresh_index
from bench.contract.seed import SeedSpec
from bench.errors import ShopbenchError
from bench.machine import parse_cpus
from bench.results.run_list import RESULTS

if TYPE_CHECKING:
    from bench.deployments.verify import Verdict


def verify(
    deployments: Annotated[list[str] | None, typer.Argument(metavar="[DEPLOYMENT]...")] = None,
    url: Annotated[str, typer.Option("--url", help="Verify a shop that runs already.")] = "",
    signing_key: Annotated[
        Path | None, typer.Option("--signing-key", help="With --url: PEM that signs user tokens.")
    ] = None,
    seed: Seed = 1,
    as_json: AsJson = False,
    on: On = "local",
) -> None:
    """Run the contract suite and one journey of 500 operations against each deployment.

    Without a name: monolith, modular, modular-split, microservices. Each is started on free ports,
    so what is up stays up. Exit code 1 if one breaks the contract or answers differently.

    Example: shopbench verify monolith "users+inventory|orders+payments"
    """
    from bench.deployments.verify import verify_address, verify_deployments

    with show_progress("verifying", every_line=False) as report:
        if url:
            verdicts = verify_address(url.rstrip("/"), signing_key, report)
        else:
            verdicts = verify_deployments(deployments or (), SeedSpec(seed=seed), report, on)
    if as_json:
        print_json({"ok": all(v.ok for v in verdicts), "verdicts": [asdict(v) for v in verdicts]})
    else:
        _print_verdicts(verdicts)
    if not all(one.ok for one in verdicts):
        raise typer.Exit(1)


@with_own_flags
def run(  # noqa: PLR0913, PLR0917 - one argument for each option
    context: typer.Context,
    experiments: given.Experiments = None,
    profile: given.ProfileName = "quick",
    fail_on: given.FailOn = None,
    deployments: given.Deployments = "",
    mixes: given.Mixes = "",
    seed: given.RunSeed = 1,
    cpus: Cpus = "",
    folder: given.Folder = RESULTS,
    quiet: given.Quiet = False,
    max_minutes: given.MaxMinutes = None,
    load_workers: given.LoadWorkers = 1,
    resume: given.Resume = None,
    like: given.Like = None,
    on: On = "local",
    *,
    own: Mapping[str, Any],
) -> None:
    """Measure, and write a results folder with a report.

    \b
    Examples:
      shopbench run latency --profile smoke
      shopbench run latency floor --profile quick --fail-on 'errors>0.1%'
      shopbench run latency --on compose
      shopbench run --resume latest
      shopbench run --like latest
      shopbench run latency --url a=http://HOST:9001 --url b=http://HOST:9002 --locustfile mine.py
      shopbench run latency --url … --url … --locustfile mine.py -- --an-argument of-mine

    Starts its own deployments on free ports and removes them, however it ends.
    """
    from bench.engine.options import RunOptions
    from bench.engine.runner import resume as resume_run
    from bench.engine.runner import run as run_experiments

    if resume is not None:
        _refuse_more(context, "resume", {"quiet", "max_minutes"})
        resume_run(resume, _report_run, quiet=quiet, max_minutes=max_minutes)
        return
    if like is not None:
        _refuse_more(context, "like", {"quiet", "max_minutes", "folder", "fail_on"})
        _run_like(like, folder, quiet, max_minutes, tuple(fail_on or ()))
        return
    options = RunOptions(
        profile=profile,
        seed=seed,
        results_root=folder,
        deployments=_listed(deployments),
        mixes=_listed(mixes),
        fail_on=tuple(fail_on or ()),
        cpus=parse_cpus(cpus),
        quiet=quiet,
        max_minutes=max_minutes,
        load_workers=load_workers,
        place=on,
        own=own,
    )
    run_experiments(experiments or [], options, _report_run)


def report(run_dir: Run) -> None:
    """Build the report of a run again. Example: shopbench report latest"""
    _report(run_dir)
    if has_index(run_dir.parent):
        refresh_index(run_dir.parent)


def compare(
    runs: Runs,
    file: Annotated[Path | None, typer.Option("--out", help="File of the page.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lay two to ten runs over each other: what moved, and is it more than noise or surroundings?

    Each is held against the oldest by Welch's t on the ratios, Holm over what was named
    beforehand. On another machine, commit, version or setting nothing is called different. A run
    kept without its rows (results/reference) counts by its verdicts. Exit code 0 either way.

    Example: shopbench compare latest~1 latest
    """
    from bench.report.compare import compare_runs

    with show_progress("comparing", every_line=False):
        found = compare_runs(runs, file)
    if as_json:
        print_json(found.as_json())
        return
    say(f"comparison: {escape(str(found.page))}")
    say(escape(found.agreement.line))


def export(
    run_dir: Run,
    folder: Annotated[Path, typer.Option("--out", help="Folder of the CSV files.")],
    rows: Annotated[bool, typer.Option("--rows", help="Every request too: large.")] = False,
) -> None:
    """Write a run's tables as CSV. Example: shopbench export latest --out csv"""
    from bench.report.export import export_csv

    for path in export_csv(run_dir, folder, rows=rows):
        say(escape(str(path)))


def _run_like(
    like: Path, folder: Path, quiet: bool, max_minutes: float | None, fail_on: tuple[str, ...]
) -> None:
    """A new run of what another one measured, at the same loads."""
    from bench.engine.likeness import wanted_like
    from bench.engine.runner import run as run_experiments

    asked = wanted_like(like)
    options = replace(asked.options, results_root=folder, quiet=quiet, fail_on=fail_on)
    if max_minutes is not None:
        options = replace(options, max_minutes=max_minutes)
    run_experiments(asked.experiments, options, _report_run)


def _refuse_more(context: typer.Context, option: str, allowed: set[str]) -> None:
    """A resumed run and one like another have their options in a journal."""
    for name in context.params:
        source = context.get_parameter_source(name)
        given = source is not None and source.name == "COMMANDLINE"
        if given and name not in {option, *allowed}:
            raise ShopbenchError(f"--{option} takes its {name} from the run; leave it out", 2)


def _report(run_dir: Path) -> None:
    from bench.report.build import build_report
    from bench.report.console import show_results

    build_report(run_dir)
    show_results(run_dir, out)


def _report_run(run_dir: Path) -> None:
    """Report a run that has just ended; the page of all runs shows it too."""
    _report(run_dir)
    refresh_index(run_dir.parent)


def _print_verdicts(verdicts: list[Verdict]) -> None:
    from bench.deployments.verify import explain

    table = new_table("deployment", "", "passed", "failed", "skipped", "journey", "seconds")
    for one in verdicts:
        told = f"{len(one.journey)} of {one.journey_steps} differ" if one.journey else "same"
        journey = told if one.compared_with else f"{one.journey_steps} steps"
        counts = (str(one.passed), str(len(one.failed)), str(len(one.skipped)))
        word = "ok" if one.ok else "FAILED"
        table.add_row(escape(one.deployment), word, *counts, journey, f"{one.seconds:.0f}")
    out.print(table)
    for one in verdicts:
        for line in explain(one):
            say(f"{escape(one.deployment)}: {escape(line)}")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
