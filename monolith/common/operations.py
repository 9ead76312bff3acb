"""What operators ask for: `/live`, `/ready` and the contract; and the page at `/`."""

from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpResponse
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from monolith.common import drain
from monolith.common.database import is_shedding
from monolith.common.views import ShopAPIView

_SHIPPED = Path(__file__).parents[1]
_CONTRACT = (_SHIPPED / "openapi.json").read_bytes()
_INDEX = (_SHIPPED / "index.html").read_bytes()


class LiveApi(ShopAPIView):
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        self.refuse_query()
        return Response({"status": "ok"})


class ReadyApi(ShopAPIView):
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        self.refuse_query()
        if drain.stage() != drain.SERVING:
            return Response({"status": "draining"}, 503)
        if settings.SHOP.broken_release or not _database_answers():
            return Response({"status": "unavailable"}, 503)
        return Response({"status": "ok"})


class ContractApi(ShopAPIView):
    permission_classes = [AllowAny]

    def get(self, request: Request) -> HttpResponse:
        self.refuse_query()
        return HttpResponse(_CONTRACT, "application/json")


class IndexApi(ShopAPIView):
    """For who opens the shop in a browser; outside of the contract."""

    permission_classes = [AllowAny]

    def get(self, request: Request) -> HttpResponse:
        self.refuse_query()
        return HttpResponse(_INDEX, "text/html; charset=utf-8")


def _database_answers() -> bool:
    try:
        connection.ensure_connection()
        return connection.is_usable()
    except (DatabaseError, InterfaceError) as error:
        return is_shedding(error)  # all connections are busy: the database is there
