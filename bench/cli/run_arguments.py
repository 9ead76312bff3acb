"""The arguments and options of `shopbench run` that are for every experiment, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.console import run_named

Experiments = Annotated[
    list[str] | None, typer.Argument(metavar="EXPERIMENT...", show_default=False)
]
ProfileName = Annotated[str, typer.Option("--profile", help="smoke, quick, standard or full.")]
FailOn = Annotated[
    list[str] | None,
    typer.Option("--fail-on", help="e.g. 'p95>200ms' or 'p95@monolith/order>50ms'."),
]
Deployments = Annotated[
    str, typer.Option("--deployments", help="Comma-separated; the experiment's own if left out.")
]
Mixes = Annotated[str, typer.Option("--mixes", help="Comma-separated, e.g. order,mixed.")]
RunSeed = Annotated[int, typer.Option("--seed", min=0, help="Number the schedules come from.")]
Folder = Annotated[Path, typer.Option("--out", help="Where runs are kept.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]
MaxMinutes = Annotated[
    float | None,
    typer.Option(
        "--max-minutes", min=0.1, help="Add blocks until intervals are narrow or time is over."
    ),
]
LoadWorkers = Annotated[
    int, typer.Option("--load-workers", min=1, help="Processes that share the load.")
]
Like = Annotated[
    Path | None,
    typer.Option(
        "--like",
        metavar="RUN",
        parser=run_named,
        help="Measure what this run did, at its loads: experiments and options are its own.",
    ),
]
Resume = Annotated[
    Path | None,
    typer.Option("--resume", metavar="RUN", parser=run_named, help="Finish this interrupted run."),
]
