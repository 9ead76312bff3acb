"""One unit that runs alone, held to its part of the contract.

Its own operations are asked with valid requests; every answer must be what openapi.yaml says of it
(status, schema, headers). Where a peer is needed, the contract says what is answered without it.
Then come all cases of the contract suite that need this component and no other; a whole shop, of
which nothing is left out, has its suite in `shopbench verify`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from bench.contract.conformance import Case, run_case, select_cases
from bench.contract.conformance.attempts import attempt, valid_payload
from bench.contract.conformance.client import MISSING
from bench.contract.conformance.expect import equal, expect, expect_problem, require
from bench.contract.conformance.operations import Operation, all_operations
from bench.contract.conformance.world import World
from bench.deployments.base import COMPONENTS

_INTERNAL = "/internal/"
_ORDER, _OVERVIEW, _KEYS = "create_order", "get_overview", "get_jwks"

Check = tuple[str, Callable[[], object]]


def broken_promises(
    unit: str, base_url: str, signing_key: Path, routes: Sequence[str], *, whole: bool
) -> tuple[int, list[str]]:
    """(how many checks were made, what was not as the contract says).

    `routes`: what the unit's router holds. `whole`: nothing is missing, so nothing may be refused.
    """
    hosted = None if whole else frozenset({unit} & set(COMPONENTS))
    world = World(base_url, signing_key=signing_key, hosted=hosted)
    made, broken = 0, []
    try:
        for name, check in _checks(world, unit, routes, whole=whole):
            made += 1
            try:
                check()
            except Exception as error:  # noqa: BLE001 - the border: what breaks, is broken
                world.client.close()
                broken.append(f"{name}: {str(error)[:200]}")
    finally:
        world.client.close()
    return made, broken


def _checks(world: World, unit: str, routes: Sequence[str], *, whole: bool) -> Iterator[Check]:
    for path in ("/live", "/ready"):
        yield f"GET {path}", partial(_healthy, world, path)
    for each in all_operations():
        if not _published(each, routes):
            continue
        alone = None if whole else _answer_alone(unit, each)
        yield each.id, partial(alone or _served, world, each)
    for case in select_cases(components=world.hosted or ()):
        yield case.id, partial(_passes, world, case)
    for route in routes:
        method, _, path = route.partition(" ")
        if path.startswith(_INTERNAL):
            yield route, partial(_needs_a_service, world, method, path)


def _published(each: Operation, routes: Sequence[str]) -> bool:
    shape = f"{each.method} {_shape(each.template)}"
    return each.component != "ops" and shape in {_shape(route) for route in routes}


def _shape(path: str) -> str:
    """A path without the names of its parameters."""
    return "/".join("{}" if part.startswith(("{", "<")) else part for part in path.split("/"))


def _answer_alone(unit: str, each: Operation) -> Callable[[World, Operation], object] | None:
    """What is special while every peer is away; None: served as always."""
    if each.id == _ORDER:
        return _accepted_as_pending if unit in COMPONENTS else _out_of_reach
    if unit in COMPONENTS or each.id == _KEYS:  # the keys are what a stand-in publishes
        return None
    return _degraded if each.id == _OVERVIEW else _out_of_reach


def _passes(world: World, case: Case) -> None:
    result = run_case(case, world)
    require(result.outcome == "passed", f"{result.outcome}: {result.detail}")


def _healthy(world: World, path: str) -> None:
    expect(world.call("GET", path, prefix=""), 200)


def _served(world: World, each: Operation) -> None:
    answer = attempt(world, each)
    require(answer.status < 500, f"a refusal: {answer}")


def _accepted_as_pending(world: World, each: Operation) -> None:
    """Nobody reserves or charges: the order waits."""
    person = world.new_person()
    payload = valid_payload(world, each)
    given = {"token": person.token, "key": world.new_key()}
    answer = expect(world.call("POST", "/orders", payload=payload, **given), 202)
    equal(answer["status"], "pending", "the order's status")
    read = world.call("GET", f"/orders/{answer['id']}", token=person.token)
    equal(expect(read, 200)["status"], "pending", "the status when read")


def _out_of_reach(world: World, each: Operation) -> None:
    expect_problem(attempt(world, each), "dependency_unavailable")


def _degraded(world: World, each: Operation) -> None:
    """The edge composes what it has: nothing, and it says so."""
    answer = expect(attempt(world, each), 200).json()
    missing = answer.pop("degraded")
    require(missing, "`degraded` names nobody")
    equal(answer, dict.fromkeys(answer), "the parts")


def _needs_a_service(world: World, method: str, path: str) -> None:
    """An operation between services is there, and for services only."""
    payload: object = {} if method == "POST" else MISSING
    answer = world.call(method, path, payload=payload, prefix="", checked=False)
    expect_problem(answer, "unauthenticated")
