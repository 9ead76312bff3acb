"""Loads the table of what two HTTP servers may answer differently (server_answers.yaml)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

TABLE_PATH = Path(__file__).with_name("server_answers.yaml")
CLOSED = 0  # instead of a status: the connection was closed without an answer


@dataclass(frozen=True)
class ServerAnswers:
    """The statuses that each arm's server may give to one oddity."""

    name: str
    monolith: tuple[int, ...]
    services: tuple[int, ...]
    why: str = ""

    def allowed(self, deployment: str) -> tuple[int, ...]:
        """Those of a deployment, by its name."""
        return self.monolith if deployment == "monolith" else self.services


@cache
def load_server_answers() -> Mapping[str, ServerAnswers]:
    """The table by name."""
    rows = yaml.safe_load(TABLE_PATH.read_text(encoding="utf-8"))["answers"]
    read = [
        ServerAnswers(
            row["name"], tuple(row["monolith"]), tuple(row["services"]), row.get("why", "")
        )
        for row in rows
    ]
    return {row.name: row for row in read}
