"""The overview: parts in parallel, a part out of reach is null and its component is named."""

import asyncio
from typing import Any

import pytest
from msgspec import Struct

from microservices.chassis.context import Context, activate
from microservices.chassis.operations import Empty
from microservices.chassis.peers import Message, PeerRefused, Peers, PeerUnavailable
from microservices.gateway.overview import Overview, Overviews

USER = {"id": "u"}
WALLET = {"balance_cents": 5}
PRODUCT = {"id": "p"}


def _order(status: str, product_id: str = "tea") -> dict[str, Any]:
    return {"status": status, "items": [{"product_id": product_id}, {"product_id": "other"}]}


class FakeComponent:
    """Answers by path; a path without an answer is out of reach."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Struct | None]] = []

    async def call(
        self, ctx: Context, message: Message[Any], request: Struct | None, deadline: float
    ) -> Any:
        self.asked.append((message.path, request))
        answer = self.answers.get(message.path)
        if answer is None:
            raise PeerUnavailable
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def component() -> FakeComponent:
    return FakeComponent(
        {
            "/api/v1/users/me": USER,
            "/api/v1/wallet": WALLET,
            "/api/v1/orders": {"items": [_order("confirmed")], "next_cursor": None},
            "/internal/v1/recommended": {"items": [PRODUCT]},
        }
    )


async def _overview(component: FakeComponent) -> Overview:
    context = Context("r", asyncio.get_running_loop().time() + 3)
    context.user_id = "u"
    activate(context)
    names = ("users", "payments", "orders", "inventory")
    return await Overviews(Peers(dict.fromkeys(names, component))).get_overview(context, Empty())


async def test_all_parts_make_a_whole(component: FakeComponent) -> None:
    overview = await _overview(component)
    assert (overview.user, overview.wallet, overview.recommended) == (USER, WALLET, [PRODUCT])
    assert overview.degraded == []


@pytest.mark.parametrize(
    ("path", "part", "degraded"),
    [
        ("/api/v1/users/me", "user", ["users"]),
        ("/api/v1/wallet", "wallet", ["payments"]),
        ("/internal/v1/recommended", "recommended", ["inventory"]),
        ("/api/v1/orders", "recent_orders", ["orders"]),
    ],
)
async def test_a_part_out_of_reach_is_null_and_named(
    component: FakeComponent, path: str, part: str, degraded: list[str]
) -> None:
    del component.answers[path]
    overview = await _overview(component)
    assert getattr(overview, part) is None
    assert overview.degraded == degraded


async def test_without_orders_there_is_no_recommendation(component: FakeComponent) -> None:
    del component.answers["/api/v1/orders"]
    assert (await _overview(component)).recommended is None


async def test_all_components_down_are_named_in_order(component: FakeComponent) -> None:
    component.answers.clear()
    assert (await _overview(component)).degraded == ["orders", "payments", "users"]


async def test_a_refusal_is_the_clients(component: FakeComponent) -> None:
    component.answers["/api/v1/users/me"] = PeerRefused("unauthenticated", 401, "x", "y")
    with pytest.raises(PeerRefused):
        await _overview(component)


async def test_the_newest_confirmed_order_decides(component: FakeComponent) -> None:
    orders = [_order("rejected", "a"), _order("confirmed", "b"), _order("confirmed", "c")]
    component.answers["/api/v1/orders"] = {"items": orders, "next_cursor": None}
    await _overview(component)
    assert [getattr(body, "product_id", None) for _, body in component.asked][-1] == "b"


class Pages:
    """Pages of orders in turn, each but the last with a cursor."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.pages = list(pages)

    def __getitem__(self, name: str) -> Any:
        if name == "items":
            return self.pages[0]
        self.pages.pop(0)
        return "more" if self.pages else None


async def test_an_older_confirmed_order_is_looked_for(component: FakeComponent) -> None:
    component.answers["/api/v1/orders"] = Pages(
        [_order("pending")], [_order("rejected")], [_order("confirmed", "old")]
    )
    assert (await _overview(component)).recommended == [PRODUCT]
    assert getattr(component.asked[-1][1], "product_id", None) == "old"


async def test_no_confirmed_order_recommends_nothing(component: FakeComponent) -> None:
    component.answers["/api/v1/orders"] = Pages([_order("pending")], [_order("rejected")])
    assert (await _overview(component)).recommended == []
