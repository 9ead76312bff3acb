"""One function a kind of fault: what it is in a deployment. Raises NotApplicable with the reason.

Several kinds come out the same where a deployment has fewer parts: whatever hits one component of
the monolith's process hits the whole of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bench.deployments.base import Reach
from bench.faults.model import (
    EDGE,
    DeploymentFacts,
    Fault,
    Injection,
    NotApplicable,
    Step,
)

HELD = {"held": True}  # of a kill: nobody starts it again while the fault lasts
BROKEN_RELEASE = {"SHOP_BROKEN_RELEASE": "1"}
Twin = Callable[[Fault, DeploymentFacts], Injection]


def worker_of(process: str) -> str:
    """The name under which a driver finds one of a process's workers."""
    return f"{process}:worker"


def _crash(fault: Fault, facts: DeploymentFacts) -> Injection:
    host = facts.host(fault.component)
    does = f"kill -9 {_described(host, fault, facts)}, {_held_back(fault)}"
    return Injection(fault, does, (Step("kill", host, HELD),), host)


def _held_back(fault: Fault) -> str:
    return f"hold its supervisor back from starting it again for {fault.seconds:g} s"


def _crash_worker(fault: Fault, facts: DeploymentFacts) -> Injection:
    host = facts.host(fault.component)
    if not facts.has_workers:  # the process is its own only worker
        does = f"kill -9 {_described(host, fault, facts)}, which its supervisor starts again"
        return Injection(fault, does, (Step("kill", host),), host)
    _need("workers", facts)
    does = f"kill -9 one worker of {host}, which replaces it by itself"
    return Injection(fault, does, (Step("kill", worker_of(host)),), host)


def _hang(fault: Fault, facts: DeploymentFacts) -> Injection:
    host = facts.host(fault.component)
    does = f"SIGSTOP {_described(host, fault, facts)} for {fault.seconds:g} s"
    return Injection(fault, does, (Step("pause", host),), host)


def _hang_worker(fault: Fault, facts: DeploymentFacts) -> Injection:
    host = facts.host(fault.component)
    if not facts.has_workers:
        return _hang(fault, facts)
    _need("workers", facts)
    does = f"SIGSTOP one worker of {host} for {fault.seconds:g} s"
    return Injection(fault, does, (Step("pause", worker_of(host)),), host)


def _need(reach: Reach, facts: DeploymentFacts) -> None:
    if reach not in facts.reach:
        words = {"workers": "single worker processes", "releases": "another release of a part"}
        raise NotApplicable(f"the driver of this place does not reach {words[reach]}")


def _described(host: str, fault: Fault, facts: DeploymentFacts) -> str:
    """A process, and that it is more than the component where it is."""
    if host == facts.edge and fault.component != EDGE:
        return f"{host} (the whole server: {fault.component} is a part of it)"
    if host not in {fault.component, facts.edge}:
        return f"{host} (the process of {fault.component})"
    return host


def _armed(fault: Fault, facts: DeploymentFacts, does: str, spec: Mapping[str, Any]) -> Injection:
    """An armed fault point at the entry of each of a component's operations."""
    if fault.component == EDGE:
        raise NotApplicable("fault points are at the components' operations; the edge has none")
    if not facts.fault_points:
        raise NotApplicable(f"{facts.name} was started without fault points")
    host = facts.host(fault.component)
    point = f"{fault.component}.operation"
    step = Step("arm", point, {"once": False, **spec})
    place = fault.component if host == fault.component else f"{fault.component}, a part of {host}"
    return Injection(fault, f"{does} in {place}", (step,), host)


def _slow(fault: Fault, facts: DeploymentFacts) -> Injection:
    seconds, probability = fault.value("delay_s"), fault.value("probability")
    spec = {"action": "delay", "seconds": seconds, "probability": probability}
    share = "every operation" if probability == 1 else f"{probability:.0%} of operations"
    return _armed(fault, facts, f"{share} {seconds:g} s later", spec)


def _errors(fault: Fault, facts: DeploymentFacts) -> Injection:
    probability = fault.value("probability")
    spec = {"action": "error", "probability": probability}
    return _armed(fault, facts, f"{probability:.0%} of operations fail", spec)


def _poison(fault: Fault, facts: DeploymentFacts) -> Injection:
    spec = {"action": "die", "marked": True}
    does = f"a request marked X-Poison: {fault.component} kills the process that handles it"
    does += ", which is started again at once"
    return _armed(fault, facts, does, spec)


def _cpu_hog(fault: Fault, facts: DeploymentFacts) -> Injection:
    share = fault.value("share")
    return _armed(fault, facts, f"burns {share:.0%} of a core", {"action": "burn", "share": share})


def _memory_leak(fault: Fault, facts: DeploymentFacts) -> Injection:
    rate, cap = fault.value("mib_per_s"), fault.value("cap_mib")
    spec = {"action": "leak", "mib_per_s": rate, "cap_mib": cap}
    return _armed(fault, facts, f"leaks {rate:g} MiB/s, at most {cap:g} MiB", spec)


