"""The operations of orders. A request drives its order's saga while it waits; what it cannot finish
in time it leaves to `worker`.
"""

import logging
from datetime import UTC, datetime
from uuid import uuid4

from msgspec import UNSET

from microservices.chassis import idempotency
from microservices.chassis.context import Context, give_up_after
from microservices.chassis.database import Connection
from microservices.chassis.errors import (
    ApiError,
    DependencyUnavailable,
    NotFound,
    RequestInProgress,
)
from microservices.chassis.faults import maybe_fail
from microservices.chassis.operations import Reply, Resources, reply_of_error
from microservices.chassis.pages import broken_cursor, decode_cursor, encode_cursor
from microservices.orders import views
from microservices.orders.errors import NotCancellable
from microservices.orders.messages import (
    CancelOrder,
    CreateOrder,
    GetOrder,
    ListOrders,
    OrderPage,
    PublicOrder,
)
from microservices.orders.model import Line, Order
from microservices.orders.peers import InventoryPeer, PaymentsPeer
from microservices.orders.repository import MARGIN_S, OrderStore, cancellation_path
from microservices.orders.saga import Answer, LostOrder, OrderSaga, Unclear

# What it takes to write that answer down; then it is given unrecorded.
HAND_OVER_S = 0.2
HAND_OVER_PAUSE_S = 0.5
NEWEST_FIRST = "-created_at"
_log = logging.getLogger(__name__)


class Orders:
    def __init__(self, resources: Resources) -> None:
        self.database = resources.database
        self.store = OrderStore(resources.database)
        self.inventory = InventoryPeer(resources.peers)
        self.payments = PaymentsPeer(resources.peers)
        self.saga = OrderSaga(self.store, self.inventory, self.payments, utc_now)

    async def create_order(self, ctx: Context, request: CreateOrder) -> Reply:
        order = new_order(ctx, request, utc_now())
        if not await self.store.place(order, ctx):
            return await self._replay(ctx)
        try:
            answer = await give_up_after(ctx.remaining() - MARGIN_S, self.saga.advance(order))
        except (Unclear, LostOrder, TimeoutError, ApiError) as error:
            _log.info("order %s goes on without its request: %r", order.id, error)
            answer = await self._hand_over(ctx, order, isinstance(error, DependencyUnavailable))
        return Reply(answer.status, answer.body)

    async def _hand_over(self, ctx: Context, order: Order, in_doubt: bool) -> Answer:
        """The pending order is committed, so whatever fails from here on, it is accepted.

        Raises DependencyUnavailable if `in_doubt` (the database was lost under a statement) and the
        database cannot be asked: it may hold another answer, and a replay would contradict a 202.
        """
        answer = views.accepted(order)
        try:
            return await give_up_after(
                min(ctx.remaining(), HAND_OVER_S),
                self.store.hand_over(order, answer, HAND_OVER_PAUSE_S),
            )
        except (ApiError, TimeoutError) as error:
            _log.warning("order %s: the answer 202 is not recorded: %r", order.id, error)
            if in_doubt:
                raise DependencyUnavailable(
                    "The order may be placed; repeat the request."
                ) from error
            return answer

    async def _replay(self, ctx: Context) -> Reply:
        claim = await self.database.run(lambda connection: idempotency.claim(connection, ctx))
        if claim.reply is None:
            raise RequestInProgress()
        return claim.reply

    async def list_orders(self, ctx: Context, request: ListOrders) -> OrderPage:
        orders = await self.store.page(ctx.user_id, request.limit + 1, cursor_of(request))
        items = [views.public(order) for order in orders[: request.limit]]
        if len(orders) <= request.limit:
            return OrderPage(items, None)
        last = items[-1]
        return OrderPage(items, encode_cursor(NEWEST_FIRST, rfc3339(last.created_at), last.id))

    async def get_order(self, ctx: Context, request: GetOrder) -> PublicOrder:
        order = await self.store.find(request.order_id, ctx.user_id)
        if order is None:
            raise NotFound()
        return views.public(order)

    async def cancel_order(self, ctx: Context, request: CancelOrder) -> Reply:
        requested = await self._request_cancellation(ctx, request.order_id)
        if isinstance(requested, Reply):
            return requested
        try:
            answer = await give_up_after(ctx.remaining() - MARGIN_S, self.saga.advance(requested))
        except (Unclear, LostOrder, TimeoutError, ApiError) as error:
            _log.info("cancellation of %s goes on without its request: %r", requested.id, error)
            return await self._leave_cancellation(ctx, requested)
        return Reply(answer.status, answer.body)

    async def _request_cancellation(self, ctx: Context, order_id: str) -> Reply | Order:
        """One commit of the request and its key, or the answer that stands or is recorded now."""

        async def request(connection: Connection) -> Reply | Order:
            claim = await idempotency.claim(connection, ctx)
            if claim.reply is not None:
                return claim.reply
            if claim.pending:
                raise RequestInProgress()
            order = await self.store.request_cancellation(
                connection, order_id, ctx.user_id, ctx.idempotency_key
            )
            if order is None:
                refusal = await self._refusal(connection, order_id, ctx.user_id)
                await idempotency.insert(connection, ctx, None, refusal)
                return refusal
            await idempotency.insert(connection, ctx, order_id, None)
            await maybe_fail("orders.request_cancellation.before_commit")
            return order

        try:
            requested = await self.database.run(request)
        except idempotency.KeyRaced:
            raise RequestInProgress() from None
        await maybe_fail("orders.request_cancellation.after_commit_before_reply")
        return requested

    async def _refusal(self, connection: Connection, order_id: str, user_id: str) -> Reply:
        known = await self.store.owned(connection, order_id, user_id)
        return reply_of_error(NotCancellable() if known else NotFound())

    async def _leave_cancellation(self, ctx: Context, order: Order) -> Reply:
        """The worker finishes it; the same key gets its 200 then. Perhaps it has been by now."""

        async def postpone() -> Answer | None:
            await self.store.postpone(order, HAND_OVER_PAUSE_S)
            return await self.store.recorded(
                ctx.user_id, cancellation_path(order.id), ctx.idempotency_key
            )

        try:
            answer = await give_up_after(min(ctx.remaining(), HAND_OVER_S), postpone())
        except (ApiError, TimeoutError):
            answer = None
        if answer is None:
            raise DependencyUnavailable("The cancellation is under way; repeat the request.")
        return Reply(answer.status, answer.body)


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_order(ctx: Context, request: CreateOrder, now: datetime) -> Order:
    return Order(
        id=str(uuid4()),
        user_id=ctx.user_id,
        status="pending",
        lines=tuple(Line(item.product_id, None, None, item.quantity) for item in request.items),
        idempotency_key=ctx.idempotency_key,
        created_at=now,
        updated_at=now,
    )


def rfc3339(moment: datetime) -> str:
    """As a cursor has it: six digits of a second, and Z."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def cursor_of(request: ListOrders) -> tuple[datetime, str] | None:
    """Time and id of the last order of the page before."""
    if request.cursor is UNSET:
        return None
    value, order_id = decode_cursor(request.cursor, NEWEST_FIRST, str)
    try:
        created_at = datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise broken_cursor() from None
    if rfc3339(created_at) != value:
        raise broken_cursor()
    return created_at, order_id
