"""The command `run`: options of single experiments, what stands behind `--`, planned durations."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand

from bench.registry import Flag, registered

BEHIND = "shopbench.behind"  # in the context's meta: what stood behind `--`


class RunCommand(TyperCommand):
    """The command `run`. Planning is imported only where the help is asked for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep what stands behind `--` for the user's locustfile."""
        if "--" in args:
            at = args.index("--")
            ctx.meta[BEHIND] = tuple(args[at + 1 :])
            args = args[:at]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        from bench.engine.runner import durations

        with formatter.section("Experiments"):
            asked = [(each.name, each.question) for each in registered() if not each.instead_of]
            formatter.write_dl(asked)
        found = durations()
        profiles = list(next(iter(found.values())))
        rows = [["", *profiles], *([name, *each.values()] for name, each in found.items())]
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        with formatter.section("Planned durations, with reruns of invalid blocks"):
            for row in rows:
                cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
                formatter.write("  " + "  ".join(cells).rstrip() + "\n")
            formatter.write(
                "  standard and full add blocks until the intervals are narrow (--max-minutes: a"
                " limit),\n  up to about twice as many.\n"
            )


def with_own_flags(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the flags of every experiment; it gets what was given as `own`."""
    flags = [flag for experiment in registered() for flag in experiment.flags if flag.name != "--"]

    @wraps(command)
    def called(context: typer.Context, **given: Any) -> None:
        values = {flag.key: given.pop(flag.key) for flag in flags}
        values |= {"arguments": context.meta.get(BEHIND, ())}
        own = {key: value for key, value in values.items() if value not in (None, (), [])}
        command(context, **given, own=own)

    hints = get_type_hints(command, include_extras=True)
    kept = [
        each.replace(annotation=hints[each.name])
        for each in inspect.signature(command).parameters.values()
        if each.name != "own"
    ]
    parameters = [*kept, *map(_parameter, flags)]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    return called


def _parameter(flag: Flag) -> inspect.Parameter:
    kind: Any = list[flag.kind] if flag.many else flag.kind  # type: ignore[name-defined]
    option = typer.Option(flag.name, help=flag.help, min=flag.least, max=flag.most)
    annotation = Annotated[kind | None, option]
    return inspect.Parameter(
        flag.key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )
