"""The smallest effect that can be found in so many minutes on this machine. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.stats.rounds import smallest_effect

MINUTES = (1, 8, 40)


def effects_table(logs: Mapping[str, Sequence[float]], start_s: float) -> list[dict[str, Any]]:
    """Rows of what is compared and, by minutes, the smallest relative effect found nine times in
    ten at 95 %; None where there is no time for two starts. `start_s`: seconds of a start.
    """
    rows = []
    for what, values in logs.items():
        if start_s <= 0 or len(values) < 2:
            continue
        starts = {minutes: int(minutes * 60 / start_s) for minutes in MINUTES}
        rows.append(
            {
                "what": what,
                "smallest": [
                    smallest_effect(values, starts=count) if count > 1 else None
                    for count in starts.values()
                ],
                "starts": list(starts.values()),
            }
        )
    return rows
