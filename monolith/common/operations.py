"""What operators ask for: `/live`, `/ready` and the contract."""

from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse

from monolith.common import drain, sql
from monolith.common.api import ApiView
from monolith.common.errors import DependencyUnavailable, Overloaded
from monolith.common.responses import JSON, json_response

_CONTRACT = (Path(__file__).parents[1] / "openapi.json").read_bytes()


class LiveApi(ApiView):
    def get(self, request: HttpRequest) -> HttpResponse:
        self.query({})
        return json_response({"status": "ok"})


class ReadyApi(ApiView):
    def get(self, request: HttpRequest) -> HttpResponse:
        self.query({})
        if drain.is_draining():
            return _unready("draining")
        if settings.SHOP.broken_release:
            return _unready("unavailable")
        if not _database_answers():
            return _unready("unavailable")
        return json_response({"status": "ok"})


class ContractApi(ApiView):
    def get(self, request: HttpRequest) -> HttpResponse:
        self.query({})
        response = HttpResponse(_CONTRACT, JSON)
        response.headers["Content-Length"] = str(len(_CONTRACT))
        return response


def _unready(status: str) -> HttpResponse:
    response = json_response({"status": status}, 503)
    response.headers["Content-Type"] = JSON
    return response


def _database_answers() -> bool:
    try:
        sql.fetch_one("SELECT 1")
    except Overloaded:
        # All connections are busy: the database is there.
        return True
    except (DatabaseError, InterfaceError, DependencyUnavailable):
        return False
    return True
