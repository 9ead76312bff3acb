"""The operations of inventory: what each request means, over the SQL of `catalogue` and `stock`."""

from typing import Any

from msgspec import UNSET, Struct

from microservices.chassis.context import Context
from microservices.chassis.database import Connection
from microservices.chassis.errors import NotFound
from microservices.chassis.idempotency import run_once
from microservices.chassis.operations import Reply, Resources
from microservices.chassis.pages import decode_cursor, encode_cursor
from microservices.inventory import catalogue, stock
from microservices.inventory.errors import SkuTaken
from microservices.inventory.messages import (
    ChangeProduct,
    CreateProduct,
    GetProduct,
    ListProducts,
    Product,
    ProductPage,
    Recommend,
    Recommended,
    Release,
    Released,
    Reserve,
    ReserveOutcome,
    Restock,
    RestockedProduct,
    Settle,
    Settled,
)


class Inventory:
    def __init__(self, resources: Resources) -> None:
        self._database = resources.database

    async def list_products(self, ctx: Context, request: ListProducts) -> ProductPage:
        products = await catalogue.page(self._database, request, cursor_of(request))
        items = products[: request.limit]
        if len(products) <= request.limit:
            return ProductPage(items, None)
        last = items[-1]
        value = last.name if request.sort == "name" else last.price_cents
        return ProductPage(items, encode_cursor(request.sort, value, last.id))

    async def get_product(self, ctx: Context, request: GetProduct) -> Product:
        product = await catalogue.find(self._database, request.product_id)
        if product is None:
            raise NotFound()
        return product

    async def create_product(self, ctx: Context, request: CreateProduct) -> Reply:
        async def business(connection: Connection) -> tuple[Struct, str | None]:
            product = await catalogue.create(connection, request)
            if product is None:
                raise SkuTaken()
            return product, product.id

        return await run_once(self._database, ctx, business, status=201)

    async def change_product(self, ctx: Context, request: ChangeProduct) -> Product:
        product = await catalogue.change(self._database, request)
        if product is None:
            raise NotFound()
        return product

    async def restock(self, ctx: Context, request: Restock) -> Reply:
        async def business(connection: Connection) -> tuple[Struct, str | None]:
            available = await catalogue.restock(connection, request)
            if available is None:
                raise NotFound()
            return RestockedProduct(request.product_id, available), request.product_id

        return await run_once(self._database, ctx, business, status=201)

    async def recommend(self, ctx: Context, request: Recommend) -> Recommended:
        return Recommended(await catalogue.recommended(self._database, request.product_id))

    async def reserve(self, ctx: Context, request: Reserve) -> ReserveOutcome:
        return await stock.reserve(self._database, request)

    async def settle(self, ctx: Context, request: Settle) -> Settled:
        return Settled(await stock.settle(self._database, request.order_ids))

    async def release(self, ctx: Context, request: Release) -> Released:
        await stock.release(self._database, request.order_id)
        return Released(request.order_id)


def cursor_of(request: ListProducts) -> tuple[Any, str] | None:
    """Where the page starts: the sort's value and the id of the last product before it."""
    if request.cursor is UNSET:
        return None
    return decode_cursor(request.cursor, request.sort, str if request.sort == "name" else int)
