"""What the terminal shows: the step under way and an honest time left.

The time left is what is still planned, scaled by how the work done so far kept to its plan. The
first pieces say little about the rest, so a fifth of the plan counts as done at its planned pace.
Drawn only between trials: drawing costs milliseconds on the load generator's core.
"""

from __future__ import annotations

import time

from rich.console import Console

_BAR = 24  # characters
_TRUSTED_SHARE = 0.2  # of the whole plan


class Progress:
    """Counts planned seconds. `quiet`: says nothing."""

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._quiet = quiet
        self._planned_s = 0.0
        self._done_s = 0.0
        self._taken_s = 0.0
        self._later_s = 0.0
        self._mark = time.monotonic()

    def plan(self, seconds: float) -> None:
        """Add work that is still to do."""
        self._planned_s += seconds

    def later(self, seconds: float) -> None:
        """What experiments that have not begun are expected to plan; replaces what was said."""
        self._later_s = seconds

    def done(self, seconds: float) -> None:
        """A piece that was planned with so many seconds has ended."""
        now = time.monotonic()
        self._taken_s += now - self._mark
        self._mark = now
        self._done_s += seconds

    @property
    def redraws(self) -> bool:
        """Whether a line replaces the one before, as on a terminal; else each is printed."""
        return self._quiet or self._console.is_terminal

    def tell(self, text: str) -> None:
        """Write a line that stays."""
        if not self._quiet:
            self.close()
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def drop(self, seconds: float) -> None:
        """Planned work that will not be done after all."""
        self._planned_s -= seconds

    @property
    def planned_s(self) -> float:
        """Seconds planned so far, done ones included."""
        return self._planned_s

    @property
    def left_s(self) -> float:
        """Estimated seconds to the end."""
        trusted_s = _TRUSTED_SHARE * (self._planned_s + self._later_s)
        known_s = self._done_s + trusted_s
        pace = (self._taken_s + trusted_s) / known_s if known_s > 0 else 1.0
        return (max(0.0, self._planned_s - self._done_s) + self._later_s) * pace

    def say(self, text: str) -> None:
        """Show what is under way; on a terminal it replaces the line before."""
        if self._quiet:
            return
        whole_s = self._planned_s + self._later_s
        share = min(1.0, self._done_s / whole_s) if whole_s else 0.0
        line = f"{share:4.0%}  {duration(self.left_s):>7} left  {text}"
        if self._console.is_terminal:
            full = round(share * _BAR)
            line = "━" * full + "╌" * (_BAR - full) + line
            width = self._console.width - 1
            self._console.file.write("\r\x1b[2K" + line[:width])
            self._console.file.flush()
        else:
            self._console.print(line, highlight=False, markup=False)

    def close(self) -> None:
        """End the line."""
        if not self._quiet and self._console.is_terminal:
            self._console.file.write("\r\x1b[2K")
            self._console.file.flush()


def duration(seconds: float) -> str:
    """Write seconds as people do: 45 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
