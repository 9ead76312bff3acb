"""The view of the overview."""

from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from monolith.common.views import ShopAPIView
from monolith.overview import selectors
from monolith.overview.serializers import OverviewSerializer


class OverviewApi(ShopAPIView):
    # The parts are those of four modules: a fault in one of them is in here.
    enters = ("users", "payments", "orders", "inventory")

    def get(self, request: Request) -> Response:
        self.refuse_query()
        overview = selectors.overview_get(user_id=request.user.id)
        if overview is None:
            raise NotAuthenticated  # the token has outlived its user
        return Response(OverviewSerializer(overview).data)
