"""What a deployment consists of once it is up, and in how many ways it can be broken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

import psutil

from bench.deployments.base import COMPONENTS, Deployment
from bench.experiments.complexity.records import Running
from bench.faults.catalogue import EDGE, DeploymentFacts, Fault, NotApplicable, facts_from, plan
from bench.faults.parameters import DEFAULTS


def running_parts(deployment: Deployment) -> Running:
    """Count what a deployment consists of now; the bench's own proxy is no part of it."""
    listed = [each for each in deployment.components() if not each.name.startswith("bench:")]
    processes = [each for each in listed if each.kind == "process"]
    servers = [each for each in listed if each.kind == "database"]
    dsns = [urlsplit(deployment.database_dsn(component)) for component in COMPONENTS]
    # every connection goes through the proxy, and every fault point is compiled in
    hops = [each.name for each in (*processes[1:], *servers)]
    facts = facts_from(deployment.name, listed, hops, fault_points=True, reach=deployment.reach)
    return Running(
        deployment=deployment.name,
        processes=tuple(each.name for each in processes),
        servers=tuple(each.name for each in servers),
        databases=len({(dsn.port, dsn.path) for dsn in dsns}),
        roles=len({(dsn.port, dsn.username) for dsn in dsns}),
        ports=len({each.port for each in listed}),
        os_processes=sum(
            1 + len(psutil.Process(each.pid).children(recursive=True)) for each in processes
        ),
        faults=tuple(different_faults(facts)),
    )


def different_faults(facts: DeploymentFacts) -> list[str]:
    """What the fault catalogue can do to a deployment, each different thing once.

    Every kind at every component and at the edge; where parts share a process or a server the same
    thing is done to it, whatever it is called.
    """
    found: dict[str, str] = {}
    for kind in DEFAULTS:
        for component in ("",) if kind == "overload" else (*COMPONENTS, EDGE):
            injection = plan(Fault(kind, component), facts)
            if not isinstance(injection, NotApplicable):
                found.setdefault(_does(kind, injection.steps), injection.does)
    return list(found.values())


def _does(kind: str, steps: tuple[object, ...]) -> str:
    """Two injections are the same if their steps are; load from outside has none."""
    return json.dumps([_plain(step) for step in steps], sort_keys=True) if steps else kind


def _plain(step: object) -> list[object]:
    values: Mapping[str, object] = vars(step)
    return [dict(each) if isinstance(each, Mapping) else each for each in values.values()]
