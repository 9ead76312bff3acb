"""The API's only middleware: request id, Server-Timing, the request's clock, shedding."""

import os
import re
from collections.abc import Callable
from time import perf_counter

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from monolith.common.clock import CLOCK
from monolith.common.errors import Overloaded
from monolith.common.responses import problem_response

Handler = Callable[[HttpRequest], HttpResponse]

_OPERATORS = ("/live", "/ready")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_scope(get_response: Handler) -> Handler:
    deadline_seconds = settings.SHOP.deadline_ms / 1000
    patience_seconds = settings.SHOP_MAX_QUEUED_SECONDS

    def handle(request: HttpRequest) -> HttpResponse:
        CLOCK.start(deadline_seconds)
        if CLOCK.waited_seconds > patience_seconds and not request.path.startswith(_OPERATORS):
            response: HttpResponse = problem_response(Overloaded())
        else:
            response = get_response(request)
        CLOCK.stop()
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        headers = response.headers
        headers["X-Request-ID"] = given if _REQUEST_ID.fullmatch(given) else os.urandom(12).hex()
        app_ms = (perf_counter() - CLOCK.started) * 1000
        db_ms = CLOCK.db_seconds * 1000
        if request.method == "HEAD":
            response.content = b""  # Content-Length stays that of GET
        headers["Server-Timing"] = f"app;dur={app_ms:.3f}, db;dur={db_ms:.3f}"
        return response

    return handle
