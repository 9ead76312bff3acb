"""The command `selftest`: the benchmark measures known truths and trips its own gates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.console import Cpus, new_table, out, say
from bench.errors import ShopbenchError
from bench.machine import parse_cpus

RESULTS = Path("results/runs")
GENERATOR, PLANTED, COVERAGE = "generator", "planted", "coverage"
PARTS = ("gates", GENERATOR, PLANTED, "aa", COVERAGE)
AGAIN = (COVERAGE, PLANTED, GENERATOR)  # what a recorded run can be asked again


def selftest(  # noqa: PLR0913, PLR0917 - one argument for each option
    parts: Annotated[list[str] | None, typer.Argument(metavar="[PART]...")] = None,
    profile: Annotated[
        str, typer.Option("--profile", help="smoke, quick, standard or full.")
    ] = "quick",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Number the schedules come from.")] = 1,
    cpus: Cpus = "",
    recorded: Annotated[
        Path | None,
        typer.Option("--from", help="With coverage, planted or generator: judge this run again."),
    ] = None,
    folder: Annotated[Path, typer.Option("--out", help="Where runs are kept.")] = RESULTS,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Show that the benchmark finds what is there, and nothing else. All parts, or those named.

    \b
    PART       quick    what is done
    gates      1 min    each validity gate tripped on purpose, and the same trial undisturbed
    generator  1.5 min  send lag, its own time, and a second tool against the load generator
    planted    24 min   servers of known difference: A/A, +5 %, +20 % response time, +10 % CPU,
                        in 20 sets of 6 to 12 blocks; 24 is for 6 each, at most 72
    aa         5 min    the shop against itself, 20 blocks: nothing may be called different
    coverage   1 min    4,000 resamples of each recorded comparison: do the intervals hold?

    All parts: 32 minutes at quick where 6 blocks are enough, an hour where 12 are needed; 3 at
    smoke (claims nothing).
    The outcome is kept in the state home; every later run on this machine prints it. Exit code 1
    if something required was not met.

    \b
    Examples:
      shopbench selftest
      shopbench selftest planted gates --profile quick
      shopbench selftest coverage --from results/runs/20261122-…    # or planted, generator
    """
    chosen = _checked(parts or [], recorded)
    if chosen == [COVERAGE]:
        rows = _resampled(recorded, profile, seed)
    elif recorded is not None:
        rows = _judged_again(chosen[0], recorded)
    else:
        rows = _measured(chosen, profile, seed, parse_cpus(cpus), folder, quiet)
    _print(rows)
    if any(row["word"] == "not met" for row in rows):
        raise typer.Exit(1)


def _checked(parts: list[str], recorded: Path | None) -> list[str]:
    for part in parts:
        if part not in PARTS:
            raise ShopbenchError(f"unknown part {part!r}; there are {', '.join(PARTS)}", 2)
    chosen = [part for part in PARTS if part in parts or not parts]
    if recorded is not None:
        if len(chosen) > 1 or chosen[0] not in AGAIN:
            raise ShopbenchError(f"--from goes with one part: {', '.join(AGAIN)}", 2)
        if not recorded.is_dir():
            raise ShopbenchError(f"there is no run folder {recorded}", 2)
    return chosen


def _measured(  # noqa: PLR0913, PLR0917
    chosen: list[str], profile: str, seed: int, cpus: tuple[int, ...], folder: Path, quiet: bool
) -> list[dict[str, str]]:
    """Make a run of the parts; return the outcomes."""
    from bench.experiments.options import RunOptions
    from bench.experiments.runner import run
    from bench.journal import RunReader
    from bench.report.build import build_report

    def report(run_dir: Path) -> None:
        if RunReader(run_dir).trials:  # coverage and generator have none
            say(f"report: {build_report(run_dir)}")

    names = ["selftest"] if chosen == list(PARTS) else [f"selftest-{part}" for part in chosen]
    options = RunOptions(profile=profile, seed=seed, results_root=folder, cpus=cpus, quiet=quiet)
    run_dir = run(names, options, report)
    say(f"run: {run_dir}")
    found = RunReader(run_dir).journal.settings["selftest"]["parts"]
    return [row for part in chosen if part in found for row in found[part]["outcomes"]]


def _resampled(recorded: Path | None, profile: str, seed: int) -> list[dict[str, str]]:
    """Resample blocks of a run, or of the newest selftest on this machine, without measuring."""
    from bench.experiments.options import profile_of
    from bench.experiments.selftest.coverage import examine

    return examine(recorded, profile_of(profile).name, seed)


def _judged_again(part: str, recorded: Path) -> list[dict[str, str]]:
    """Judge what a run recorded by today's rules, without measuring."""
    from bench.experiments.selftest import generator, planted

    examine = planted.examine if part == PLANTED else generator.examine
    return examine(recorded)


def _print(rows: list[dict[str, str]]) -> None:
    table = new_table("outcome", "found", "required", "", "note")
    for row in rows:
        table.add_row(row["what"], row["found"], row["required"], row["word"], row["note"])
    out.print(table)
