"""Views of inventory."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from monolith.common import errors, fields, pages
from monolith.common.api import Access, ApiView
from monolith.common.idempotency import run_keyed
from monolith.common.responses import json_response
from monolith.inventory import selectors, services

_LABEL = fields.text(1, 64)
_CHANGEABLE = {
    "name": fields.text(1, 200),
    "description": fields.text(0, 2000),
    "category": _LABEL,
    "price_cents": fields.integer(1, 10_000_000),
}


class ProductsApi(ApiView):
    access = {"POST": Access.STAFF}
    filters = {
        "q": fields.text(1, 100),
        "category": _LABEL,
        "sort": fields.choice(*selectors.SORTS),
        "limit": pages.LIMIT,
        "cursor": fields.text(1, 4000),
    }
    new_product = staticmethod(
        fields.record({"sku": _LABEL, **_CHANGEABLE, "quantity": fields.integer(0, 1_000_000)})
    )

    def get(self, request: HttpRequest) -> HttpResponse:
        return json_response(selectors.product_list(**self.query(self.filters)))

    def post(self, request: HttpRequest) -> HttpResponse:
        body, keyed = self.receive_keyed(self.new_product)
        return run_keyed(keyed, lambda: services.product_create(**body))


class ProductApi(ApiView):
    access = {"PATCH": Access.STAFF}
    changes = staticmethod(fields.changes(_CHANGEABLE))

    def get(self, request: HttpRequest, product_id: UUID) -> HttpResponse:
        self.query({})
        product = selectors.product_get(product_id=product_id)
        if product is None:
            raise errors.NotFound
        return json_response(product)

    def patch(self, request: HttpRequest, product_id: UUID) -> HttpResponse:
        changes = self.receive(self.changes)
        return json_response(services.product_update(product_id=product_id, changes=changes))


class RestocksApi(ApiView):
    access = {"POST": Access.STAFF}
    restock = staticmethod(fields.record({"quantity": fields.integer(1, 1_000_000)}))

    def post(self, request: HttpRequest, product_id: UUID) -> HttpResponse:
        body, keyed = self.receive_keyed(self.restock)
        return run_keyed(keyed, lambda: services.stock_restock(product_id=product_id, **body))
