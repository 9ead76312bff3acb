"""Views of orders. Every one needs a user, which is the default of the settings."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from monolith.common.faults import hit
from monolith.common.fields import StrictSerializer
from monolith.common.idempotency import Answer, refusal, run_keyed
from monolith.common.pagination import CursorPagination
from monolith.common.views import ShopAPIView
from monolith.orders import selectors, services
from monolith.orders.serializers import (
    NEWEST_FIRST,
    NewOrderSerializer,
    OrderFilterSerializer,
    OrderSerializer,
)


class OrdersApi(ShopAPIView):
    def get(self, request: Request) -> Response:
        paginator = CursorPagination(NEWEST_FIRST, **self.validated_query(OrderFilterSerializer))
        orders = selectors.order_list(user_id=request.user.id)
        page = paginator.paginate_queryset(orders, request)
        return paginator.get_paginated_response(OrderSerializer(page, many=True).data)

    def post(self, request: Request) -> Response:
        body, keyed = self.validated_keyed_body(NewOrderSerializer)
        quantities = {item["product_id"]: item["quantity"] for item in body["items"]}

        def place() -> Answer:
            order, reason = services.order_place(
                user_id=keyed.user_id, quantities=quantities, key=keyed.key
            )
            if reason is not None:
                return refusal(reason, order.id)
            return Answer(201, OrderSerializer(order).data, order.id)

        response = run_keyed(keyed, place)
        hit("orders.place.after_commit_before_reply")
        outcome = "confirm" if response.status_code < 400 else "reject"
        hit(f"orders.{outcome}.after_commit_before_reply")
        return response


class OrderApi(ShopAPIView):
    def get(self, request: Request, order_id: UUID) -> Response:
        self.refuse_query()
        order = get_object_or_404(selectors.order_list(user_id=request.user.id), id=order_id)
        return Response(OrderSerializer(order).data)


class CancellationApi(ShopAPIView):
    empty_body = b"{}"

    def post(self, request: Request, order_id: UUID) -> Response:
        _, keyed = self.validated_keyed_body(StrictSerializer)

        def cancel() -> Answer:
            order = services.order_cancel(order_id=order_id, user_id=keyed.user_id)
            return Answer(200, OrderSerializer(order).data, order.id)

        response = run_keyed(keyed, cancel)
        hit("orders.request_cancellation.after_commit_before_reply")
        hit("orders.cancel.after_commit_before_reply")
        return response
