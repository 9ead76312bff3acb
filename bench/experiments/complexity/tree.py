"""The deployables as the tree has them: a child process of each arm says what it imports.

What is started and with which settings comes from the driver's own plans, so nothing here lists a
process, a setting or a file. Neighbour: `look_inside` is the child.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.child_python import child_python
from bench.deployments.base import UpOptions
from bench.deployments.local.guard import PROJECT_ROOT
from bench.deployments.local.home import StateHome
from bench.deployments.local.keys import prepare_keys
from bench.deployments.local.plan import Facts, ProcessPlan, process_plans
from bench.deployments.local.server_processes import inherited_settings
from bench.deployments.local.topology import Topology, parse_topology
from bench.errors import ShopbenchError
from bench.experiments.complexity.look_inside import AND
from bench.experiments.complexity.records import Deployable
from bench.experiments.complexity.source_lines import lines_of

_SECONDS = 60.0
_NO_DATABASE = "postgresql://nobody:nothing@127.0.0.1:9/nothing"
_PYTHONS_OWN = "PYTHON"


@dataclass(frozen=True)
class ArmTree:
    """An arm's deployables, and the parts (apps, modules) that its process is made of."""

    deployables: tuple[Deployable, ...]
    parts: tuple[str, ...]


def arm_tree(name: str, cpus: Sequence[int] = ()) -> ArmTree:
    """Look inside every process of a deployment. Raises ShopbenchError."""
    topology = parse_topology(name)
    with _plans(topology, cpus) as plans, ThreadPoolExecutor(2) as pool:
        found = list(pool.map(_looked_inside, plans))
    made = [
        _deployable(topology, plan, seen, edge=plan is plans[0])
        for plan, seen in zip(plans, found, strict=True)
    ]
    return ArmTree(tuple(made), tuple(part for seen in found for part in seen["parts"]))


@contextmanager
def _plans(topology: Topology, cpus: Sequence[int]) -> Iterator[tuple[ProcessPlan, ...]]:
    """The plans of processes that are not started: their databases and peers are nowhere."""
    with TemporaryDirectory(prefix="shopbench-") as folder:
        keys = prepare_keys(StateHome.from_environment(), Path(folder), topology.processes)
        ports = dict.fromkeys((*topology.processes, *topology.servers), 9)
        owners = [owner for each in topology.servers.values() for owner in each]
        facts = Facts(ports, dict.fromkeys(owners, _NO_DATABASE), keys)
        yield process_plans(topology, facts, UpOptions(cpus=tuple(cpus)))


def _looked_inside(plan: ProcessPlan) -> dict[str, Any]:
    commands = [_module_of(plan.serve)]
    commands += [_module_of(plan.load_seed)] if plan.load_seed else []
    arguments = [part for command in commands for part in (AND, *command)][1:]
    child = child_python("-m", "bench.experiments.complexity.look_inside", plan.name, *arguments)
    done = subprocess.run(
        child,
        cwd=PROJECT_ROOT,
        env={**inherited_settings(), **plan.environment},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ShopbenchError(f"cannot look inside {plan.name}: {last}", 1)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _module_of(command: Sequence[str]) -> Sequence[str]:
    """The module that a Python command starts, and its arguments."""
    return command[command.index("-m") + 1 :]


def _deployable(
    topology: Topology, plan: ProcessPlan, seen: dict[str, Any], *, edge: bool
) -> Deployable:
    files = [PROJECT_ROOT / name for name in seen["files"]]
    migrations = [file for file in files if _is_migration(file)]
    relative = partial(_relative, PROJECT_ROOT)
    return Deployable(
        deployment=topology.name,
        name=plan.name,
        lines={relative(file): lines_of(file) for file in files},
        routes=tuple(seen["routes"]),
        settings=tuple(
            sorted(each for each in plan.environment if not each.startswith(_PYTHONS_OWN))
        ),
        migrations=tuple(map(relative, migrations)),
        fault_points=tuple(seen["fault_points"]),
        edge=edge,
    )


def _is_migration(file: Path) -> bool:
    return file.suffix == ".sql" or (file.parent.name == "migrations" and file.stem[0].isdigit())


def _relative(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
