"""The command `selftest`: the benchmark measures known truths and trips its own gates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.console import Cpus, new_table, out, run_named, say
from bench.cli.runs import refresh_index
from bench.errors import ShopbenchError, near
from bench.experiments.selftest import NAME, part_name
from bench.experiments.selftest import PART_NAMES as PARTS
from bench.machine import parse_cpus
from bench.results.run_list import RESULTS

if TYPE_CHECKING:
    from bench.engine.options import RunOptions

AGAIN = ("planted", "disturbance", "busy", "generator")  # what a recorded run can be asked again


def selftest(  # noqa: PLR0913, PLR0917 - one argument for each option
    parts: Annotated[list[str] | None, typer.Argument(metavar="[PART]...")] = None,
    profile: Annotated[
        str, typer.Option("--profile", help="smoke, quick, standard or full.")
    ] = "standard",
    starts: Annotated[
        int | None, typer.Option("--starts", min=1, help="Starts of each part, not the profile's.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Number all draws come from.")] = 1,
    cpus: Cpus = "",
    recorded: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="RUN", parser=run_named, help="With one part: judge this run again."
        ),
    ] = None,
    folder: Annotated[Path, typer.Option("--out", help="Where runs are kept.")] = RESULTS,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Show that the benchmark finds what is there, and nothing else. All parts, or those named.

    \b
    PART         starts  what is done
    gates             -  each invalidating gate tripped on purpose, and not tripped without that
    generator         -  the load against servers that state their delay, and a second tool
    planted          30  five deployments of the same services: two alike, one slower, one that
                         spends more CPU, one that touches 8 MB more at each request
    disturbance       8  rounds of two deployments against rounds of five, in the same starts
    busy              8  the same code against itself beside a loop on half of every core

    Each part runs and is judged by itself; an interrupted run goes on by
    `shopbench run --resume RUN`. The outcome is kept in the state home; every later run on this
    machine prints it. Exit code 1 if something required was not met.

    \b
    Examples:
      shopbench selftest planted --starts 30
      shopbench selftest disturbance busy --profile quick
      shopbench selftest planted --from results/runs/20261122-…
    """
    chosen = _checked(parts or [], recorded)
    if recorded is not None:
        rows = _judged_again(chosen[0], recorded)
    else:
        rows = _measured(chosen, _options(profile, seed, starts, parse_cpus(cpus), folder, quiet))
    _print(rows)
    if any(row["word"] == "not met" for row in rows):
        raise typer.Exit(1)


def _options(  # noqa: PLR0913, PLR0917
    profile: str, seed: int, starts: int | None, cpus: tuple[int, ...], folder: Path, quiet: bool
) -> RunOptions:
    from bench.engine.options import RunOptions

    return RunOptions(
        profile=profile,
        seed=seed,
        cpus=cpus,
        results_root=folder,
        quiet=quiet,
        own={"starts": starts},
    )


def _checked(parts: list[str], recorded: Path | None) -> list[str]:
    for part in parts:
        if part not in PARTS:
            raise ShopbenchError(f"unknown part {part!r}{near(part, PARTS)}", 2)
    chosen = [part for part in PARTS if part in parts or not parts]
    if recorded is not None:
        if len(chosen) > 1 or chosen[0] not in AGAIN:
            raise ShopbenchError(f"--from goes with one part: {', '.join(AGAIN)}", 2)
    return chosen


def _measured(chosen: list[str], options: RunOptions) -> list[dict[str, str]]:
    """Make a run of the parts; return the outcomes."""
    from bench.engine.runner import run
    from bench.report.build import build_report
    from bench.results.journal import RunReader

    def report(run_dir: Path) -> None:
        if RunReader(run_dir).trials:  # the generator's check has none
            say(f"report: {build_report(run_dir)}")

    names = [NAME] if chosen == list(PARTS) else [part_name(part) for part in chosen]
    run_dir = run(names, options, report)
    refresh_index(run_dir.parent)
    say(f"run: {run_dir}")
    found = RunReader(run_dir).journal.settings[NAME]["parts"]
    return [row for part in chosen if part in found for row in found[part]["outcomes"]]


def _judged_again(part: str, recorded: Path) -> list[dict[str, str]]:
    """Judge what a run recorded by today's rules, without measuring."""
    from bench.experiments.selftest.parts import examine

    return examine(part, recorded)


def _print(rows: list[dict[str, str]]) -> None:
    table = new_table("outcome", "found", "required", "", "note")
    for row in rows:
        table.add_row(row["what"], row["found"], row["required"], row["word"], row["note"])
    out.print(table)
