"""Routes of orders."""

from django.urls import path

from monolith.orders import apis

urlpatterns = [
    path("orders", apis.OrdersApi.as_view()),
    path("orders/<uuid:order_id>", apis.OrderApi.as_view()),
    path("orders/<uuid:order_id>/cancellation", apis.CancellationApi.as_view()),
]
