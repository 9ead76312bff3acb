"""Routes of inventory."""

from django.urls import path

from monolith.inventory import apis

urlpatterns = [
    path("products/<uuid:product_id>", apis.ProductApi.as_view()),
    path("products", apis.ProductsApi.as_view()),
    path("products/<uuid:product_id>/restocks", apis.RestocksApi.as_view()),
]
