"""Operations between services: 401 without a service token, no route at the edge."""

import uuid
from collections.abc import Iterator

import pytest

from bench.contract.conformance import World
from bench.contract.conformance.client import Answer, Client
from bench.contract.conformance.tokens import good_claims, load_signing_key, sign
from bench.deployments.base import COMPONENTS
from bench.deployments.local.driver import LocalDeployment
from microservices.chassis.operations import Operation
from microservices.host import COMPONENTS as SPECS

BODY = b'{"order_id": "0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"}'


def internal_operations() -> Iterator[tuple[str, Operation]]:
    for component in COMPONENTS:
        for operation in SPECS[component].operations:
            if operation.auth == "service":
                yield component, operation


INTERNAL = tuple(internal_operations())


def send(url: str, operation: Operation, token: str | None) -> Answer:
    headers = [("Content-Type", "application/json")]
    if token is not None:
        headers.append(("Authorization", f"Bearer {token}"))
    client = Client(url)
    try:
        return client.send(operation.method, operation.path, headers, BODY)
    finally:
        client.close()


def bad_tokens(world: World) -> list[str | None]:
    """None, a customer's, staff's, and one that the users' key signed for a service's audience."""
    assert world.signing_key_path is not None
    key = load_signing_key(world.signing_key_path)
    forged = [
        sign({**good_claims(str(uuid.uuid4()), True), "aud": audience}, key)
        for audience in ("inventory", "payments")
    ]
    return [None, "x.y.z", world.person().token, world.staff().token, *forged]


def test_there_are_internal_operations_to_guard() -> None:
    assert {component for component, _ in INTERNAL} == {"inventory", "payments"}


@pytest.mark.parametrize("deployment", ["microservices"], indirect=True)
@pytest.mark.parametrize(("component", "operation"), INTERNAL, ids=lambda item: str(item)[:60])
def test_without_a_service_token_it_is_401(
    deployment: LocalDeployment, world: World, component: str, operation: Operation
) -> None:
    (port,) = (each.port for each in deployment.components() if each.name == component)
    for token in bad_tokens(world):
        answer = send(f"http://127.0.0.1:{port}", operation, token)
        assert (answer.status, answer["code"]) == (401, "unauthenticated"), f"{token} {answer}"


@pytest.mark.parametrize(
    "deployment", [pytest.param("modular", marks=pytest.mark.slow), "microservices"], indirect=True
)
@pytest.mark.parametrize(("component", "operation"), INTERNAL, ids=lambda item: str(item)[:60])
def test_at_the_edge_it_is_no_route(
    deployment: LocalDeployment, world: World, component: str, operation: Operation
) -> None:
    for token in (None, world.staff().token):
        assert send(deployment.base_url, operation, token).status == 404
