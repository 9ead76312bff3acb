"""The app factory: which components a process hosts, and whether the edge runs in it, is data."""

import asyncio
from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from microservices.chassis import faults
from microservices.chassis.background import background_tasks
from microservices.chassis.endpoint import Endpoint
from microservices.chassis.health import CONTRACT, HEALTH, HTML, INDEX, Document, Health
from microservices.chassis.http_transport import new_session
from microservices.chassis.middlewares import DRAINING, RUNNING, middlewares_of
from microservices.chassis.planted import planted_work
from microservices.chassis.routes import ROUTED, Routed, add_endpoint, add_route
from microservices.chassis.settings import Settings, stop
from microservices.chassis.specs import EdgeSpec, ProcessSpec
from microservices.chassis.wiring import (
    DATABASES,
    ENDPOINTS,
    REMOTE,
    SESSION,
    SETTINGS,
    FindPeers,
    fetched_keys,
    wire,
)

IN_FLIGHT_SECONDS = 10.0


def create_app(
    spec: ProcessSpec, settings: Settings, environ: Mapping[str, str]
) -> web.Application:
    """Builds the app of a process.

    Raises:
        SystemExit: a setting is missing or malformed.
    """
    if settings.faults and settings.faults_dir is None:
        stop("setting SHOP_FAULTS_DIR is missing: SHOP_FAULTS arms the fault points")
    faults.arm(settings.faults_dir if settings.faults else None)
    app = web.Application(middlewares=middlewares_of(settings, edge=spec.edge is not None))
    app[SETTINGS], app[DRAINING] = settings, asyncio.Event()
    app[RUNNING], app[ROUTED] = set(), {}
    peers_of = wire(app, spec, environ)
    _add_health(app)
    if spec.edge is None:
        _add_operations(app)
    else:
        _add_edge(app, spec.edge, peers_of)
    if settings.planted:
        app.middlewares.extend(planted_work(app, settings.planted, spec.name))
    app.cleanup_ctx.extend([client_session, databases, background_tasks, unfinished_work])
    return app


def _add_health(app: web.Application) -> None:
    databases = app[DATABASES].values()
    health = Health(databases, app[DRAINING], broken=app[SETTINGS].broken_release)
    for operation in HEALTH:
        add_endpoint(app, Endpoint("", operation, health))


def _add_operations(app: web.Application, auth: str = "") -> None:
    """The operations of the components here, or only those of one kind of caller."""
    for endpoints in app[ENDPOINTS].values():
        for endpoint in endpoints.values():
            if auth in ("", endpoint.operation.auth):
                add_endpoint(app, endpoint)


def _add_edge(app: web.Application, edge: EdgeSpec, peers_of: FindPeers) -> None:
    """Public routes: to the component in this process, else forwarded. Internal ones only if some
    component runs elsewhere and may therefore have to call the ones here.
    """
    peers = peers_of(edge.peers)
    peers_of([route.component for route in edge.routes])
    for route in edge.routes:
        if route.component in app[ENDPOINTS]:
            add_endpoint(app, app[ENDPOINTS][route.component][route.method, route.path])
        else:
            forward = edge.forward(route.component, app[REMOTE][route.component])
            add_route(app, route.method, route.path, forward, Routed(route.component, None))
    if app[REMOTE]:
        _add_operations(app, auth="service")
    service, keys = edge.build(peers), fetched_keys(app, edge.name, peers, None)
    for operation in edge.operations:
        add_endpoint(app, Endpoint(edge.name, operation, service, keys))
    add_endpoint(app, Endpoint("", CONTRACT, Document(edge.document.read_bytes())))
    add_endpoint(app, Endpoint("", INDEX, Document(edge.index.read_bytes(), HTML)))


async def client_session(app: web.Application) -> AsyncIterator[None]:
    """The one client session of the process."""
    async with new_session(app[SETTINGS]) as session:
        app[SESSION] = session
        yield


async def databases(app: web.Application) -> AsyncIterator[None]:
    """The connection pools of the components."""
    pools = app[DATABASES].values()
    for database in pools:
        await database.open()
    yield
    await asyncio.gather(*(database.close() for database in pools))


async def unfinished_work(app: web.Application) -> AsyncIterator[None]:
    """The end of the drain: waits for work whose caller has given up."""
    yield
    running = app[RUNNING]
    if running:
        await asyncio.wait(running, timeout=IN_FLIGHT_SECONDS)
