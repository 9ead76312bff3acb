"""`GET /account/overview`: parts from four components, in parallel; a part out of reach is null."""

import asyncio
from typing import Any, cast

from msgspec import UNSET, Struct, UnsetType

from microservices.chassis.context import Context
from microservices.chassis.operations import Empty
from microservices.chassis.peers import Message, PeerFailed, Peers

PART_SECONDS = 0.5
RECENT = 5
PAGE = 100  # the largest there is


class GetOrders(Struct):
    limit: int
    cursor: str | UnsetType = UNSET


class GetRecommended(Struct):
    product_id: str


class Overview(Struct, frozen=True):
    user: Any
    wallet: Any
    recent_orders: list[Any] | None
    recommended: list[Any] | None
    degraded: list[str]


_ANY: type[Any] = cast(type[Any], Any)  # passed on as it comes
USER = Message("users", "GET", "/api/v1/users/me", _ANY, as_user=True)
WALLET = Message("payments", "GET", "/api/v1/wallet", _ANY, as_user=True)
ORDERS = Message("orders", "GET", "/api/v1/orders", _ANY, as_user=True)
RECOMMENDED = Message("inventory", "GET", "/internal/v1/recommended", _ANY)


class Overviews:
    """Composes the overview from the peers' answers; each part has 500 ms."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    async def get_overview(self, ctx: Context, request: Empty) -> Overview:
        parts = Parts(self._peers)
        user, wallet, (recent, recommended) = await asyncio.gather(
            parts.ask(USER, None),
            parts.ask(WALLET, None),
            _orders_and_recommended(parts),
        )
        return Overview(user, wallet, recent, recommended, sorted(parts.degraded))


class Parts:
    """The parts of one overview, and the components that did not give theirs."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self.degraded: set[str] = set()

    async def ask(
        self, message: Message[Any], request: Struct | None, seconds: float = PART_SECONDS
    ) -> Any:
        """The peer's answer, None if it is out of reach. A refusal is the client's: it goes up."""
        try:
            return await self._peers.call(message, request, timeout=seconds)
        except PeerFailed:
            self.degraded.add(message.peer)
            return None


async def _orders_and_recommended(parts: Parts) -> tuple[list[Any] | None, list[Any] | None]:
    page = await parts.ask(ORDERS, GetOrders(RECENT))
    if page is None:
        return None, None
    return page["items"], await _recommended(parts, page)


async def _recommended(parts: Parts, page: Any) -> list[Any] | None:
    """From the newest confirmed order: nearly always among the newest five, else older pages."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PART_SECONDS
    while (product_id := _first_product(page["items"])) is None:
        cursor = page["next_cursor"]
        if cursor is None:
            return []
        remaining = max(0.0, deadline - loop.time())
        page = await parts.ask(ORDERS, GetOrders(PAGE, cursor), remaining)
        if page is None:
            return None
    remaining = max(0.0, deadline - loop.time())
    found = await parts.ask(RECOMMENDED, GetRecommended(product_id), remaining)
    return None if found is None else found["items"]


def _first_product(orders: list[Any]) -> str | None:
    """The product of the first line of the newest confirmed order."""
    for order in orders:
        if order["status"] == "confirmed":
            return str(order["items"][0]["product_id"])
    return None
