"""The app factory: builds the components of a process, binds their peers, and makes the HTTP app.

Which components a process hosts, and whether the edge runs in it, is data (`ProcessSpec`).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Struct

from microservices.chassis import faults, idempotency
from microservices.chassis.auth import (
    Jwk,
    KeyStore,
    ServiceSigner,
    ServiceVerifier,
    load_private_key,
)
from microservices.chassis.context import start_background
from microservices.chassis.database import Database
from microservices.chassis.endpoint import Endpoint
from microservices.chassis.front import Front, Routes, Target
from microservices.chassis.health import Document, Live, Ready
from microservices.chassis.http_transport import HttpPeer, new_session
from microservices.chassis.local_transport import LocalTransport
from microservices.chassis.operations import ComponentSpec, Operation, Resources
from microservices.chassis.peers import Message, Peers, Transport
from microservices.chassis.planted import plant
from microservices.chassis.settings import Settings, required, stop

IDENTITY = "users"  # the component whose keys sign user tokens
IN_FLIGHT_SECONDS = 10.0
RESTART_SECONDS = 1.0
CANCEL_TRIES = 50
PURGE_SECONDS = 3600.0
_log = logging.getLogger(__name__)


class _JwkSet(Struct, frozen=True):
    keys: list[Jwk]


_FETCH_KEYS = Message(IDENTITY, "GET", "/api/v1/auth/jwks", _JwkSet)


@dataclass(frozen=True)
class Route:
    """A public route and the component that owns it."""

    method: str
    path: str
    component: str


Forward: TypeAlias = Callable[[str, HttpPeer], Target]


@dataclass(frozen=True)
class EdgeSpec:
    """The edge as data: public routes, what it composes itself, how it forwards, the contract."""

    name: str
    routes: tuple[Route, ...]
    operations: tuple[Operation, ...]
    build: Callable[[Peers], Any]
    peers: tuple[str, ...]
    forward: Forward
    document: Path


@dataclass(frozen=True)
class ProcessSpec:
    """What one process runs."""

    components: tuple[ComponentSpec, ...]
    edge: EdgeSpec | None = None

    @property
    def name(self) -> str:
        """The edge's, or the components' with a plus between them."""
        names = [self.edge.name] if self.edge else [each.name for each in self.components]
        return "+".join(names)


@dataclass
class Process:
    """A built process; `close` undoes what `build` opened."""

    settings: Settings
    environ: Mapping[str, str]
    session: aiohttp.ClientSession
    signer: ServiceSigner | None
    databases: dict[str, Database] = field(default_factory=dict)
    endpoints: dict[str, dict[tuple[str, str], Endpoint]] = field(default_factory=dict)
    remote: dict[str, HttpPeer] = field(default_factory=dict)
    keys: list[KeyStore] = field(default_factory=list)
    background: list[tuple[str, Callable[[], Awaitable[None]]]] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    calls: set[asyncio.Task[Any]] = field(default_factory=set)

    def transport(self, peer: str) -> Transport:
        """Memory if the peer is hosted here, else HTTP."""
        if peer in self.endpoints:
            return LocalTransport(self.endpoints[peer], self.calls)
        if peer not in self.remote:
            urls = required(self.environ, f"{peer.upper()}_URL").split(",")
            self.remote[peer] = HttpPeer(peer, urls, self.session, self.settings, self.signer)
        return self.remote[peer]

    def peers(self, names: Sequence[str]) -> Peers:
        return Peers({name: self.transport(name) for name in names})


PROCESS = web.AppKey("process", Process)
FRONT = web.AppKey("front", Front)


async def create_app(
    spec: ProcessSpec, settings: Settings, environ: Mapping[str, str]
) -> web.Application:
    """Builds the app of a process; needs a running loop.

    Raises:
        SystemExit: a setting is missing or malformed.
    """
    if settings.faults and settings.faults_dir is None:
        stop("setting SHOP_FAULTS_DIR is missing: SHOP_FAULTS arms the fault points")
    faults.arm(settings.faults_dir if settings.faults else None)
    session = new_session(settings)
    try:
        return _assembled(spec, Process(settings, environ, session, _signer(spec, settings)))
    except BaseException:
        await session.close()
        raise


def _assembled(spec: ProcessSpec, process: Process) -> web.Application:
    settings, environ = process.settings, process.environ
    for component in spec.components:
        url = required(environ, component.database_setting)
        process.databases[component.name] = Database(component.name, url, settings)
        process.endpoints[component.name] = {}
    for component in spec.components:
        _build_component(process, component)
    routes = Routes()
    front = Front(routes, settings, edge=spec.edge is not None)
    routes.add("GET", "/live", Live())
    databases = list(process.databases.values())
    routes.add("GET", "/ready", Ready(front, databases, broken=settings.broken_release))
    if spec.edge is None:
        _publish_all(process, routes)
    else:
        _publish_edge(process, spec.edge, routes)
    if settings.planted:
        plant(routes, settings.planted, spec.name)
    app = web.Application(middlewares=[_answer_unroutable])
    app.router.add_route("*", r"/{tail:[\s\S]*}", front.handle)
    app[PROCESS] = process
    app[FRONT] = front
    app.cleanup_ctx.extend([_session, _databases, _background])
    return app


@web.middleware
async def _answer_unroutable(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What begins with no slash (`OPTIONS *`) finds no route; it is the front's to answer too."""
    if request.match_info.http_exception is not None:
        return await request.app[FRONT].handle(request)
    return await handler(request)


