"""Operations on aiohttp's router: a path id that is no lower-case hyphenated UUID is no route.

What the middlewares need to know of a route stands beside it, under ROUTED.
"""

from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from microservices.chassis.endpoint import Endpoint
from microservices.chassis.operations import PLACEHOLDER, UUID_PATTERN


@dataclass(frozen=True, slots=True)
class Routed:
    """Whose a route is (nobody's, if it is for operators), and its operation, if it runs here."""

    component: str
    endpoint: Endpoint | None


ROUTED = web.AppKey("routed", dict[web.AbstractRoute, Routed])


def routed(request: web.Request) -> Routed:
    """What the request's route leads to."""
    return request.app[ROUTED][request.match_info.route]


def add_endpoint(app: web.Application, endpoint: Endpoint) -> None:
    """Serves an operation of this process."""
    operation, leads_to = endpoint.operation, Routed(endpoint.component, endpoint)
    add_route(app, operation.method, operation.path, endpoint.handle, leads_to)


def add_route(
    app: web.Application, method: str, path: str, handler: Handler, leads_to: Routed
) -> None:
    """Adds a route; HEAD comes with GET."""
    pattern = PLACEHOLDER.sub(rf"{{\1:{UUID_PATTERN}}}", path)
    for each in ("GET", "HEAD") if method == "GET" else (method,):
        app[ROUTED][app.router.add_route(each, pattern, handler)] = leads_to
