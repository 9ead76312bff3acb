"""The arguments and options of `shopbench run`, each with the help it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
Sweep = Annotated[
    str,
    typer.Option(
        "--sweep",
        help="Loads of the load curve of `capacity`, as shares of the smaller capacity, e.g. "
        "0.5,0.9; or none. The profile's if left out.",
    ),
]
RunSeed = Annotated[int, typer.Option("--seed", min=0, help="Number the schedules come from.")]
Folder = Annotated[Path, typer.Option("--out", help="Where runs are kept.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]
Urls = Annotated[
    list[str] | None,
    typer.Option("--url", help="A service of your own: name=http://…; the baseline first."),
]
OwnLocustfile = Annotated[
    Path | None, typer.Option("--locustfile", help="With --url: what the visitors do.")
]
Pids = Annotated[
    list[str] | None, typer.Option("--pid", help="With --url: name=PID, to meter its CPU.")
]
Load = Annotated[
    str,
    typer.Option(
        "--load",
        help="With --url: turns (each visit on one, then on the other), or open (Poisson arrivals "
        "at --rate).",
    ),
]
Rate = Annotated[str, typer.Option("--rate", help="With --load open: requests a second.")]
Users = Annotated[
    int | None, typer.Option("--users", help="With --locustfile: how many of its users exist.")
]
HostHeaders = Annotated[
    list[str] | None,
    typer.Option("--host-header", help="With --url: the Host header; name=HOST, or one for all."),
]
Restarts = Annotated[
    list[str] | None,
    typer.Option(
        "--restart",
        help="With --url: name=COMMAND that starts the service afresh and comes back; for each, "
        "and fresh starts become the unit.",
    ),
]
MaxMinutes = Annotated[
    float | None,
    typer.Option(
        "--max-minutes", min=0.1, help="Add blocks until intervals are narrow or time is over."
    ),
]
LoadWorkers = Annotated[
    int, typer.Option("--load-workers", min=1, help="Processes that share the load.")
]
Spec = Annotated[str, typer.Option("--spec", help="With failure: a TOML file, or bench, quick, ….")]
Kills = Annotated[
    int | None,
    typer.Option("--kills", min=0, max=1000, help="consistency: kills for each deployment."),
]
Points = Annotated[
    int | None,
    typer.Option("--points", min=0, help="consistency: fault points for each deployment."),
]
Resume = Annotated[
    Path | None, typer.Option("--resume", metavar="RUN", help="Finish this interrupted run.")
]
