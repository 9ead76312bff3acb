"""Orders as a component: its operations, database, peers and background tasks, for the
composition root.
"""

from microservices.chassis.operations import ComponentSpec, Operation
from microservices.orders.messages import (
    CancelOrder,
    CreateOrder,
    GetOrder,
    ListOrders,
)
from microservices.orders.repository import ORDERS_PATH
from microservices.orders.seed import wait_until_idle
from microservices.orders.service import Orders
from microservices.orders.worker import recover, relay

ORDER = f"{ORDERS_PATH}/{{order_id}}"

OPERATIONS = (
    Operation(
        "create_order",
        "POST",
        ORDERS_PATH,
        CreateOrder,
        Orders.create_order,
        "user",
        status=201,
        key=True,
    ),
    Operation("list_orders", "GET", ORDERS_PATH, ListOrders, Orders.list_orders, "user"),
    Operation("get_order", "GET", ORDER, GetOrder, Orders.get_order, "user"),
    Operation(
        "cancel_order",
        "POST",
        f"{ORDER}/cancellation",
        CancelOrder,
        Orders.cancel_order,
        "user",
        key=True,
        body="optional",
    ),
)

# Where orders calls, and where it commits.
FAULT_POINTS = tuple(
    f"{call}.before_send"
    for call in (
        "inventory.reserve",
        "inventory.settle",
        "inventory.release",
        "payments.charge",
        "payments.refund",
    )
) + tuple(
    f"orders.{step}.{place}"
    for step in ("place", "confirm", "reject", "request_cancellation", "cancel")
    for place in ("before_commit", "after_commit_before_reply")
)

SPEC = ComponentSpec(
    name="orders",
    operations=OPERATIONS,
    build=Orders,
    migrations="microservices.orders.migrations",
    tables=("keys", "idempotency", "outbox"),
    peers=("inventory", "payments"),
    fault_points=FAULT_POINTS,
    before_seed=wait_until_idle,
    background=(recover, relay),
)
