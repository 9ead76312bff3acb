"""What a component publishes: typed operations, reached over HTTP and in memory alike.

`ComponentSpec` is a component as data: `wiring.py` builds it, `endpoint.py` runs its operations.
"""

import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from microservices.chassis.context import Context
from microservices.chassis.database import Connection, Database
from microservices.chassis.errors import ApiError, problem_body
from microservices.chassis.peers import Peers
from microservices.chassis.settings import Settings

UUID_PATTERN = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
PLACEHOLDER = re.compile(r"\{(\w+)\}")  # of an id in an operation's path
Id = Annotated[str, Meta(pattern=rf"^{UUID_PATTERN}\Z")]
Auth = Literal["public", "user", "staff", "service"]
Body = Literal["none", "required", "optional"]
_encode = msgspec.json.Encoder().encode


class Empty(Struct, frozen=True, forbid_unknown_fields=True):
    """A request without fields."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is already encoded: a replay, or a status other than the operation's own.

    Of a status from 400 on it is a problem, unless `media_type` says otherwise.
    """

    status: int
    body: bytes
    media_type: str = ""

    @classmethod
    def of(cls, status: int, answer: Struct) -> "Reply":
        return cls(status, _encode(answer))


def reply_of_error(error: ApiError) -> Reply:
    """The answer of a business error, for recording."""
    return Reply(error.status, problem_body(error))


Handler: TypeAlias = Callable[[Any, Context, Any], Awaitable[Struct | Reply]]


@dataclass(frozen=True)
class Operation:
    """One operation: where it is, what it takes, who may call it, the function that does it.

    `request` collects the ids of the path and, on GET, the query or else the body's members.
    `callers`: for `service` operations, the components (or the edge) that may call it.
    """

    name: str
    method: str
    path: str
    request: type[Struct]
    handler: Handler
    auth: Auth
    status: int = 200
    key: bool = False
    body: Body | None = None
    callers: tuple[str, ...] = ()

    @property
    def body_rule(self) -> Body:
        return self.body or ("none" if self.method == "GET" else "required")


@dataclass(frozen=True)
class Resources:
    """What a component gets from the process that hosts it; its pool is its own."""

    database: Database
    peers: Peers
    environ: Mapping[str, str]
    settings: Settings


SeedLoader: TypeAlias = Callable[[Connection, Path], Awaitable[None]]
SeedGuard: TypeAlias = Callable[[Connection], Awaitable[None]]
Background: TypeAlias = Callable[[Any], Coroutine[Any, Any, None]]
OwnKeys: TypeAlias = Callable[[Mapping[str, str]], list[dict[str, str]]]


@dataclass(frozen=True)
class ComponentSpec:
    """A component as data.

    `tables` names the chassis tables it wants: keys, idempotency, outbox. `own_keys` is for the
    issuer of user tokens: its public keys, from the environment.
    """

    name: str
    operations: tuple[Operation, ...]
    build: Callable[[Resources], Any]
    migrations: str
    tables: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    fault_points: tuple[str, ...] = ()
    load_seed: SeedLoader | None = None
    before_seed: SeedGuard | None = None
    background: tuple[Background, ...] = ()
    own_keys: OwnKeys | None = None

    @property
    def database_setting(self) -> str:
        return f"{self.name.upper()}_DATABASE_URL"


class SeedRefused(Exception):
    """The seed cannot be loaded now; the text is one clear line."""
