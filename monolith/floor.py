"""The floor of the benchmark: bare handlers as DRF's tutorial writes them. No part of the shop.

`python -m gunicorn -c python:monolith.config.gunicorn monolith.floor:application` serves them with
the same server, pool, models and rows written, but nothing of the contract around a view: no
middleware, deadline, strict body, problem, replay, retry, fault point, and no refusal.
"""

import os
import uuid
from typing import Any
from uuid import UUID

os.environ["DJANGO_SETTINGS_MODULE"] = "monolith.config.settings_floor"

import django  # noqa: E402

django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import transaction  # noqa: E402
from django.db.models import F  # noqa: E402
from django.shortcuts import get_object_or_404  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import serializers  # noqa: E402
from rest_framework.permissions import IsAuthenticated  # noqa: E402
from rest_framework.renderers import JSONRenderer  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from monolith.common.idempotency import try_lock  # noqa: E402
from monolith.common.models import IdempotencyKey  # noqa: E402
from monolith.inventory.models import Product, Stock  # noqa: E402
from monolith.inventory.serializers import ProductSerializer  # noqa: E402
from monolith.orders.models import Line, Order  # noqa: E402
from monolith.orders.serializers import OrderSerializer  # noqa: E402
from monolith.payments.models import Entry, Payment, Transfer, Wallet  # noqa: E402
from monolith.payments.serializers import WalletSerializer  # noqa: E402


class ProductFloor(APIView):
    def get(self, request: Request, product_id: UUID) -> Response:
        product = get_object_or_404(Product.objects.with_available(), pk=product_id)
        return Response(ProductSerializer(product).data)


class WalletFloor(APIView):
    permission_classes = [IsAuthenticated]

    def get(self, request: Request) -> Response:
        wallet = get_object_or_404(Wallet, pk=request.user.id)
        return Response(WalletSerializer(wallet).data)


class ItemSerializer(serializers.Serializer):
    product_id = serializers.UUIDField()
    quantity = serializers.IntegerField()


class BasketSerializer(serializers.Serializer):
    items = ItemSerializer(many=True)


class OrdersFloor(APIView):
    permission_classes = [IsAuthenticated]

    def post(self, request: Request) -> Response:
        basket = BasketSerializer(data=request.data)
        basket.is_valid(raise_exception=True)
        user_id, key = request.user.id, request.headers["Idempotency-Key"]
        scope = {"user_id": user_id, "method": "POST", "path": request.path, "key": key}
        with transaction.atomic():
            try_lock(uuid.uuid4().int >> 65)
            IdempotencyKey.objects.filter(**scope).first()
            order = Order(user_id=user_id, status=Order.Status.CONFIRMED, idempotency_key=key)
            _buy(order, basket.validated_data["items"])
            data = OrderSerializer(order).data
            body = JSONRenderer().render(data).decode()
            IdempotencyKey.objects.create(**scope, fingerprint="0" * 64, status=201, body=body)
        return Response(data, status=201)


def _buy(order: Order, items: list[dict[str, Any]]) -> None:
    quantities = {item["product_id"]: item["quantity"] for item in items}
    stocks = list(Stock.objects.locked(quantities))
    lines = Line.priced(quantities, {stock.product_id: stock.product for stock in stocks})
    order.total_cents = sum(line.amount_cents for line in lines)
    with transaction.atomic():
        for stock in stocks:
            stock.sold = F("sold") + quantities[stock.product_id]
        Stock.objects.bulk_update(stocks, ["sold"])
        _pay(order)
    order.save(force_insert=True)
    for line in lines:
        line.order = order
    order.items = Line.objects.bulk_create(lines)


def _pay(order: Order) -> None:
    paid = {"user_id": order.user_id, "amount_cents": order.total_cents}
    Wallet.objects.withdraw(**paid)
    order.payment = Payment.objects.create(
        **paid, order_id=order.id, status=Payment.Status.CAPTURED
    )
    transfer = Transfer.objects.create(kind=Transfer.Kind.CAPTURE, order_id=order.id)
    Entry.objects.bulk_create(transfer.legs(**paid))


class ReadyFloor(APIView):
    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})


urlpatterns = [
    path("floor/products/<uuid:product_id>", ProductFloor.as_view()),
    path("floor/wallet", WalletFloor.as_view()),
    path("floor/orders", OrdersFloor.as_view()),
    path("ready", ReadyFloor.as_view()),
]

application = get_wsgi_application()
