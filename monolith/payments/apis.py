"""Views of payments. Every one needs a user, which is the default of the settings."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from monolith.common.faults import hit
from monolith.common.idempotency import Answer, run_keyed
from monolith.common.views import ShopAPIView
from monolith.payments import selectors, services
from monolith.payments.serializers import DepositSerializer, PaymentSerializer, WalletSerializer


class WalletApi(ShopAPIView):
    def get(self, request: Request) -> Response:
        self.refuse_query()
        wallet = selectors.wallet_get(user_id=request.user.id)
        return Response(WalletSerializer(wallet).data)


class DepositsApi(ShopAPIView):
    def post(self, request: Request) -> Response:
        body, keyed = self.validated_keyed_body(DepositSerializer)

        def deposit() -> Answer:
            wallet, transfer = services.wallet_deposit(user_id=keyed.user_id, **body)
            return Answer(201, WalletSerializer(wallet).data, transfer.id)

        response = run_keyed(keyed, deposit)
        hit("payments.deposit.after_commit_before_reply")
        return response


class PaymentApi(ShopAPIView):
    def get(self, request: Request, payment_id: UUID) -> Response:
        self.refuse_query()
        payments = selectors.payment_list(user_id=request.user.id)
        payment = get_object_or_404(payments, id=payment_id)
        return Response(PaymentSerializer(payment).data)
