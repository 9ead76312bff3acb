"""Two small components for the chassis' tests: `things` publishes, `callers` calls it as a peer."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

from msgspec import UNSET, Meta, Struct, UnsetType

from microservices.chassis.context import Context
from microservices.chassis.database import Connection
from microservices.chassis.errors import ApiError, DependencyUnavailable, NotFound
from microservices.chassis.faults import maybe_fail
from microservices.chassis.idempotency import run_once
from microservices.chassis.operations import (
    ComponentSpec,
    Empty,
    Id,
    Operation,
    Reply,
    Resources,
)
from microservices.chassis.outbox import Event, Outbox
from microservices.chassis.peers import Message, PeerFailed, PeerRefused


class AddThing(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=10)]
    count: Annotated[int, Meta(ge=1, le=9)] | UnsetType = UNSET


class GetThing(Struct, frozen=True, forbid_unknown_fields=True):
    thing_id: Id


class ListThings(Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    name: Annotated[str, Meta(min_length=1)] | UnsetType = UNSET


class Wait(Struct, frozen=True, forbid_unknown_fields=True):
    seconds: Annotated[int, Meta(ge=0, le=10)] = 0
    label: str | UnsetType = UNSET


class Thing(Struct, frozen=True):
    id: str
    name: str
    created_at: datetime


class Listed(Struct, frozen=True):
    limit: int
    name: str | None


class Waited(Struct, frozen=True):
    user_id: str
    remaining: float


class NameTaken(ApiError):
    code, status, title, recorded = "name_taken", 409, "Name taken", True


class Things:
    """Publishes public, user's, staff's and internal operations."""

    def __init__(self, resources: Resources) -> None:
        self.database = resources.database
        self.outbox = Outbox(resources.database)
        self.delivered: list[Event] = []
        self.failures_left = 0
        self.unavailable = False
        self.runs = 0

    async def add_thing(self, ctx: Context, request: AddThing) -> Reply:
        async def business(connection: Connection) -> tuple[Struct, str | None]:
            self.runs += 1
            if self.unavailable:
                raise DependencyUnavailable("for the test")
            cursor = await connection.execute(
                "INSERT INTO things (id, name) VALUES (%s, %s) ON CONFLICT DO NOTHING"
                " RETURNING id::text, name, created_at",
                (str(uuid4()), request.name),
            )
            row = await cursor.fetchone()
            if row is None:
                raise NameTaken("There is one of that name.")
            return Thing(*row), row[0]

        return await run_once(self.database, ctx, business, fault="things.add")

    async def get_thing(self, ctx: Context, request: GetThing) -> Thing:
        row = await self.database.fetch_one(
            "SELECT id::text, name, created_at FROM things WHERE id = %s", (request.thing_id,)
        )
        if row is None:
            raise NotFound
        return Thing(*row)

    async def list_things(self, ctx: Context, request: ListThings) -> Listed:
        return Listed(request.limit, None if request.name is UNSET else request.name)

    async def wait(self, ctx: Context, request: Wait) -> Waited:
        await maybe_fail("things.wait.before_commit")
        if request.seconds:
            await asyncio.sleep(request.seconds)
        return Waited(ctx.user_id, ctx.remaining())

    async def sleep_in_database(self, ctx: Context, request: Wait) -> Empty:
        await self.database.execute("SELECT pg_sleep(%s)", (request.seconds,))
        return Empty()

    async def crash(self, ctx: Context, request: Empty) -> Empty:
        raise RuntimeError("secret text of the inside")

    async def deliver(self, events: Sequence[Event]) -> Sequence[Event]:
        if self.failures_left:
            self.failures_left -= 1
            raise DependencyUnavailable("for the test")
        self.delivered.extend(events)
        return events

    async def relay(self) -> None:
        await self.outbox.relay({"thing.made": self.deliver})


P = "/api/v1/things"
CALLED_BY = ("callers",)
THINGS = ComponentSpec(
    name="things",
    operations=(
        Operation("add", "POST", P, AddThing, Things.add_thing, "user", status=201, key=True),
        Operation("add_staff", "POST", f"{P}/staff", AddThing, Things.add_thing, "staff", key=True),
        Operation("list", "GET", P, ListThings, Things.list_things, "public"),
        Operation("get", "GET", f"{P}/{{thing_id}}", GetThing, Things.get_thing, "public"),
        Operation("touch", "POST", f"{P}/touch", Empty, Things.crash, "public", body="optional"),
        Operation("crash", "GET", f"{P}/crash", Empty, Things.crash, "public"),
        Operation("sleep", "GET", f"{P}/sleep", Wait, Things.sleep_in_database, "public"),
        Operation("slow", "GET", f"{P}/slow", Wait, Things.wait, "public"),
        Operation("mine", "GET", f"{P}/mine", Wait, Things.wait, "user"),
        *(
            Operation(
                name, method, f"/internal/v1/{name}", kind, does, "service", callers=CALLED_BY
            )
            for name, method, kind, does in (
                ("wait", "POST", Wait, Things.wait),
                ("find", "GET", GetThing, Things.get_thing),
                ("crash", "POST", Empty, Things.crash),
            )
        ),
        Operation(
            "others", "POST", "/internal/v1/others", Empty, Things.crash, "service", callers=("it",)
        ),
    ),
    build=Things,
    migrations="tests.integration.services_chassis.migrations",
    tables=("keys", "idempotency", "outbox"),
    background=(Things.relay,),
)


class FindThing(Struct):
    thing_id: str


class WaitFor(Struct):
    seconds: int
    label: str | UnsetType = UNSET


class FoundThing(Struct):
    name: str
    created_at: str


_any: Any = Any
FIND = Message("things", "GET", "/internal/v1/find", FoundThing)
WAIT = Message("things", "POST", "/internal/v1/wait", Waited, timeout=0.4, idempotent=False)
MINE = Message("things", "GET", f"{P}/mine", _any, as_user=True)
CRASH = Message("things", "POST", "/internal/v1/crash", _any)
FAULTY = Message(
    "things", "POST", "/internal/v1/wait", Waited, idempotent=False, fault="things.wait"
)


class Called(Struct, frozen=True):
    outcome: str
    value: Any = None


class Call(Struct, frozen=True, forbid_unknown_fields=True):
    what: str


class Callers:
    """Calls `things` and tells what came of it."""

    def __init__(self, resources: Resources) -> None:
        self.peers = resources.peers

    async def call(self, ctx: Context, request: Call) -> Called:
        message, body = {
            "unknown": (FIND, FindThing("00000000-0000-4000-8000-000000000000")),
            "malformed": (FIND, FindThing("x")),
            "wait": (WAIT, WaitFor(0)),
            "too long": (WAIT, WaitFor(2)),
            "crash": (CRASH, None),
            "faulty": (FAULTY, WaitFor(0)),
        }.get(request.what, (FIND, FindThing(request.what)))
        return await self._told(message, body)

    async def call_as_user(self, ctx: Context, request: Empty) -> Called:
        return await self._told(MINE, None)

    async def _told(self, message: Message[Any], body: Struct | None) -> Called:
        try:
            value = await self.peers.call(message, body)
        except PeerRefused as error:
            return Called(f"refused {error.status} {error.code}")
        except PeerFailed as error:
            return Called(_kind(error))
        if isinstance(value, Waited):
            return Called("ok", value.remaining <= message.timeout)
        return Called("ok", value)


def _kind(error: PeerFailed) -> str:
    return "unavailable" if type(error).__name__ in ("PeerUnavailable", "PeerBusy") else "unclear"


C = "/api/v1/calls"
CALLERS = ComponentSpec(
    name="callers",
    operations=(
        Operation("call", "GET", C, Call, Callers.call, "public"),
        Operation("mine", "GET", f"{C}/mine", Empty, Callers.call_as_user, "user"),
    ),
    build=Callers,
    migrations="tests.integration.services_chassis.migrations",
    tables=("keys",),
    peers=("things",),
)
