"""One customer of the seed, through the public port."""

from __future__ import annotations

import time
import uuid

from bench.contract.conformance import World
from bench.contract.conformance.world import PASSWORD
from bench.contract.seed import SeedSpec, product_ids

CUSTOMER = "user0001@shop.example"


def place_order(base_url: str) -> str:
    """Sign in, buy one product, wait until the order is confirmed; return its id."""
    world = World(base_url)
    token = world.login(CUSTOMER)
    items = [{"product_id": product_ids(SeedSpec())[0], "quantity": 1}]
    payload = {"items": items}
    placed = world.call("POST", "/orders", token=token, key=str(uuid.uuid4()), payload=payload)
    assert placed.status in {201, 202}, str(placed)
    ident = str(placed["id"])
    wait_status(base_url, ident, "confirmed")
    return ident


def wait_status(base_url: str, ident: str, wanted: str) -> None:
    """Wait until an order has this status; a shop that still says 503 is asked again."""
    deadline = time.monotonic() + 20
    while (status := order_status(base_url, ident)) != wanted:
        assert time.monotonic() < deadline, status or "no answer with a status"
        time.sleep(0.1)


def order_status(base_url: str, ident: str) -> str:
    """The status of an order of the same customer, "" if the shop is unavailable."""
    world = World(base_url)
    customer = {"email": CUSTOMER, "password": PASSWORD}
    signed_in = world.call("POST", "/auth/tokens", payload=customer)
    if signed_in.status == 503:
        return ""
    answer = world.call("GET", f"/orders/{ident}", token=str(signed_in["access_token"]))
    return "" if answer.status == 503 else str(answer["status"])
