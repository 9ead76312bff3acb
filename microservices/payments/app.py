"""Payments as a component: its operations, database and fault points, for the composition root."""

from microservices.chassis.operations import ComponentSpec, Empty, Operation
from microservices.payments.messages import Charge, Deposit, GetPayment, Refund
from microservices.payments.seed import load_seed
from microservices.payments.service import Payments

OPERATIONS = (
    Operation("get_wallet", "GET", "/api/v1/wallet", Empty, Payments.get_wallet, "user"),
    Operation(
        "deposit",
        "POST",
        "/api/v1/wallet/deposits",
        Deposit,
        Payments.deposit,
        "user",
        status=201,
        key=True,
    ),
    Operation(
        "get_payment",
        "GET",
        "/api/v1/payments/{payment_id}",
        GetPayment,
        Payments.get_payment,
        "user",
    ),
    Operation(
        "charge",
        "POST",
        "/internal/v1/charge",
        Charge,
        Payments.charge,
        "service",
        callers=("orders",),
    ),
    Operation(
        "refund",
        "POST",
        "/internal/v1/refund",
        Refund,
        Payments.refund,
        "service",
        callers=("orders",),
    ),
)

FAULT_POINTS = tuple(
    f"payments.{call}.{place}"
    for call in ("charge", "refund", "deposit")
    for place in ("before_commit", "after_commit_before_reply")
)

SPEC = ComponentSpec(
    name="payments",
    operations=OPERATIONS,
    build=Payments,
    migrations="microservices.payments.migrations",
    tables=("keys", "idempotency"),
    fault_points=FAULT_POINTS,
    load_seed=load_seed,
)
