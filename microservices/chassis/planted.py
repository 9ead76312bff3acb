"""Extra work planted in one process, so that the benchmark can show that it finds what is there.

Off unless `SHOP_PLANTED` holds a `Plan`: without one there is no such middleware, and being off
costs nothing. Work is counted in units, not in seconds: what slows the core slows it as it slows
the rest. What was really added stands in the tally.
"""

import asyncio
import mmap
import time
from pathlib import Path

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from msgspec import Struct

from microservices.chassis.routes import ROUTED
from microservices.chassis.settings import stop

TALLY_ENTRIES = 1 << 16  # a ring: older ones are written over
# Turns of the event loop after which an answer is on its way; an edge's passes through a task and
# takes three. No timer: its wake-up would cost CPU that is not counted.
TURNS = 5
CACHE_LINE = 64
_WORD = 8
_UNIT = range(50)


class Extra(Struct, frozen=True, forbid_unknown_fields=True):
    """What a route does beyond its own work: units before the operation, units after the answer,
    MiB of memory touched before the operation.
    """

    before: int = 0
    after: int = 0
    touched_mib: int = 0


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """`process` is the edge's or the components' names (`gateway`, `users+orders`), `tally` the
    path of a file to make; routes are named like `GET /api/v1/products/{product_id}`.
    """

    process: str
    tally: str
    routes: dict[str, Extra]


class Tally:
    """Nanoseconds of extra work, one entry each, in a file that others may read meanwhile.

    The file is an array of native 64-bit integers: how many entries there were, then pairs of
    (number of the route in the plan, nanoseconds). Memory, since a call to the system a request
    would be extra work of its own.
    """

    def __init__(self, path: Path) -> None:
        size = _WORD * (1 + 2 * TALLY_ENTRIES)
        with path.open("w+b") as file:
            file.truncate(size)
            self._words = memoryview(mmap.mmap(file.fileno(), size)).cast("q")

    def add(self, route: int, nanoseconds: int) -> None:
        """Adds an entry."""
        count = self._words[0]
        at = 1 + 2 * (count % TALLY_ENTRIES)
        self._words[at] = route
        self._words[at + 1] = nanoseconds
        self._words[0] = count + 1


class Planted:
    """The extra work of one route: before its operation (wall time is tallied) or after its answer
    (CPU time is, since the core may be shared by then).
    """

    def __init__(self, extra: Extra, number: int, tally: Tally) -> None:
        self._extra = extra
        self._number = number
        self._tally = tally
        self._memory = bytearray(b"\x01") * (extra.touched_mib << 20)

    def before(self) -> None:
        if self._extra.before or self._memory:
            started = time.perf_counter_ns()
            spin(self._extra.before)
            touch(self._memory)
            self._tally.add(self._number, time.perf_counter_ns() - started)

    def afterwards(self, turns: int = TURNS) -> None:
        if not self._extra.after:
            return
        if turns:
            asyncio.get_running_loop().call_soon(self.afterwards, turns - 1)
            return
        started = time.thread_time_ns()
        spin(self._extra.after)
        self._tally.add(self._number, time.thread_time_ns() - started)


def spin(units: int) -> None:
    """Computes so many units, some hundred nanoseconds each."""
    for _ in range(units):
        sum(_UNIT)


def touch(memory: bytearray) -> int:
    """Reads every cache line."""
    return len(memory[::CACHE_LINE])


def planted_work(app: web.Application, text: str, process: str) -> list[Middleware]:
    """The middleware that does the extra work; none for a plan of another process.

    Raises:
        SystemExit: the plan is malformed, or names a route that is not there.
    """
    try:
        plan = msgspec.json.decode(text, type=Plan)
    except msgspec.DecodeError as error:
        stop(f"setting SHOP_PLANTED is malformed: {error}")
    return [_middleware(_by_route(app, plan))] if plan.process == process else []


def _by_route(app: web.Application, plan: Plan) -> dict[web.AbstractRoute, Planted]:
    tally = Tally(Path(plan.tally))
    routes = {f"{each.method} {_path(each)}": each for each in app[ROUTED]}
    for name in plan.routes.keys() - routes.keys():
        stop(f"setting SHOP_PLANTED names {name!r}, which {plan.process} does not serve")
    return {
        routes[name]: Planted(extra, number, tally)
        for number, (name, extra) in enumerate(plan.routes.items())
    }


def _path(route: web.AbstractRoute) -> str:
    assert route.resource is not None, "a route of ours has a path"
    return route.resource.canonical


def _middleware(work: dict[web.AbstractRoute, Planted]) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        planted = work.get(request.match_info.route)
        if planted is None:
            return await handler(request)
        planted.before()
        try:
            return await handler(request)
        finally:
            planted.afterwards()

    return middleware
