"""Routes: 404 before 405, ids only in their one spelling, `Allow` with HEAD."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from microservices.chassis.routes import ROUTED, Routed, add_route

ID = "5b0e8a52-6c1d-5e0f-8f67-1c2d3e4f5a6b"
LEADS_TO = Routed("things", None)


async def _answer(request: web.Request) -> web.Response:
    return web.Response()


@pytest.fixture
def app() -> web.Application:
    app = web.Application()
    app[ROUTED] = {}
    add_route(app, "GET", "/v1/things/{thing_id}", _answer, LEADS_TO)
    add_route(app, "PATCH", "/v1/things/{thing_id}", _answer, LEADS_TO)
    add_route(app, "POST", "/v1/things/{thing_id}/parts", _answer, LEADS_TO)
    add_route(app, "GET", "/v1/things", _answer, LEADS_TO)
    return app


async def _found(app: web.Application, method: str, path: str) -> web.UrlMappingMatchInfo:
    return await app.router.resolve(make_mocked_request(method, path))


async def test_a_path_with_an_id_leads_to_its_handler(app: web.Application) -> None:
    for method, path in (("GET", f"/v1/things/{ID}"), ("POST", f"/v1/things/{ID}/parts")):
        found = await _found(app, method, path)
        assert dict(found) == {"thing_id": ID}
        assert app[ROUTED][found.route] is LEADS_TO


async def test_head_is_get(app: web.Application) -> None:
    found = await _found(app, "HEAD", "/v1/things")
    assert (found.handler, found.http_exception) == (_answer, None)


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
        f"/v1/things/{ID}%0A",
        "/v1/things/{}",
        "/v1/things/{thing_id}",
        f"/v1/things/{ID}/{{}}",
        f"//v1/things/{ID}",
        f"/{ID}/things/{ID}",
        f"/v1/things%2F{ID}",
    ],
)
async def test_anything_else_is_no_route(app: web.Application, path: str) -> None:
    assert isinstance((await _found(app, "GET", path)).http_exception, web.HTTPNotFound)


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS", "TRACE", "FOO"])
async def test_another_method_is_refused_with_the_allowed_ones(
    app: web.Application, method: str
) -> None:
    refused = (await _found(app, method, f"/v1/things/{ID}")).http_exception
    assert isinstance(refused, web.HTTPMethodNotAllowed)
    assert refused.allowed_methods == {"GET", "HEAD", "PATCH"}
