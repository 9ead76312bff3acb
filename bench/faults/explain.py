"""`python -m bench.faults.explain`: what each fault of the catalogue is in each deployment."""

from __future__ import annotations

from bench.deployments.local.topology import NAMES, parse_topology
from bench.faults.catalogue import DeploymentFacts, NotApplicable, catalogue, plan
from bench.faults.model import held_components


def facts_of_topology(name: str) -> DeploymentFacts:
    """The facts of a deployment that is not up, as if it had fault points and all hops."""
    topology = parse_topology(name)
    return DeploymentFacts(
        topology.name,
        {process: held_components(process) for process in topology.processes},
        {server: held_components(server.removeprefix("db:")) for server in topology.servers},
        frozenset((*topology.processes[1:], *topology.servers)),
        fault_points=True,
    )


def explain() -> list[str]:
    """A line for each fault and deployment."""
    lines = []
    for fault in catalogue():
        lines.append(fault.name)
        for name in NAMES:
            found = plan(fault, facts_of_topology(name))
            text = f"- ({found.reason})" if isinstance(found, NotApplicable) else found.does
            lines.append(f"  {name:<14} {text}")
    return lines


if __name__ == "__main__":
    print("\n".join(explain()))
