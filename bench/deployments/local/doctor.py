"""What this machine allows: can a deployment run here, and will its figures be controlled."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench import machine
from bench.deployments.base import CPU_CONTROL_WORDS
from bench.deployments.local.binaries import prepare_postgres
from bench.deployments.local.cgroups import DeploymentGroups
from bench.deployments.local.home import StateHome
from bench.deployments.local.ledger import remove_groups
from bench.deployments.local.logout import Removed, removed_at_logout
from bench.deployments.local.ports import (
    PORTS_VARIABLE,
    ephemeral_ports,
    is_free,
    owner_of,
    port_range,
)
from bench.errors import ShopbenchError

Outcome = Literal["ok", "limited", "missing"]
DEFAULT_PORT = 8000
_CANNOT_START = "embedded deployments cannot start"
_BUSY_LOAD = 0.5  # run queue above which another program will disturb a benchmark


@dataclass(frozen=True)
class Check:
    """One fact. `limited`: it runs, but what `consequence` says; `missing`: it does not run."""

    name: str
    value: str
    outcome: Outcome
    consequence: str = ""


def diagnose() -> list[Check]:
    """Look at everything that decides what a run may claim. Starts nothing that stays."""
    checks = [*_processor(), *_control(), _memory_accounting(), *_timer(), *_embedded()]
    removed = removed_at_logout(os.geteuid())
    return [*checks, _ports(), _public_port(), _logout(removed), _containers(), _load()]


def is_controlled(checks: list[Check]) -> bool:
    """Tell whether a run on this machine holds every deployment to its CPU budget."""
    return all(c.outcome == "ok" for c in checks if c.name in {"cpu budget", "cores"})


def _processor() -> Iterator[Check]:
    usable = machine.usable_cpus()
    text = f"{len(usable)} usable of {os.cpu_count()} ({machine.machine_facts()['cpu_model']})"
    if len(usable) < 2:
        yield Check("cores", text, "limited", "load generator and shop share a core: uncontrolled")
    else:
        yield Check("cores", text, "ok")


def _control() -> Iterator[Check]:
    groups = DeploymentGroups(f"doctor-{secrets.token_hex(3)}", (machine.usable_cpus()[0],))
    control, counted = groups.control, bool(groups.roots)
    remove_groups(groups.roots)
    found = CPU_CONTROL_WORDS[control]
    if control == "uncontrolled":
        yield Check("cpu budget", found, "limited", "results are stamped uncontrolled")
    else:
        yield Check("cpu budget", found, "ok", "`run` always sets one, `up` where --cpus are given")
    if counted:
        yield Check("cpu accounting", "one control group a component", "ok")
    else:
        yield Check(
            *("cpu accounting", "process times", "limited"),
            "CPU of processes that ended between two readings is missed",
        )


def _memory_accounting() -> Check:
    if Path("/proc/self/smaps_rollup").exists():
        return Check("memory accounting", "PSS (smaps_rollup)", "ok")
    return Check("memory accounting", "RSS", "limited", "shared pages are counted more than once")


def _timer() -> Iterator[Check]:
    late_ms = machine.sleep_error_ms()
    kind = "timerfd" if machine.has_timerfd() else "sleep"
    text = f"{kind}; a sleep of 1 ms is {late_ms:.2f} ms late"
    if late_ms < 0.5:
        yield Check("timer", text, "ok")
    else:
        yield Check("timer", text, "limited", "send lag will flag trials")


def _embedded() -> Iterator[Check]:
    wanted: list[tuple[str, Callable[[StateHome], str]]] = [
        ("state home", lambda home: str(home.root)),
        ("postgresql", _postgres),
    ]
    for name, look in wanted:
        try:
            yield Check(name, look(StateHome.from_environment()), "ok")
        except (ShopbenchError, subprocess.SubprocessError, OSError) as error:
            yield Check(name, str(error), "missing", _CANNOT_START)


def _postgres(home: StateHome) -> str:
    install = prepare_postgres(home)
    text = f"{install.version} from the wheel, run by user '{install.account.name}'"
    for name in install.made_again:
        text += f"; {name} was damaged and has been made again"
    return text


def _ports() -> Check:
    try:
        ours = port_range()
    except ShopbenchError as error:
        return Check("ports", error.message, "missing", _CANNOT_START)
    kernels = ephemeral_ports()
    if not set(kernels) & {DEFAULT_PORT, *ours}:
        return Check("ports", _span(ours), "ok")
    return Check(
        "ports",
        f"{_span(ours)} and {DEFAULT_PORT}; the kernel gives {_span(kernels)} to connections",
        "limited",
        f"a start may find a port taken: set {PORTS_VARIABLE} and --port to others",
    )


def _span(ports: range) -> str:
    return f"{ports.start}-{ports.stop - 1}"


def _logout(removed: list[Removed]) -> Check:
    if "processes" in removed:
        return Check(
            *("logout", "systemd ends this user's processes (KillUserProcesses)", "limited"),
            "what `up` started ends with the login session",
        )
    if removed:
        text = "systemd removes this user's shared memory (RemoveIPC); ours is not where it looks"
        return Check("logout", text, "ok")
    return Check("logout", "what is up stays", "ok")


def _public_port() -> Check:
    if is_free(DEFAULT_PORT):
        return Check("public port", f"{DEFAULT_PORT} is free", "ok")
    who = owner_of(DEFAULT_PORT)
    return Check("public port", f"{DEFAULT_PORT}: {who}", "limited", "`up` needs another --port")


def _containers() -> Check:
    from bench.deployments.compose.engine import require_engine

    try:
        engine = require_engine()
    except ShopbenchError as error:
        return Check("containers", error.message, "limited", "`--on compose` cannot be used")
    return Check("containers", f"Docker {engine.version}, Compose {engine.compose_version}", "ok")


def _load() -> Check:
    load = os.getloadavg()[0]
    if load < _BUSY_LOAD:
        return Check("load", f"{load:.2f} over the last minute", "ok")
    return Check("load", f"{load:.2f} over the last minute", "limited", "gates will flag trials")
