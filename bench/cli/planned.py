"""The command `run`: what stands behind `--`, and a help that ends with planned durations."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

FILE_ARGUMENTS = "shopbench.file_arguments"  # in the context's meta: what stood behind `--`


class RunCommand(TyperCommand):
    """The command `run`. Planning is imported only where the help is asked for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep what stands behind `--` for the user's locustfile."""
        if "--" in args:
            at = args.index("--")
            ctx.meta[FILE_ARGUMENTS] = tuple(args[at + 1 :])
            args = args[:at]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        from bench.experiments.runner import durations

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
