"""The operations of payments: what each request means, over the SQL of `repository`."""

from msgspec import Struct

from microservices.chassis.context import Context
from microservices.chassis.database import Connection
from microservices.chassis.errors import NotFound
from microservices.chassis.idempotency import run_once
from microservices.chassis.operations import Empty, Reply, Resources
from microservices.payments import repository
from microservices.payments.messages import (
    Charge,
    ChargeOutcome,
    Deposit,
    GetPayment,
    Payment,
    Refund,
    Refunded,
    Wallet,
)


class Payments:
    def __init__(self, resources: Resources) -> None:
        self._database = resources.database

    async def get_wallet(self, ctx: Context, request: Empty) -> Wallet:
        return Wallet(await repository.balance(self._database, ctx.user_id))

    async def deposit(self, ctx: Context, request: Deposit) -> Reply:
        async def business(connection: Connection) -> tuple[Struct, str | None]:
            transfer_id, balance = await repository.deposit(
                connection, ctx.user_id, request.amount_cents
            )
            return Wallet(balance), transfer_id

        return await run_once(self._database, ctx, business, status=201, fault="payments.deposit")

    async def get_payment(self, ctx: Context, request: GetPayment) -> Payment:
        payment = await repository.find(self._database, request.payment_id, ctx.user_id)
        if payment is None:
            raise NotFound()
        return payment

    async def charge(self, ctx: Context, request: Charge) -> ChargeOutcome:
        return await repository.charge(self._database, request)

    async def refund(self, ctx: Context, request: Refund) -> Refunded:
        await repository.refund(self._database, request.order_id)
        return Refunded(request.order_id)
