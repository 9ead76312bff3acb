"""Views of payments."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from monolith.common import errors, fields
from monolith.common.api import Access, ApiView
from monolith.common.faults import hit
from monolith.common.idempotency import run_keyed
from monolith.common.responses import json_response
from monolith.payments import selectors, services


class WalletApi(ApiView):
    access = {"GET": Access.USER}

    def get(self, request: HttpRequest) -> HttpResponse:
        self.query({})
        return json_response(selectors.wallet_get(user_id=self.principal.user_id))


class DepositsApi(ApiView):
    access = {"POST": Access.USER}
    deposit = staticmethod(fields.record({"amount_cents": fields.integer(1, 100_000_000)}))

    def post(self, request: HttpRequest) -> HttpResponse:
        body, keyed = self.receive_keyed(self.deposit)
        user_id = self.principal.user_id
        response = run_keyed(keyed, lambda: services.wallet_deposit(user_id=user_id, **body))
        hit("payments.deposit.after_commit_before_reply")
        return response


class PaymentApi(ApiView):
    access = {"GET": Access.USER}

    def get(self, request: HttpRequest, payment_id: UUID) -> HttpResponse:
        self.query({})
        payment = selectors.payment_get(payment_id=payment_id, user_id=self.principal.user_id)
        if payment is None:
            raise errors.NotFound
        return json_response(payment)
