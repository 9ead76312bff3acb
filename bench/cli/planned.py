"""`shopbench run --help` ends with what each experiment is planned to take, asked of itself."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand


class RunCommand(TyperCommand):
    """The command `run`. Planning is imported only where the help is asked for."""

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
