"""What services of the user's own are asked: a locustfile, the shop's operations, or the URL.

Neighbours: `external_services` knows the services, `own_services` begins.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import bench.load
from bench.child_python import child_python
from bench.engine.client_time import client_time_ms
from bench.engine.run_context import RunContext
from bench.errors import ShopbenchError
from bench.experiments.own_pair.asked import PairOptions
from bench.experiments.own_pair.services import ExternalService, open_process, pinned_to
from bench.load.generator import Target
from bench.load.tokens import request_tokens

EXPERIMENT = "own_services"
UNCONTROLLED = (
    "The servers were started, and pinned or not, by the user: uncontrolled. "
    "Their CPU, background work and database are known only as far as this report shows them"
)
GET_URL = Path(bench.load.__file__).with_name("get_url.py")
CHECK_LIMIT_S = 60.0


@dataclass(frozen=True)
class OwnLoad:
    """What the services get: a locustfile, or the shop's own operations if there is none."""

    services: tuple[ExternalService, ...]
    locustfile: Path | None
    digest: str

    @property
    def mix(self) -> str:
        """What the load is called in the results."""
        if self.locustfile is None:
            return "shop"
        return re.sub(r"[^A-Za-z0-9_-]", "_", self.locustfile.stem) or "own"


def check_locustfile(path: Path, arguments: tuple[str, ...] = ()) -> list[str]:
    """Load the file in a process of its own; what of it is not used, a line each.

    Raises ShopbenchError (usage) with file and line.
    """
    command = child_python("-m", "bench.load.userfile", str(path), *arguments)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=CHECK_LIMIT_S, check=False
        )
        said = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError) as exc:
        raise ShopbenchError(f"{path.name}: cannot be loaded", 2) from exc
    if "error" in said:
        raise ShopbenchError(str(said["error"]), 2)
    remarks: list[str] = said["remarks"]
    return remarks


def own_load(ctx: RunContext, pair: PairOptions) -> OwnLoad:
    """What the services will be asked: the user's file, the shop's operations, or the URL itself.

    The shop's, if mixes were named or the baseline lets a seeded customer in.
    """
    file = Path(pair.locustfile) if pair.locustfile else None
    tokens: dict[str, list[str]] = {}
    if file is None:
        tokens = _shop_tokens(ctx, pair)
        file = None if tokens else GET_URL
    pids, headers = dict(pair.pids), dict(pair.host_headers)
    services = tuple(
        ExternalService(
            name,
            Target(
                url,
                tokens.get(name, []),
                locustfile=str(file or ""),
                arguments=pair.arguments,
                host_header=headers.get(name, ""),
            ),
            open_process(pids.get(name)),
        )
        for name, url in pair.urls
    )
    return OwnLoad(services, file, hashlib.sha256(file.read_bytes()).hexdigest() if file else "")


def describe(ctx: RunContext, pair: PairOptions, load: OwnLoad) -> None:
    """Leave in the journal what the report has to say about the services and their load."""
    file = load.locustfile
    ctx.writer.add_settings(
        deployments=[name for name, _ in pair.urls],
        mixes=[load.mix],
        deployments_stay_up=not pair.restarts,
        own_pair={
            "urls": dict(pair.urls),
            "locustfile": file.name if file else None,
            "locustfile_sha256": load.digest or None,
            "arguments": list(pair.arguments),
            "users": pair.users,
            "load": pair.load,
            "restarts": dict(pair.restarts),
            "host_headers": dict(pair.host_headers),
            "pids": dict(pair.pids),
            "pinned_to_cpus": pinned_to(pair),
        },
    )
    ctx.writer.mark_uncontrolled(UNCONTROLLED)
    for remark in check_locustfile(file, pair.arguments) if file else []:
        ctx.progress.tell(f"{file.name if file else ''}: {remark}")
        ctx.writer.note(remark)
    unmetered = [name for name, _ in pair.urls if name not in dict(pair.pids)]
    if unmetered:
        ctx.writer.note(f"no --pid for {', '.join(unmetered)}: CPU is not measured")


def own_client_ms(ctx: RunContext) -> float:
    """The client's own time of a request, measured once a run: it is in the times of both sides."""
    known = ctx.setting("own_client_ms")
    if known is None:
        ctx.progress.say("the client's own time")
        known = client_time_ms(ctx.load, tuple(ctx.setting("cpus")))
        ctx.writer.add_settings(own_client_ms=known)
    return float(known)


def _shop_tokens(ctx: RunContext, pair: PairOptions) -> dict[str, list[str]]:
    """Signed-in customers of each service; none if they are no shops of ours."""
    shop = ctx.options.shop_seed
    try:
        return {name: request_tokens(shop, url) for name, url in pair.urls}
    except ShopbenchError:
        if ctx.options.mixes:
            raise
        return {}
