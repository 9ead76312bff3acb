"""Puts the components of a process together: databases, peers, keys, operations, in memory or HTTP.

What is shared stands in the app under its own key. Nothing is opened here: see `app.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import aiohttp
import msgspec
from aiohttp import web

from microservices.chassis.background import BACKGROUND, purge_for_ever
from microservices.chassis.context import start_background
from microservices.chassis.database import Database
from microservices.chassis.endpoint import Endpoint
from microservices.chassis.http_transport import HttpPeer
from microservices.chassis.jwk import Jwk, load_private_key
from microservices.chassis.key_store import KeyStore
from microservices.chassis.local_transport import Endpoints, LocalTransport
from microservices.chassis.middlewares import RUNNING
from microservices.chassis.operations import ComponentSpec, Resources
from microservices.chassis.peers import Message, Peers, Transport
from microservices.chassis.service_tokens import ServiceSigner, ServiceVerifier
from microservices.chassis.settings import Settings, required, stop
from microservices.chassis.specs import ProcessSpec

IDENTITY = "users"  # the component whose keys sign user tokens
FETCH_SECONDS = 2.0
SETTINGS = web.AppKey("settings", Settings)
SESSION = web.AppKey("session", aiohttp.ClientSession)
DATABASES = web.AppKey("databases", dict[str, Database])
ENDPOINTS = web.AppKey("endpoints", dict[str, Endpoints])
REMOTE = web.AppKey("remote", dict[str, HttpPeer])


class JwkSet(msgspec.Struct, frozen=True):
    keys: list[Jwk]


_FETCH_KEYS = Message(IDENTITY, "GET", "/api/v1/auth/jwks", JwkSet)
FindPeers = Callable[[Sequence[str]], Peers]


def wire(app: web.Application, spec: ProcessSpec, environ: Mapping[str, str]) -> FindPeers:
    """Builds the components of `spec`; what is returned finds peers for the edge as well."""
    app[DATABASES], app[ENDPOINTS], app[REMOTE], app[BACKGROUND] = {}, {}, {}, []
    peer_of = partial(_transport, app, environ, _signer(spec, app[SETTINGS]))

    def peers_of(names: Sequence[str]) -> Peers:
        return Peers({name: peer_of(name) for name in names})

    for component in spec.components:
        url = required(environ, component.database_setting)
        app[DATABASES][component.name] = Database(component.name, url, app[SETTINGS])
        app[ENDPOINTS][component.name] = {}
    for component in spec.components:
        # Transports of hosted peers are bound to dictionaries that are still being filled.
        _build(app, component, peers_of(_peers_of(component)), environ)
    return peers_of


def _transport(
    app: web.Application, environ: Mapping[str, str], signer: ServiceSigner | None, peer: str
) -> Transport:
    """Memory if the peer is hosted here, else HTTP."""
    if peer in app[ENDPOINTS]:
        return LocalTransport(app[ENDPOINTS][peer], app[RUNNING])
    if peer not in app[REMOTE]:
        urls = required(environ, f"{peer.upper()}_URL").split(",")
        app[REMOTE][peer] = HttpPeer(peer, urls, lambda: app[SESSION], app[SETTINGS], signer)
    return app[REMOTE][peer]


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


def _build(
    app: web.Application, component: ComponentSpec, peers: Peers, environ: Mapping[str, str]
) -> None:
    settings, database = app[SETTINGS], app[DATABASES][component.name]
    keys = _key_store(app, component, peers, environ)
    service = component.build(Resources(database, peers, environ, settings))
    verifier = ServiceVerifier(component.name, settings.service_jwks_file)
    for operation in component.operations:
        endpoint = Endpoint(component.name, operation, service, keys, verifier)
        app[ENDPOINTS][component.name][operation.method, operation.path] = endpoint
    for work in component.background:
        app[BACKGROUND].append((component.name, partial(work, service)))
    if "idempotency" in component.tables:
        app[BACKGROUND].append((component.name, partial(purge_for_ever, database)))


def _key_store(
    app: web.Application, component: ComponentSpec, peers: Peers, environ: Mapping[str, str]
) -> KeyStore | None:
    if component.own_keys is not None:
        return KeyStore(None, None, component.own_keys(environ))
    if "keys" not in component.tables:
        return None
    return fetched_keys(app, component.name, peers, app[DATABASES][component.name])


def fetched_keys(
    app: web.Application, name: str, peers: Peers, database: Database | None
) -> KeyStore:
    """The public keys of users, which their issuer publishes."""

    async def fetch() -> Sequence[Jwk]:
        start_background("keys", FETCH_SECONDS)  # not under the deadline of who was first to ask
        return (await peers.call(_FETCH_KEYS)).keys

    keys = KeyStore(fetch, database)
    app[BACKGROUND].append((name, keys.keep_fresh))
    return keys
