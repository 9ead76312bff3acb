"""Each unit built from its own files in an empty folder, started there and asked, all others away.

Nothing of the others is on disk for it: it sees its folder and the installed packages of others,
not the tree and not an editable install of it (`-S` leaves out what site-packages points to). It
has databases of its own, migrated by its own command. Its peers' addresses lead nowhere, but for
the public keys of users' tokens, which a stand-in publishes.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sysconfig
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench.child_python import child_python
from bench.contract.seed import SeedSpec, write_seed
from bench.deployments.base import UpOptions
from bench.deployments.local.guard import PROJECT_ROOT
from bench.deployments.local.home import StateHome, make_folder
from bench.deployments.local.keys import prepare_keys, signing_key
from bench.deployments.local.ledger import Ledger
from bench.deployments.local.loading import SeedLoader
from bench.deployments.local.plan import Facts, ProcessPlan, process_plans
from bench.deployments.local.ports import claim_ports, release_ports
from bench.deployments.local.postgres import PostgresServer, ServerBudget, temporary_server
from bench.deployments.local.processes import ProcessId
from bench.deployments.local.server_processes import ServingProcess, inherited_settings
from bench.deployments.local.topology import parse_topology
from bench.errors import ShopbenchError
from bench.experiments.complexity.contract_alone import broken_promises
from bench.experiments.complexity.key_stand_in import published_keys
from bench.experiments.complexity.records import AloneTry
from bench.experiments.complexity.shipped import build
from bench.experiments.complexity.units import Unit

SEED = SeedSpec(users=5, products=200, categories=4)  # the suite asks for pages of 100
AT_ONCE = 2
_ISSUER = "users"
_MISSING = re.compile(r"(?:ModuleNotFoundError|ImportError): [^\n|]+")
_FIND = "import sys; from importlib.util import find_spec; print(*filter(find_spec, sys.argv[1:]))"
_CONNECTIONS = 100


@dataclass(frozen=True)
class Ground:
    """Where units are tried: a server for their databases, a folder, the stand-in's port."""

    home: StateHome
    server: PostgresServer
    folder: Path
    seed: Path
    issuer_port: int

    @property
    def ledger(self) -> Ledger:
        """What the janitor ends, however this ends."""
        return Ledger(self.server.data.parent)


@contextmanager
def ground() -> Iterator[Ground]:
    """Start what the tries need; gone afterwards with all that was built on it."""
    home = StateHome.from_environment()
    budget = ServerBudget(shared_buffers_mb=64, max_connections=_CONNECTIONS)
    with temporary_server(budget) as server, published_keys(signing_key(home)) as port:
        folder = server.data.parent / "alone"
        make_folder(folder)
        yield Ground(home, server, folder, write_seed(SEED, folder / "seed"), port)


def try_all(base: Ground, units: Sequence[Unit], repetition: int) -> list[AloneTry]:
    """Try every unit, a few at a time; what fails is tried again at once, and both are kept."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [each for tries in pool.map(partial(_tried, base, repetition), units)
                for each in tries]  # fmt: skip


def _tried(base: Ground, repetition: int, unit: Unit) -> list[AloneTry]:
    first = try_alone(base, unit, repetition)
    if first.stands == "yes" or unit.kind == "part":
        return [first]
    return [first, try_alone(base, unit, repetition)]


def try_alone(base: Ground, unit: Unit, repetition: int = 0, root: Path = PROJECT_ROOT) -> AloneTry:
    """Build, start and ask one unit; `root`: the tree that it is built from."""
    folder = base.folder / f"{unit.name}-{secrets.token_hex(3)}"
    make_folder(folder)
    result = AloneTry(unit.deployment, unit.name, unit.kind, repetition, "not tried", "", 0, "")
    try:
        build(root, unit.copies, folder)
    except ShopbenchError as error:
        return replace(result, detail=error.message)
    if found := _others_in_reach(unit, folder, root):
        return replace(result, detail=f"not alone: {found} can be imported")
    return _started(base, unit, folder, replace(result, reached="built"))


def _started(base: Ground, unit: Unit, folder: Path, result: AloneTry) -> AloneTry:
    """Migrate, start, ask; what does not start says which module it missed."""
    claimed = claim_ports(base.home, 2, ProcessId.of(os.getpid()))
    try:
        plan = _plan(base, unit, folder, claimed)
        process = ServingProcess(plan, folder / "serve.log", base.ledger)
        try:
            if plan.load_seed:
                SeedLoader(base.ledger, folder).migrate_and_load((plan,), base.seed)
            process.spawn()
            process.wait_ready()
            whole = unit.name == unit.deployment
            made, broken = broken_promises(
                unit.name, plan.url, signing_key(base.home), unit.routes, whole=whole
            )
        finally:
            process.kill()
    except ShopbenchError as error:
        return replace(result, stands="no", detail=_reason(error.message, folder))
    finally:
        release_ports(base.home, claimed)
    if broken:
        return replace(result, stands="no", reached="started", checks=made, detail=broken[0])
    return replace(result, stands="yes", reached="asked", checks=made)


def _plan(base: Ground, unit: Unit, folder: Path, ports: Sequence[int]) -> ProcessPlan:
    """The driver's own plan of the process, seeing its folder only and none of its peers."""
    topology = parse_topology(unit.deployment)
    own, nobody = ports
    places = {**dict.fromkeys(topology.processes, nobody), unit.process: own}
    if unit.process != _ISSUER and _ISSUER in places:
        places[_ISSUER] = base.issuer_port
    database = re.sub(r"\W", "_", folder.name)
    owners = [owner for each in topology.servers.values() for owner in each]
    made = base.server.create_database(database) if unit.owners else ""
    facts = Facts(
        places,
        {owner: made for owner in owners},
        prepare_keys(base.home, folder / "keys", topology.processes),
        inherited=_environment(folder),
    )
    plans = process_plans(topology, facts, UpOptions())
    plan = next(each for each in plans if each.name == unit.process)
    return replace(plan, serve=_alone(plan.serve), load_seed=_alone(plan.load_seed))


def _alone(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command without what site-packages points to: an editable install is the whole tree."""
    return (command[0], "-S", *command[1:]) if command else ()


def _environment(folder: Path) -> dict[str, str]:
    installed = dict.fromkeys(sysconfig.get_path(each) for each in ("purelib", "platlib"))
    return {**inherited_settings(), "PYTHONPATH": os.pathsep.join((str(folder), *installed))}


def _others_in_reach(unit: Unit, folder: Path, root: Path) -> str:
    """Modules of its arm that were not copied, and that it could import all the same."""
    arm = folder / unit.deployment
    there = {path.stem for path in (root / unit.deployment).iterdir() if _is_module(path)}
    others = sorted(there - {path.stem for path in arm.iterdir()})
    command = _alone(child_python("-c", _FIND, *(f"{unit.deployment}.{each}" for each in others)))
    done = subprocess.run(
        command, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip()[-200:]


def _is_module(path: Path) -> bool:
    return path.suffix == ".py" or (path / "__init__.py").is_file()


def _reason(message: str, folder: Path) -> str:
    """Which module was missing; else what the process said, without paths of this machine."""
    logs = " ".join(path.read_text("utf-8", "replace") for path in folder.glob("*.log"))
    if missing := _MISSING.findall(logs):
        return str(missing[-1]).strip()
    return message.partition(" (log:")[0].replace(str(folder), "")[-300:]
