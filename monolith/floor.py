"""The floor of the benchmark: bare DRF handlers, the same SQL, nothing else. No part of the shop.

`python -m gunicorn -c python:monolith.config.gunicorn monolith.floor:application` serves it with
the same server, pool and settings, but Django's own database engine and no middleware.

What is the same: the statements (imported from where the shop runs them, in the same order, with
the same savepoint and one commit), the shape and encoding of the answers, and DRF's dispatch in
its lean form. What is left out: request ids, Server-Timing, deadline, query and body validation,
problem handling, retries, fault points, the meaning of the idempotency record, every refusal.
The wallet and the order check the caller's token: without it nobody knows whose wallet is meant.

- `GET /floor/products/<id>`: PRODUCT_BY_ID
- `GET /floor/wallet`: WALLET_BALANCE
- `POST /floor/orders`: BEGIN, CLAIM, SAVEPOINT, TAKE, CHARGE, RELEASE, INSERT, STORE, COMMIT
"""

import json
import operator
import os
import uuid
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

os.environ["DJANGO_SETTINGS_MODULE"] = "monolith.config.settings_floor"

import django  # noqa: E402

django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402
from psycopg.types.numeric import Int8  # noqa: E402

from monolith.common.api import LeanApiView  # noqa: E402
from monolith.common.idempotency import CLAIM, STORE  # noqa: E402
from monolith.common.rendering import to_json  # noqa: E402
from monolith.common.tokens import verify_bearer  # noqa: E402
from monolith.inventory.selectors import PRODUCT_BY_ID, product_view  # noqa: E402
from monolith.inventory.services import TAKE  # noqa: E402
from monolith.orders.selectors import order_view  # noqa: E402
from monolith.orders.services import INSERT  # noqa: E402
from monolith.payments.selectors import WALLET_BALANCE, wallet_view  # noqa: E402
from monolith.payments.services import CHARGE  # noqa: E402


def _respond(body: str, status: int = 200) -> HttpResponse:
    raw = body.encode()
    response = HttpResponse(raw, "application/json", status)
    response.headers["Content-Length"] = str(len(raw))
    return response


class ProductFloor(LeanApiView):
    def get(self, request: HttpRequest, product_id: UUID) -> HttpResponse:
        with connection.cursor() as cursor:
            cursor.execute(PRODUCT_BY_ID, (product_id,))
            return _respond(to_json(product_view(cursor.fetchone())))


class WalletFloor(LeanApiView):
    def get(self, request: HttpRequest) -> HttpResponse:
        user_id = verify_bearer(request.META.get("HTTP_AUTHORIZATION")).user_id
        with connection.cursor() as cursor:
            cursor.execute(WALLET_BALANCE, (user_id,))
            return _respond(to_json(wallet_view(cursor.fetchone()[0])))


class OrdersFloor(LeanApiView):
    def post(self, request: HttpRequest) -> HttpResponse:
        user_id = verify_bearer(request.META.get("HTTP_AUTHORIZATION")).user_id
        body = request.META["wsgi.input"].read(int(request.META["CONTENT_LENGTH"]))
        key = request.META["HTTP_IDEMPOTENCY_KEY"]
        items = json.loads(body)["items"]
        with transaction.atomic(), connection.cursor() as cursor:
            answer = to_json(_buy(cursor, user_id, items, key))
            scope = (user_id, "POST", request.path, key)
            cursor.execute(STORE, (*scope, "0" * 64, Int8(201), answer, None))
        return _respond(answer, 201)


def _buy(cursor: Any, user_id: UUID, items: list[dict[str, Any]], key: str) -> dict[str, Any]:
    order_id, payment_id = uuid.uuid4(), uuid.uuid4()
    products = [UUID(item["product_id"]) for item in items]
    quantities = [Int8(item["quantity"]) for item in items]
    cursor.execute(CLAIM, (Int8(hash(key)), user_id, "POST", "/floor/orders", key))
    cursor.fetchone()
    cursor.execute('SAVEPOINT "s_x1"')
    cursor.execute(TAKE, (products, quantities))
    taken = {row[0]: row[1:] for row in cursor.fetchall()}
    prices = [taken[product][1] for product in products]
    total = sum(map(operator.mul, prices, quantities))
    money = {"amount": Int8(total), "user": user_id, "order": order_id, "payment": payment_id}
    legs = {"debit": f"wallet:{user_id}", "credit": "merchant"}
    cursor.execute(CHARGE, {**money, **legs, "transfer": uuid.uuid4(), "kind": "capture"})
    cursor.fetchone()
    cursor.execute('RELEASE SAVEPOINT "s_x1"')
    now = datetime.now(UTC)
    names = [taken[product][0] for product in products]
    order = {"order": order_id, "user": user_id, "status": "confirmed", "reason": None}
    lines = {"products": products, "names": names, "quantities": quantities}
    cursor.execute(
        INSERT,
        {
            **order,
            **lines,
            "prices": [Int8(price) for price in prices],
            "total": Int8(total),
            "payment": payment_id,
            "key": key,
            "now": now,
        },
    )
    shown = [
        {"product_id": str(product), "name": name, "unit_price_cents": price, "quantity": quantity}
        for product, name, price, quantity in zip(products, names, prices, quantities, strict=True)
    ]
    return order_view((order_id, "confirmed", None, total, payment_id, now, now, shown))


class ReadyFloor(LeanApiView):
    def get(self, request: HttpRequest) -> HttpResponse:
        return _respond(to_json({"status": "ok"}))


urlpatterns = [
    path("floor/products/<uuid:product_id>", ProductFloor.as_view()),
    path("floor/wallet", WalletFloor.as_view()),
    path("floor/orders", OrdersFloor.as_view()),
    path("ready", ReadyFloor.as_view()),
]

application = get_wsgi_application()
