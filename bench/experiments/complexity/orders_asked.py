"""Requests on orders that are there already: in the load they only end longer journeys."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence

from bench.contract.conformance.client import Client
from bench.load.operations import Operation, check_answer

_LIST = "/api/v1/orders?limit=100"
_PLACE = "{order_id}"
_CONFIRMED = "confirmed"

Order = tuple[str, str]  # its id, its customer's token


def is_on_an_order(operation: Operation) -> bool:
    """Whether it asks something of an order that must be there."""
    return _PLACE in operation.route


def orders_of(base_url: str, tokens: Sequence[str]) -> list[Order]:
    """The confirmed orders of some customers."""
    client = Client(base_url)
    try:
        answers = [(client.send("GET", _LIST, _as(token)), token) for token in tokens]
    finally:
        client.close()
    return [
        (str(order["id"]), token)
        for answer, token in answers
        for order in answer.json()["items"]
        if order["status"] == _CONFIRMED
    ]


def ask(base_url: str, operation: Operation, orders: Sequence[Order]) -> int:
    """Ask it of each order, one after the other; how many were answered wrongly."""
    client = Client(base_url)
    try:
        return sum(_wrong(client, operation, order) for order in orders)
    finally:
        client.close()


def _wrong(client: Client, operation: Operation, order: Order) -> bool:
    order_id, token = order
    headers = _as(token)
    body = None
    if operation.keyed:
        headers.append(("Idempotency-Key", f"count-{uuid.uuid4().hex}"))
    if operation.method != "GET":
        headers.append(("Content-Type", "application/json"))
        body = json.dumps({}).encode()
    path = operation.route.replace(_PLACE, order_id)
    answer = client.send(operation.method, path, headers, body)
    reason, _ = check_answer(operation, answer.status, answer.body)
    return bool(reason)


def _as(token: str) -> list[tuple[str, str | bytes]]:
    return [("Authorization", f"Bearer {token}")]
