"""The base of every view: DRF's `APIView` with the contract's order of checks.

`initial` answers 405, 401, 403; then a handler calls `self.receive` (413, 415, 400, key, 422) or
`self.query` (422), a service or selector, and a response. Content negotiation, parsers, throttles
and the wrapping of the request are left out: the contract has one media type.
"""

import socket
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.views import APIView

from monolith.common import errors
from monolith.common.body import drain_body, read_body
from monolith.common.faults import ARMED, MARKS, OPERATION_POINTS, DropReply, hit
from monolith.common.fields import Validator, parse_query
from monolith.common.idempotency import KeyedRequest, fingerprint_of, read_key
from monolith.common.json_body import parse_json
from monolith.common.responses import problem_response, shop_error
from monolith.common.tokens import Principal, verify_bearer


class Access(Enum):
    PUBLIC = "public"
    USER = "user"
    STAFF = "staff"


class LeanApiView(APIView):
    """DRF's dispatch without what this API has no use for; `monolith.floor` starts here too."""

    http_method_names = ["get", "head", "post", "patch"]

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {}

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpRequest:
        return request

    def initial(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """No negotiation, authentication, permission or throttle of DRF's own."""

    def finalize_response(
        self, request: HttpRequest, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        return response


class ApiView(LeanApiView):
    """One path; `access` names who may call which method, everyone if it is not in there."""

    access: ClassVar[Mapping[str, Access]] = {}
    components: ClassVar[tuple[str, ...]] = ()  # whose operations these are; see common.faults
    principal: Principal

    def initial(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        method = request.method or ""
        allowed = _allowed_methods(type(self))
        if method not in allowed:
            raise errors.MethodNotAllowed(allowed)
        access = self.access.get("GET" if method == "HEAD" else method, Access.PUBLIC)
        if access is not Access.PUBLIC:
            self.principal = verify_bearer(request.META.get("HTTP_AUTHORIZATION"))
            if access is Access.STAFF and not self.principal.staff:
                raise errors.Forbidden
        if ARMED:
            self.enter_operation()

    def __init_subclass__(cls) -> None:
        """A view of an app is an operation of that component."""
        app = cls.__module__.removeprefix("monolith.").partition(".")[0]
        if not cls.components and f"{app}.operation" in OPERATION_POINTS:
            cls.components = (app,)

    def enter_operation(self) -> None:
        MARKS.poison = self.request.META.get("HTTP_X_POISON", "")
        for component in self.components:
            hit(f"{component}.operation")

    def query(self, parameters: Mapping[str, Validator]) -> dict[str, Any]:
        """The validated query; an operation without parameters passes none."""
        return parse_query(self.request.META.get("QUERY_STRING", ""), parameters)

    def receive(self, validate: Validator, *, empty: bytes = b"") -> dict[str, Any]:
        """The validated body of an operation without idempotency key."""
        body = parse_json(read_body(self.request, empty))
        self.query({})
        valid: dict[str, Any] = validate(body, "")
        return valid

    def receive_keyed(
        self, validate: Validator, *, empty: bytes = b""
    ) -> tuple[dict[str, Any], KeyedRequest]:
        """The validated body with the request's key and fingerprint."""
        body = parse_json(read_body(self.request, empty))
        key = read_key(self.request.META)
        self.query({})
        valid: dict[str, Any] = validate(body, "")
        keyed = KeyedRequest(
            user_id=self.principal.user_id,
            method=self.request.method or "",
            path=self.request.path,
            key=key,
            fingerprint=fingerprint_of(valid),
        )
        return valid, keyed

    def handle_exception(self, exc: Exception) -> HttpResponse:
        """Every error ends here. The body is read on, or its sender would see a reset."""
        if isinstance(exc, DropReply):
            return _drop_connection(self.request)
        drain_body(self.request)
        return problem_response(shop_error(exc))


@cache
def _allowed_methods(view: type[APIView]) -> tuple[str, ...]:
    names = [name.upper() for name in view.http_method_names if hasattr(view, name)]
    if "GET" in names and "HEAD" not in names:
        names.insert(1, "HEAD")
    return tuple(names)


def _drop_connection(request: HttpRequest) -> HttpResponse:
    """The peer sees the connection end without a byte."""
    connection = request.META.get("gunicorn.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
    return problem_response(errors.InternalError())
