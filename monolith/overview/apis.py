"""The view of the overview."""

from django.http import HttpRequest, HttpResponse

from monolith.common import errors
from monolith.common.api import Access, ApiView
from monolith.common.responses import json_response
from monolith.overview import selectors


class OverviewApi(ApiView):
    access = {"GET": Access.USER}
    # One statement, but the parts are those of four modules: a fault in one of them is in here.
    components = ("users", "payments", "orders", "inventory")

    def get(self, request: HttpRequest) -> HttpResponse:
        self.query({})
        overview = selectors.overview_get(user_id=self.principal.user_id)
        if overview is None:
            raise errors.Unauthenticated
        return json_response(overview)
