"""Calls any operation from its table entry with a valid request, changed where a case wants it."""

import uuid
from collections.abc import Callable
from typing import Any

from bench.contract.conformance.client import MISSING, Answer
from bench.contract.conformance.operations import Operation
from bench.contract.conformance.registry import WHOLE_SHOP
from bench.contract.conformance.world import World
from bench.contract.seed import PASSWORD

AUTO: Any = object()


def component_of(op: Operation) -> str:
    """Which component a case about this operation needs; the edge's own need the whole shop."""
    return op.component if op.component not in ("overview", "ops") else WHOLE_SHOP


def attempt(world: World, op: Operation, **changes: Any) -> Answer:
    """Call `op` with everything valid except `changes`.

    `changes`: token and key (None leaves them out), payload or body (None sends none), method,
    path_id, and what World.call takes. A path id is that of nothing, so a valid attempt on such an
    operation ends in 404: a case about an existing resource gives its own.
    """
    token = changes.pop("token", AUTO)
    key = changes.pop("key", AUTO)
    path_id = changes.pop("path_id", None) or str(uuid.uuid4())
    if token is AUTO:
        token = token_for(world, op)
    if key is AUTO:
        key = world.new_key() if op.keyed else None
    if "payload" not in changes and "body" not in changes and op.needs_body:
        changes["payload"] = valid_payload(world, op)
    return world.call(
        changes.pop("method", op.method),
        changes.pop("path", op.path(path_id)),
        token=token,
        key=key,
        prefix="",
        **changes,
    )


def token_for(world: World, op: Operation) -> str | None:
    if op.auth == "none":
        return None
    return (world.staff() if op.auth == "staff" else world.person()).token


def valid_payload(world: World, op: Operation) -> Any:
    """A body that passes validation; new names each time."""
    payloads: dict[str, Callable[[], Any]] = {
        "create_user": lambda: {
            "email": world.new_email(),
            "password": PASSWORD,
            "full_name": "Contract Case",
        },
        "create_token": lambda: {"email": "nobody@shop.example", "password": PASSWORD},
        "create_product": world.product_payload,
        "update_product": lambda: {"price_cents": 451},
        "restock_product": lambda: {"quantity": 1},
        "create_deposit": lambda: {"amount_cents": 1},
        "create_order": lambda: {"items": [{"product_id": str(uuid.uuid4()), "quantity": 1}]},
    }
    return payloads[op.id]() if op.id in payloads else MISSING
