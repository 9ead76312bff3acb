"""Operators' routes and what every response carries."""

from bench.contract.conformance.expect import equal, expect, require
from bench.contract.conformance.registry import EVERYWHERE, case
from bench.contract.conformance.world import World
from bench.contract.openapi import load_openapi
from bench.contract.publish import INDEX


@case("live and ready answer ok", "ops", EVERYWHERE)
def health(world: World) -> None:
    for path in ("/live", "/ready"):
        answer = expect(world.call("GET", path, prefix=""), 200)
        equal(answer.json(), {"status": "ok"}, path)


@case("the contract is served as it was published", "ops", "shop")
def contract(world: World) -> None:
    answer = expect(world.call("GET", "/openapi.json", prefix=""), 200)
    equal(answer.json(), load_openapi(), "GET /openapi.json")


@case("the root is a page that names the API and how to sign in", "ops", "shop")
def index(world: World) -> None:
    answer = world.call("GET", "/", prefix="", checked=False)  # outside of the contract
    equal(answer.status, 200, "status of /")
    equal(answer.header("Content-Type"), "text/html; charset=utf-8", "Content-Type of /")
    equal(answer.body, INDEX.read_bytes(), "GET /")


@case("what is no route is 404 with every method, token or not", "http", "shop")
def no_route(world: World) -> None:
    paths = (
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v2/products",
        "/products",
        "/admin",
        "/api/v1/x",
    )
    for path in (
        *paths,
        "/api/v1/audit",
        "/internal",
        "/metrics",
        "/API/v1/products",
        "/api/v1//products",
    ):
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            expect(world.call(method, path, prefix=""), 404)


@case("Server-Timing names app and db on success and on refusal", "headers", "shop")
def server_timing(world: World) -> None:
    answers = (
        world.call("GET", "/products"),
        world.call("GET", "/wallet"),
        world.call("GET", "/account/overview", token=world.person().token),
        world.order(world.person(), (world.shared_product()["id"], 1)),
    )
    for answer in answers:
        require("app;dur=" in (answer.header("Server-Timing") or ""), f"{answer.headers}")
