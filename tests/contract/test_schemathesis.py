"""Schemathesis on the one contract file, all checks, against both arms.

Generated requests stay as they are, except where a schema cannot say what exists or is unique:
those values come from the `before_call` hook, and only where the generated part was valid.
"""

import itertools
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.hooks import HookContext

from bench.contract.conformance import World
from bench.contract.conformance.expect import expect
from bench.contract.conformance.operations import operation
from bench.contract.conformance.world import Person
from bench.contract.openapi import OPENAPI_PATH
from bench.contract.seed import PASSWORD, SeedSpec, product_ids, user_email
from bench.contract.server_answers import load_server_answers
from bench.deployments.local.driver import LocalDeployment

ARMS = ("monolith", "microservices")
# The default, and 402 and 422: a valid order may cost too much or name an unknown product, and a
# key may have been used before. No schema can say so.
ACCEPTED = ["2xx", "3xx", "401", "402", "403", "404", "409", "422", "429", "5xx"]


def _schema(max_examples: int) -> Any:
    config = SchemathesisConfig.from_dict(
        {
            "seed": 20261122,
            "generation": {"max-examples": max_examples, "deterministic": True},
            "checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}},
        }
    )
    return schemathesis.openapi.from_path(OPENAPI_PATH, config=config)


FEW = _schema(5)
SOME, MANY = _schema(40), _schema(100)
LONG_TARGET, LONGEST_TARGET = "a target over 8190 bytes", 8190


class Supplies:
    """What exists in the deployment under test: people, products, orders, payments, cursors."""

    current: "Supplies"

    def __init__(self, world: World) -> None:
        email = user_email(1)
        token = world.login(email)
        me = expect(world.call("GET", "/users/me", token=token), 200)
        self.customer = Person(me["id"], email, token)
        self.staff = world.staff()
        self.products = product_ids(SeedSpec())[:60]
        orders = [world.confirmed_order(self.customer, (self.products[0], 1)) for _ in range(8)]
        self._counter = itertools.count()
        self._of_path = {
            "product_id": self.products[1:9],
            "order_id": [order["id"] for order in orders],
            "payment_id": [order["payment_id"] for order in orders],
        }
        self._cursors = {
            sort: world.call("GET", "/products", query={"limit": 1, "sort": sort})["next_cursor"]
            for sort in ("name", "price", "-price")
        }
        listed = world.call("GET", "/orders", token=token, query={"limit": 1})
        self._cursors["orders"] = listed["next_cursor"]

    def token_for(self, case: Any) -> str | None:
        auth = operation(case.operation.definition.raw["operationId"]).auth
        if auth == "none":
            return None
        return (self.staff if auth == "staff" else self.customer).token

    def path_ids(self, names: Mapping[str, Any]) -> dict[str, str]:
        number = next(self._counter)
        return {name: self._of_path[name][number % len(self._of_path[name])] for name in names}

    def cursor(self, path: str, sort: str) -> str:
        return str(self._cursors["orders" if path.endswith("/orders") else sort])

    def lines(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The same quantities of products that exist, each once."""
        start = next(self._counter)
        chosen = (self.products[(start + n) % len(self.products)] for n in range(len(items)))
        return [
            {**line, "product_id": product_id}
            for line, product_id in zip(items, chosen, strict=True)
        ]


@schemathesis.hook
def before_call(context: HookContext, case: Any, kwargs: dict[str, Any]) -> None:
    """Supply ids, cursors, keys, addresses and unique lines where the generated part was valid."""
    if case.meta is None or not hasattr(Supplies, "current"):
        return
    supplies = Supplies.current
    if case.path_parameters and not case.meta.is_negative_at(ParameterLocation.PATH):
        case.path_parameters = supplies.path_ids(case.path_parameters)
    if case.query and not case.meta.is_negative_at(ParameterLocation.QUERY):
        _supply_cursor(supplies, case)
    if not case.meta.is_negative_at(ParameterLocation.HEADER):
        _supply_key(case)
    if isinstance(case.body, dict) and not case.meta.is_negative_at(ParameterLocation.BODY):
        case.body = _body(supplies, case.operation.definition.raw["operationId"], case.body)


def _supply_cursor(supplies: Supplies, case: Any) -> None:
    """A cursor is opaque: a string of the schema's type is almost never one."""
    if "cursor" in case.query:
        cursor = supplies.cursor(case.operation.path, case.query.get("sort", "name"))
        case.query = {**case.query, "cursor": cursor}


def _supply_key(case: Any) -> None:
    """A key of its own, so that a request gets past the records of those before it."""
    generated = (case.headers or {}).get("Idempotency-Key")
    if generated is not None and len(generated) < 200:
        case.headers = {**case.headers, "Idempotency-Key": f"{uuid.uuid4()}{generated}"}


def _body(supplies: Supplies, operation_id: str, body: dict[str, Any]) -> dict[str, Any]:
    match operation_id:
        case "create_user":
            return {**body, "email": f"{uuid.uuid4()}@Schema.Example"}
        case "create_token":
            return {"email": supplies.customer.email, "password": PASSWORD}
        case "create_order":
            return {**body, "items": supplies.lines(body["items"])}
    return body


@pytest.fixture(scope="session")
def supplies(world: World) -> Iterator[Supplies]:
    """Made for each deployment, and left where the hook finds it."""
    Supplies.current = Supplies(world)
    yield Supplies.current
    del Supplies.current


@pytest.mark.parametrize("deployment", ARMS, indirect=True)
@FEW.parametrize()
def test_a_few_examples(case: Any, deployment: LocalDeployment, supplies: Supplies) -> None:
    _call(case, deployment, supplies)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("deployment", ARMS, indirect=True)
@SOME.parametrize()
def test_some_examples(case: Any, deployment: LocalDeployment, supplies: Supplies) -> None:
    _call(case, deployment, supplies)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("deployment", ARMS, indirect=True)
@MANY.parametrize()
def test_a_hundred_examples(case: Any, deployment: LocalDeployment, supplies: Supplies) -> None:
    _call(case, deployment, supplies)


def _call(case: Any, deployment: LocalDeployment, supplies: Supplies) -> None:
    token = supplies.token_for(case)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = case.call(base_url=deployment.base_url, headers=headers)
    target = urlsplit(answer.request.url)
    if len(f"{target.path}?{target.query}") > LONGEST_TARGET:  # refused by the HTTP server itself
        assert answer.status_code in load_server_answers()[LONG_TARGET].allowed(deployment.name)
    else:
        case.validate_response(answer)
