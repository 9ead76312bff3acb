"""What a driver asks of the supervisor it starts: one file in the deployment's folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.contract.seed import SeedSpec
from bench.deployments.base import UpOptions
from bench.deployments.local.home import write_private

_FILE = "request.json"


@dataclass(frozen=True)
class StartRequest:
    """`port`: the public one, None for any free one. `current`: it is the deployment of `up`."""

    name: str
    port: int | None
    current: bool
    logs: Path
    options: UpOptions

    def write(self, folder: Path) -> None:
        document = {**asdict(self), "logs": str(self.logs)}
        write_private(folder / _FILE, json.dumps(document))


def read_request(folder: Path) -> StartRequest:
    """Read it back, in the supervisor."""
    document: dict[str, Any] = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    options = document["options"]
    options["seed"] = SeedSpec(**options["seed"])
    options["cpus"] = tuple(options["cpus"])
    return StartRequest(
        name=document["name"],
        port=document["port"],
        current=document["current"],
        logs=Path(document["logs"]),
        options=UpOptions(**options),
    )
