"""What to run for a topology: every process with its commands and settings. Pure, no I/O.

The names of the settings are those the arms document; a process is given only what it reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.child_python import child_python
from bench.deployments.base import COMPONENTS, UpOptions
from bench.deployments.local.keys import KeyFiles
from bench.deployments.local.ports import LOOPBACK
from bench.deployments.local.topology import GATEWAY, MONOLITH, Block, Topology

TOTAL_POOL = 16  # connections over all components of a deployment; the server budget is 80
_COMPONENT_POOL = TOTAL_POOL // len(COMPONENTS)


def gunicorn_workers(cpus: Sequence[int]) -> int:
    """What gunicorn's documentation advises: (2 x cores) + 1. They share the pool."""
    return 2 * max(1, len(cpus)) + 1


@dataclass(frozen=True)
class ProcessPlan:
    """One serving process. `load_seed` is empty where there is no database."""

    name: str
    port: int
    components: Block
    serve: tuple[str, ...]
    load_seed: tuple[str, ...]
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"


@dataclass(frozen=True)
class Facts:
    """What is known when a deployment starts: ports by process, DSNs by owner, key files.

    `hops`: the proxy's port for each process that others call through it. `spares`: a second port
    for each process that others call, where a new release is started beside the old one.
    """

    ports: Mapping[str, int]
    dsns: Mapping[str, str]
    keys: KeyFiles
    faults_dir: str | None = None
    inherited: Mapping[str, str] = field(default_factory=dict)
    hops: Mapping[str, int] = field(default_factory=dict)
    spares: Mapping[str, int] = field(default_factory=dict)

    def endpoints(self, process: str) -> str:
        """Where others call a process: the proxy, which knows its way, or both of its ports."""
        ports = [self.hops.get(process, self.ports[process])]
        if process not in self.hops and process in self.spares:
            ports.append(self.spares[process])
        return ",".join(f"http://{LOOPBACK}:{port}" for port in ports)


def process_plans(topology: Topology, facts: Facts, options: UpOptions) -> tuple[ProcessPlan, ...]:
    """Plan every process of a topology, the one with the public port first."""
    if topology.arm == "monolith":
        return (_monolith(facts, options),)
    plans = [_block(topology, block, facts, options) for block in topology.blocks]
    return (_gateway(topology, facts, options), *plans) if topology.has_gateway else tuple(plans)


def _common(name: str, facts: Facts, options: UpOptions) -> dict[str, str]:
    settings = {
        **facts.inherited,
        "PYTHONUNBUFFERED": "1",
        "SHOP_BIND": f"{LOOPBACK}:{facts.ports[name]}",
        "RESILIENCE": "on" if options.resilience else "off",
    }
    if facts.faults_dir is not None:
        settings |= {"SHOP_FAULTS": "1", "SHOP_FAULTS_DIR": facts.faults_dir}
    return settings


def _monolith(facts: Facts, options: UpOptions) -> ProcessPlan:
    return ProcessPlan(
        MONOLITH,
        facts.ports[MONOLITH],
        COMPONENTS,
        serve=(
            *child_python("-m", "gunicorn", "-c", "python:monolith.config.gunicorn"),
            "monolith.config.wsgi:application",
        ),
        load_seed=child_python("-m", "monolith.manage", "load_seed"),
        environment={
            **_common(MONOLITH, facts, options),
            "DATABASE_URL": facts.dsns[MONOLITH],
            "DATABASE_POOL_MAX": str(TOTAL_POOL),
            "GUNICORN_WORKERS": str(gunicorn_workers(options.cpus)),
            "SIGNING_KEY_FILE": str(facts.keys.signing),
            **options.environment,
        },
    )


def _gateway(topology: Topology, facts: Facts, options: UpOptions) -> ProcessPlan:
    return ProcessPlan(
        GATEWAY,
        facts.ports[GATEWAY],
        (),
        serve=child_python("-m", "microservices.gateway"),
        load_seed=(),
        environment={
            **_common(GATEWAY, facts, options),
            **_service_settings(topology, (), facts, GATEWAY),
            **options.environment,
        },
    )


def _block(topology: Topology, block: Block, facts: Facts, options: UpOptions) -> ProcessPlan:
    name = "+".join(block)
    settings = _common(name, facts, options) | _service_settings(topology, block, facts, name)
    settings["DATABASE_POOL_MAX"] = str(_COMPONENT_POOL)
    for component in block:
        settings[f"{component.upper()}_DATABASE_URL"] = facts.dsns[component]
    if "users" in block:
        settings["SIGNING_KEY_FILE"] = str(facts.keys.signing)
    return ProcessPlan(
        name,
        facts.ports[name],
        block,
        serve=_host_command("serve", block, edge=not topology.has_gateway),
        load_seed=_host_command("load-seed", block),
        environment={**settings, **options.environment},
    )


def _service_settings(
    topology: Topology, hosted: Block, facts: Facts, process: str
) -> dict[str, str]:
    settings = {
        "SERVICE_KEY_FILE": str(facts.keys.service[process]),
        "SERVICE_JWKS_FILE": str(facts.keys.jwks),
    }
    for block in topology.blocks:
        for component in block:
            if component not in hosted:
                settings[f"{component.upper()}_URL"] = facts.endpoints("+".join(block))
    return settings


def _host_command(verb: str, block: Block, *, edge: bool = False) -> tuple[str, ...]:
    """Start a lone component by its own module; several, or one with the edge, by the host.

    `load-seed` takes its directory last in both, so the caller appends it.
    """
    if len(block) == 1 and not edge:
        return child_python("-m", f"microservices.{block[0]}", verb)
    command = child_python("-m", "microservices.host", verb, "--components", ",".join(block))
    return (*command, "--edge") if edge else command
