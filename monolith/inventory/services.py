"""Writes of the catalogue and the stock. Stock rows are always locked in the order of their ids.

`stock_take` and `stock_return` run inside the transaction of an order.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from monolith.common import errors
from monolith.common.database import is_duplicate
from monolith.common.faults import hit
from monolith.inventory.models import Product, Stock
from monolith.inventory.selectors import product_list

Quantities = Mapping[UUID, int]
Products = Mapping[UUID, Product]


class StockTooLow(Exception):
    """Not every line can be served; carries what the refused order is to be stored with."""

    def __init__(self, products: Products) -> None:
        super().__init__()
        self.products = products


def product_create(*, quantity: int, **values: Any) -> Product:
    """Add a product with its stock, inside a transaction. Raises SkuTaken."""
    try:
        with transaction.atomic():
            product = Product.objects.create(**values)
    except IntegrityError as error:
        if is_duplicate(error):
            raise errors.SkuTaken from None
        raise
    Stock.objects.create(product=product, initial=quantity)
    product.available = quantity
    return product


def product_update(*, product_id: UUID, **changes: Any) -> Product:
    """Change a product; the only write that moves its version. Raises NotFound."""
    product = Product.objects.filter(id=product_id)
    with transaction.atomic():
        if not product.update(**changes, version=F("version") + 1):
            raise errors.NotFound
        return product_list().get(id=product_id)


def stock_restock(*, product_id: UUID, quantity: int) -> Stock:
    """Add units to the stock, inside a transaction. Raises NotFound."""
    stock = Stock.objects.filter(product_id=product_id)
    if not stock.update(restocked=F("restocked") + quantity):
        raise errors.NotFound
    return stock.get()


def stock_take(*, quantities: Quantities) -> Products:
    """Sell all or nothing; reserving and settling are one step here. The products, as ordered.

    Raises:
        UnknownProduct: a line names no product; goes before every other refusal.
        StockTooLow: a line asks for more than is available; the caller rolls back.
    """
    hit("inventory.operation")
    hit("inventory.reserve.before_send")
    hit("inventory.settle.before_send")
    stocks = _locked(quantities)
    products = {stock.product_id: stock.product for stock in stocks}
    _refuse_unknown(quantities, products)
    if any(stock.available < quantities[stock.product_id] for stock in stocks):
        raise StockTooLow(products)
    _sell(stocks, quantities)
    hit("inventory.reserve.before_commit")
    hit("inventory.settle.before_commit")
    hit("inventory.reserve.after_commit_before_reply")
    hit("inventory.settle.after_commit_before_reply")
    return products


def stock_return(*, quantities: Quantities) -> None:
    """Take back what a cancelled order was sold."""
    hit("inventory.operation")
    hit("inventory.release.before_send")
    _sell(_locked(quantities), {product: -quantity for product, quantity in quantities.items()})
    hit("inventory.release.before_commit")
    hit("inventory.release.after_commit_before_reply")


def _locked(quantities: Quantities) -> list[Stock]:
    return list(Stock.objects.locked(quantities))


def _refuse_unknown(quantities: Iterable[UUID], products: Products) -> None:
    for index, product_id in enumerate(quantities):
        if product_id not in products:
            raise errors.UnknownProduct(field=f"items[{index}].product_id", message="is no product")


def _sell(stocks: list[Stock], quantities: Quantities) -> None:
    """Write locked rows, in one statement."""
    for stock in stocks:
        stock.sold = F("sold") + quantities[stock.product_id]
    Stock.objects.bulk_update(stocks, ["sold"])
