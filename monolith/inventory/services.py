"""Writes of the catalogue and the stock; those of stock run inside the transaction of an order."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from monolith.common import errors
from monolith.common.database import duplicate_is
from monolith.common.faults import hit
from monolith.inventory.models import Product, Stock
from monolith.inventory.selectors import product_list

Quantities = Mapping[UUID, int]


def product_create(*, quantity: int, **values: Any) -> Product:
    """Add a product with its stock, inside a transaction. Raises SkuTaken."""
    with duplicate_is(errors.SkuTaken), transaction.atomic():
        product = Product.objects.create(**values)
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


def stock_lock(*, quantities: Quantities) -> list[Stock]:
    """The stock of every line with its product, locked. Raises UnknownProduct."""
    hit("inventory.operation")
    hit("inventory.reserve.before_send")
    hit("inventory.settle.before_send")
    stocks = _locked(quantities)
    known = {stock.product_id for stock in stocks}
    for index, product_id in enumerate(quantities):
        if product_id not in known:
            raise errors.UnknownProduct(field=f"items[{index}].product_id", message="is no product")
    return stocks


def stock_sell(*, stocks: list[Stock], quantities: Quantities) -> None:
    """Sell locked stock; reserving and settling are one step here. Raises OutOfStock."""
    if any(stock.available < quantities[stock.product_id] for stock in stocks):
        raise errors.OutOfStock
    _sell(stocks, quantities)
    hit("inventory.reserve.before_commit")
    hit("inventory.settle.before_commit")
    hit("inventory.reserve.after_commit_before_reply")
    hit("inventory.settle.after_commit_before_reply")


def stock_return(*, quantities: Quantities) -> None:
    """Take back what a cancelled order was sold."""
    hit("inventory.operation")
    hit("inventory.release.before_send")
    _sell(_locked(quantities), {product: -quantity for product, quantity in quantities.items()})
    hit("inventory.release.before_commit")
    hit("inventory.release.after_commit_before_reply")


def _locked(quantities: Quantities) -> list[Stock]:
    return list(Stock.objects.locked(quantities))


def _sell(stocks: list[Stock], quantities: Quantities) -> None:
    """Write locked rows, in one statement."""
    for stock in stocks:
        stock.sold = F("sold") + quantities[stock.product_id]
    Stock.objects.bulk_update(stocks, ["sold"])