def _server(fault: Fault, facts: DeploymentFacts) -> str:
    if fault.component == EDGE:
        raise NotApplicable("the edge has no database of its own")
    server = facts.database(fault.component)
    if server is None:
        raise NotApplicable("the databases are on your own PostgreSQL, which is left alone")
    return server


def _shared(server: str, fault: Fault, facts: DeploymentFacts) -> str:
    only = len(facts.databases) == 1
    return f"{server} (the only one, {fault.component} shares it)" if only else server


def _database_down(fault: Fault, facts: DeploymentFacts) -> Injection:
    server = _server(fault, facts)
    does = f"kill -9 PostgreSQL {_shared(server, fault, facts)}, {_held_back(fault)}"
    return Injection(fault, does, (Step("kill", server, HELD),), server)


def _database_hop(
    fault: Fault, facts: DeploymentFacts, what: str, settings: Mapping[str, Any]
) -> Injection:
    server = _server(fault, facts)
    if server not in facts.hops:
        raise NotApplicable(f"connections to {server} do not go through the proxy (hops=all)")
    does = f"{what} between the shop and {_shared(server, fault, facts)}"
    return Injection(fault, does, (Step("hop", server, settings),), server)


def _database_slow(fault: Fault, facts: DeploymentFacts) -> Injection:
    return _database_hop(fault, facts, _wire(fault), _wire_settings(fault))


def _database_blackhole(fault: Fault, facts: DeploymentFacts) -> Injection:
    return _database_hop(fault, facts, "nothing comes through", {"mode": "hold"})


def _service_hop(
    fault: Fault, facts: DeploymentFacts, what: str, settings: Mapping[str, Any]
) -> Injection:
    if len(facts.processes) == 1:
        raise NotApplicable("no network between components: they call each other in one process")
    if fault.component == EDGE:
        raise NotApplicable("clients reach the edge directly: the fault would be the client's")
    host = facts.host(fault.component)
    if host not in facts.hops:
        raise NotApplicable(f"calls to {host} do not go through the proxy (hops=services or all)")
    does = f"{what} on the way to {host}"
    return Injection(fault, does, (Step("hop", host, settings),), host)


def _hop_latency(fault: Fault, facts: DeploymentFacts) -> Injection:
    return _service_hop(fault, facts, _wire(fault), _wire_settings(fault))


def _hop_loss(fault: Fault, facts: DeploymentFacts) -> Injection:
    loss, rto_ms = fault.value("loss"), fault.value("rto_ms")
    what = f"{loss:.0%} of chunks lost (emulated retransmission after {rto_ms:g} ms)"
    return _service_hop(fault, facts, what, {"loss": loss, "rto_ms": rto_ms})


def _hop_blackhole(fault: Fault, facts: DeploymentFacts) -> Injection:
    return _service_hop(fault, facts, "nothing comes through", {"mode": "hold"})


def _hop_reset(fault: Fault, facts: DeploymentFacts) -> Injection:
    return _service_hop(fault, facts, "every connection is reset", {"mode": "reset"})


def _wire_settings(fault: Fault) -> dict[str, float]:
    return {name: fault.value(name) for name in ("delay_ms", "jitter_ms", "bandwidth")}


def _wire(fault: Fault) -> str:
    parts = [f"{fault.value('delay_ms'):g} ms an exchange"]
    if jitter := fault.value("jitter_ms"):
        parts.append(f"up to {jitter:g} ms jitter")
    if bandwidth := fault.value("bandwidth"):
        parts.append(f"{bandwidth:g} bytes/s")
    return ", ".join(parts) + " more" if len(parts) == 1 else ", ".join(parts)


def _bad_release(fault: Fault, facts: DeploymentFacts) -> Injection:
    _need("releases", facts)
    host = facts.host(fault.component)
    limit = {"environment": BROKEN_RELEASE, "ready_seconds": fault.seconds}
    does = f"roll out a version of {_described(host, fault, facts)} that never gets ready"
    return Injection(fault, does, (Step("release", host, limit),), host)


def _overload(fault: Fault, facts: DeploymentFacts) -> Injection:
    return Injection(fault, "more load than it can serve; nothing is injected", (), facts.edge)


TWINS: Mapping[str, Twin] = {
    "crash": _crash,
    "crash_worker": _crash_worker,
    "hang": _hang,
    "hang_worker": _hang_worker,
    "slow": _slow,
    "errors": _errors,
    "database_down": _database_down,
    "database_slow": _database_slow,
    "database_blackhole": _database_blackhole,
    "hop_latency": _hop_latency,
    "hop_loss": _hop_loss,
    "hop_blackhole": _hop_blackhole,
    "hop_reset": _hop_reset,
    "poison": _poison,
    "cpu_hog": _cpu_hog,
    "memory_leak": _memory_leak,
    "bad_release": _bad_release,
    "overload": _overload,
}
