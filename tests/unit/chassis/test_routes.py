"""Routes: 404 before 405, ids only in their one spelling, `Allow` with HEAD."""

import pytest
from aiohttp import web

from microservices.chassis.context import Context
from microservices.chassis.errors import NotFound
from microservices.chassis.front import MethodNotAllowedHere, Routes
from microservices.chassis.operations import Reply

ID = "5b0e8a52-6c1d-5e0f-8f67-1c2d3e4f5a6b"


class _Target:
    bounded = True

    async def serve(self, request: web.BaseRequest, ctx: Context, ids: list[str]) -> Reply:
        return Reply(200, b"")


GET, PATCH, POST = _Target(), _Target(), _Target()


@pytest.fixture
def routes() -> Routes:
    routes = Routes()
    routes.add("GET", "/v1/things/{thing_id}", GET)
    routes.add("PATCH", "/v1/things/{thing_id}", PATCH)
    routes.add("POST", "/v1/things/{thing_id}/parts", POST)
    routes.add("GET", "/v1/things", GET)
    return routes


def test_a_path_with_an_id_leads_to_its_target(routes: Routes) -> None:
    assert routes.find("GET", f"/v1/things/{ID}") == (GET, [ID])
    assert routes.find("POST", f"/v1/things/{ID}/parts") == (POST, [ID])


def test_head_is_get(routes: Routes) -> None:
    assert routes.find("HEAD", "/v1/things") == (GET, [])


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/things/",
        f"/v1/things/{ID.upper()}",
        f"/v1/things/{ID.replace('-', '')}",
        f"/v1/things/{{{ID}}}",
        f"/v1/things/{ID}0",
        f"/v1/things/{ID}/",
        f"/v1/things/{ID}\n",
        "/v1/things/{}",
        "/v1/things/{thing_id}",
        f"/v1/things/{ID}/{{}}",
        f"//v1/things/{ID}",
        f"/{ID}/things/{ID}",
    ],
)
def test_anything_else_is_no_route(routes: Routes, path: str) -> None:
    with pytest.raises(NotFound):
        routes.find("GET", path)


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS", "TRACE", "get", "FOO"])
def test_another_method_is_refused_with_the_allowed_ones(routes: Routes, method: str) -> None:
    with pytest.raises(MethodNotAllowedHere) as caught:
        routes.find(method, f"/v1/things/{ID}")
    assert caught.value.allow == "GET, HEAD, PATCH"
