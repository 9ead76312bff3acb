"""Routes of payments."""

from django.urls import path

from monolith.payments import apis

urlpatterns = [
    path("wallet", apis.WalletApi.as_view()),
    path("wallet/deposits", apis.DepositsApi.as_view()),
    path("payments/<uuid:payment_id>", apis.PaymentApi.as_view()),
]
