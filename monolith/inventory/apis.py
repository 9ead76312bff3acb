"""Views of inventory."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response

from monolith.common.idempotency import Answer, run_keyed
from monolith.common.pagination import CursorPagination
from monolith.common.permissions import ReadOnly
from monolith.common.views import ShopAPIView
from monolith.inventory import selectors, services
from monolith.inventory.serializers import (
    SORTS,
    NewProductSerializer,
    ProductChangesSerializer,
    ProductFilterSerializer,
    ProductSerializer,
    RestockSerializer,
    StockSerializer,
)


class ProductsApi(ShopAPIView):
    permission_classes = [ReadOnly | IsAdminUser]

    def get(self, request: Request) -> Response:
        query = self.validated_query(ProductFilterSerializer)
        sort, limit, cursor = SORTS[query.pop("sort")], query.pop("limit"), query.pop("cursor")
        paginator = CursorPagination(sort, limit, cursor)
        products = paginator.paginate_queryset(selectors.product_list(**query), request)
        return paginator.get_paginated_response(ProductSerializer(products, many=True).data)

    def post(self, request: Request) -> Response:
        body, keyed = self.validated_keyed_body(NewProductSerializer)

        def create() -> Answer:
            product = services.product_create(**body)
            return Answer(201, ProductSerializer(product).data, product.id)

        return run_keyed(keyed, create)


class ProductApi(ShopAPIView):
    permission_classes = [ReadOnly | IsAdminUser]

    def get(self, request: Request, product_id: UUID) -> Response:
        self.refuse_query()
        product = get_object_or_404(selectors.product_list(), id=product_id)
        return Response(ProductSerializer(product).data)

    def patch(self, request: Request, product_id: UUID) -> Response:
        changes = self.validated_body(ProductChangesSerializer)
        product = services.product_update(product_id=product_id, **changes)
        return Response(ProductSerializer(product).data)


class RestocksApi(ShopAPIView):
    permission_classes = [IsAdminUser]

    def post(self, request: Request, product_id: UUID) -> Response:
        body, keyed = self.validated_keyed_body(RestockSerializer)

        def restock() -> Answer:
            stock = services.stock_restock(product_id=product_id, **body)
            return Answer(201, StockSerializer(stock).data, product_id)

        return run_keyed(keyed, restock)
