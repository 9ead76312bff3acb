"""The API's middlewares, in the order of the settings."""

import os
import re
from collections.abc import Callable
from time import perf_counter
from typing import Any

from django.conf import settings
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse

from monolith.common.clock import CLOCK
from monolith.common.database import bounded
from monolith.common.errors import Overloaded
from monolith.common.places import Places
from monolith.common.problems import problem_response
from monolith.common.watchdog import WATCHDOG

Handler = Callable[[HttpRequest], HttpResponse]

_OPERATORS = ("/live", "/ready")
_is_request_id = re.compile(r"[A-Za-z0-9._-]{1,64}").fullmatch


def request_scope(get_response: Handler) -> Handler:
    """The request's clock, X-Request-ID, Server-Timing, and HEAD as GET without its body."""
    deadline_seconds = settings.SHOP.deadline_seconds

    def handle(request: HttpRequest) -> HttpResponse:
        CLOCK.start(deadline_seconds)
        response = get_response(request)
        CLOCK.stop()
        response._has_been_logged = True  # the unexpected has been, a refusal is no log line
        # Of several a server hands over one with a comma, which is no id.
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        response["X-Request-ID"] = given if _is_request_id(given) else os.urandom(12).hex()
        response["Content-Length"] = str(len(response.content))
        if request.method == "HEAD":
            response.content = b""
        app_ms = (perf_counter() - CLOCK.started) * 1000
        response["Server-Timing"] = f"app;dur={app_ms:.3f}, db;dur={CLOCK.db_seconds * 1000:.3f}"
        return response

    return handle


class AdmissionMiddleware:
    """Sheds what comes when the server, or one component of it, has enough to do.

    No component may take all places: those who wait for a password's hash leave room for readers.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        shop = settings.SHOP
        self.places = Places(shop.admitted, shop.workers)
        self.of_component = {
            name: Places(shop.admitted_of_component, shop.workers) for name in settings.COMPONENTS
        }

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path in _OPERATORS or not settings.SHOP.resilience:
            return self.get_response(request)
        # Nobody waits for a thread longer than others may wait for a connection: a server that
        # works off its whole queue in an overload answers only those who have given up.
        late = CLOCK.waited_seconds > settings.SHOP.pool_timeout_seconds
        if late or not self.places.take():
            return problem_response(Overloaded())
        try:
            return self.get_response(request)
        finally:
            self.places.give_back()
            held = getattr(request, "bulkhead", None)
            if held is not None:
                held.give_back()

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        bulkhead = self.of_component.get(view.cls.component)
        if bulkhead is None or not settings.SHOP.resilience:
            return None
        if not bulkhead.take():
            return problem_response(Overloaded())
        request.bulkhead = bulkhead
        return None


def database_bounds(get_response: Handler) -> Handler:
    """Every statement within the deadline and on the clock, and none that waits for ever."""

    def handle(request: HttpRequest) -> HttpResponse:
        WATCHDOG.enter(connections["default"], CLOCK.deadline)
        try:
            with connection.execute_wrapper(bounded):
                return get_response(request)
        finally:
            WATCHDOG.leave()

    return handle
