"""Views of orders."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from monolith.common import errors, fields, pages
from monolith.common.api import Access, ApiView
from monolith.common.idempotency import run_keyed
from monolith.common.responses import json_response
from monolith.orders import selectors, services
from monolith.orders.pricing import WantedLine

_items = fields.sequence(
    fields.record({"product_id": fields.uuid, "quantity": fields.integer(1, 1000)}), 1, 50
)


def _each_product_once(value: Any, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = _items(value, path)
    seen: set[str] = set()
    for index, item in enumerate(items):
        if item["product_id"] in seen:
            raise errors.ValidationFailed(f"{path}[{index}].product_id", "is repeated")
        seen.add(item["product_id"])
    return items


class OrdersApi(ApiView):
    access = {"GET": Access.USER, "POST": Access.USER}
    filters = {"limit": pages.LIMIT, "cursor": fields.text(1, 4000)}
    new_order = staticmethod(fields.record({"items": _each_product_once}))

    def get(self, request: HttpRequest) -> HttpResponse:
        user_id = self.principal.user_id
        return json_response(selectors.order_list(user_id=user_id, **self.query(self.filters)))

    def post(self, request: HttpRequest) -> HttpResponse:
        body, keyed = self.receive_keyed(self.new_order)
        wanted = [WantedLine(UUID(line["product_id"]), line["quantity"]) for line in body["items"]]
        response = run_keyed(
            keyed,
            lambda: services.order_place(user_id=keyed.user_id, wanted=wanted, key=keyed.key),
        )
        services.order_replied(status=response.status_code)
        return response


class OrderApi(ApiView):
    access = {"GET": Access.USER}

    def get(self, request: HttpRequest, order_id: UUID) -> HttpResponse:
        self.query({})
        order = selectors.order_get(order_id=order_id, user_id=self.principal.user_id)
        if order is None:
            raise errors.NotFound
        return json_response(order)


class CancellationApi(ApiView):
    access = {"POST": Access.USER}
    cancellation = staticmethod(fields.record({}))

    def post(self, request: HttpRequest, order_id: UUID) -> HttpResponse:
        _, keyed = self.receive_keyed(self.cancellation, empty=b"{}")
        response = run_keyed(
            keyed, lambda: services.order_cancel(order_id=order_id, user_id=keyed.user_id)
        )
        services.cancellation_replied()
        return response