def _peers_of(component: ComponentSpec) -> tuple[str, ...]:
    return component.peers + ((IDENTITY,) if "keys" in component.tables else ())


def _signer(spec: ProcessSpec, settings: Settings) -> ServiceSigner | None:
    """What signs this process's service tokens; only a process that calls another needs it."""
    hosted = {component.name for component in spec.components}
    called = {peer for each in spec.components for peer in _peers_of(each)}
    called |= set(spec.edge.peers) if spec.edge else set()
    if not called - hosted:
        return None
    if settings.service_key_file is None:
        stop("setting SERVICE_KEY_FILE is missing: a peer runs in another process")
    return ServiceSigner(load_private_key("SERVICE_KEY_FILE", settings.service_key_file))


def _build_component(process: Process, component: ComponentSpec) -> None:
    database = process.databases[component.name]
    # Transports of hosted peers are bound to dictionaries that are still being filled.
    peers = process.peers(_peers_of(component))
    keys = _key_store(process, component, peers, database)
    resources = Resources(database, peers, process.environ, process.settings, keys)
    service = component.build(resources)
    verifier = ServiceVerifier(component.name, process.settings.service_jwks_file)
    for operation in component.operations:
        endpoint = Endpoint(component.name, operation, service, keys, verifier)
        process.endpoints[component.name][operation.method, operation.path] = endpoint
    for work in component.background:
        process.background.append((component.name, partial(work, service)))
    if "idempotency" in component.tables:
        process.background.append((component.name, partial(_purge_for_ever, database)))


def _key_store(
    process: Process, component: ComponentSpec, peers: Peers, database: Database
) -> KeyStore | None:
    if component.own_keys is not None:
        return KeyStore(None, None, component.own_keys(process.environ))
    if "keys" not in component.tables:
        return None
    keys = KeyStore(lambda: _fetch_keys(peers), database)
    process.keys.append(keys)
    return keys


async def _fetch_keys(peers: Peers) -> Sequence[Jwk]:
    start_background("keys", 2.0)  # not under the deadline of the request that was first
    return (await peers.call(_FETCH_KEYS)).keys


def _publish_all(process: Process, routes: Routes) -> None:
    for endpoints in process.endpoints.values():
        for (method, path), endpoint in endpoints.items():
            routes.add(method, path, endpoint)


def _publish_edge(process: Process, edge: EdgeSpec, routes: Routes) -> None:
    """Public routes: to the component in this process, else forwarded. Internal ones only if some
    component runs elsewhere and may therefore have to call the ones here.
    """
    for route in edge.routes:
        routes.add(route.method, route.path, _owner(process, edge, route))
    if {route.component for route in edge.routes} - process.endpoints.keys():
        for endpoints in process.endpoints.values():
            for (method, path), endpoint in endpoints.items():
                if endpoint.operation.auth == "service":
                    routes.add(method, path, endpoint)
    peers = process.peers(edge.peers)
    keys = KeyStore(lambda: _fetch_keys(peers), None)
    process.keys.append(keys)
    service = edge.build(peers)
    for operation in edge.operations:
        endpoint = Endpoint(edge.name, operation, service, keys, None)
        routes.add(operation.method, operation.path, endpoint)
    routes.add("GET", "/openapi.json", Document(edge.document.read_bytes()))


def _owner(process: Process, edge: EdgeSpec, route: Route) -> Target:
    """Where a public route leads: to the component in this process, or to another process."""
    if route.component in process.endpoints:
        return process.endpoints[route.component][route.method, route.path]
    process.transport(route.component)
    return edge.forward(route.component, process.remote[route.component])


async def _session(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[PROCESS].session.close()


async def _databases(app: web.Application) -> AsyncIterator[None]:
    databases = app[PROCESS].databases.values()
    for database in databases:
        await database.open()
    yield
    await asyncio.gather(*(database.close() for database in databases))


async def _background(app: web.Application) -> AsyncIterator[None]:
    process = app[PROCESS]
    for keys in process.keys:
        process.tasks.add(asyncio.create_task(keys.keep_fresh()))
    for name, work in process.background:
        process.tasks.add(asyncio.create_task(_supervise(name, work)))
    yield
    await app[FRONT].finish(IN_FLIGHT_SECONDS)
    if process.calls:
        await asyncio.wait(set(process.calls), timeout=IN_FLIGHT_SECONDS)
    await _cancel(process.tasks)


async def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    """Cancels and waits. Asked again, because a wait that ends in the same moment loses the request
    (`asyncio.wait_for` in Python 3.11, which the connection pool uses).
    """
    for _ in range(CANCEL_TRIES):
        pending = {task for task in tasks if not task.done()}
        if not pending:
            return
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=0.1)
    _log.error("%d background tasks did not end", len(pending))


async def _supervise(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Runs an endless task; one that fails is logged and started again."""
    while True:
        try:
            await work()
        except Exception:
            _log.exception("a background task of %s failed", name)
        await asyncio.sleep(RESTART_SECONDS)


async def _purge_for_ever(database: Database) -> None:
    while True:
        start_background("purge", 30.0)
        await idempotency.purge(database)
        await asyncio.sleep(PURGE_SECONDS)
