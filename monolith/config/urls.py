"""Routes of the public API."""

from django.urls import include, path

from monolith.common import operations
from monolith.inventory.urls import urlpatterns as inventory
from monolith.orders.urls import urlpatterns as orders
from monolith.overview.urls import urlpatterns as overview
from monolith.payments.urls import urlpatterns as payments
from monolith.users.urls import urlpatterns as users

urlpatterns = [
    path("api/v1/", include([*inventory, *orders, *payments, *users, *overview])),
    path("live", operations.LiveApi.as_view()),
    path("ready", operations.ReadyApi.as_view()),
    path("", operations.IndexApi.as_view()),
    path("openapi.json", operations.ContractApi.as_view()),
]

handler404 = "monolith.common.problems.not_found"
handler400 = "monolith.common.problems.not_found"
handler500 = "monolith.common.problems.internal_error"
