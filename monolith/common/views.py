"""The base of every view: DRF's `APIView` with the contract's order of checks.

Method (405), authentication and permission (401, 403), the body's size (413); then the handler asks
for the validated body (415, 400, key 400, 422) or query (422) and calls a service or selector.
"""

from typing import Any, ClassVar

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from monolith.common.faults import ARMED, MARKS, OPERATION_POINTS, hit
from monolith.common.idempotency import KeyedRequest, fingerprint_of, read_key
from monolith.common.requests import ShopRequest, query_of


class ShopAPIView(APIView):
    """One path."""

    http_method_names = ["get", "head", "post", "patch"]
    empty_body: ClassVar[bytes] = b""  # what stands for a body that was left out
    component: ClassVar[str] = ""  # whose bulkhead its requests share
    enters: ClassVar[tuple[str, ...]] = ()  # whose operation it is; see common.faults

    def __init_subclass__(cls) -> None:
        """A view of an app is an operation of that component."""
        cls.component = cls.__module__.removeprefix("monolith.").partition(".")[0]
        if not cls.enters and f"{cls.component}.operation" in OPERATION_POINTS:
            cls.enters = (cls.component,)

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> ShopRequest:
        return ShopRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def initial(self, request: ShopRequest, *args: Any, **kwargs: Any) -> None:
        if request.method not in self.allowed_methods:
            self.http_method_not_allowed(request)
        super().initial(request, *args, **kwargs)
        if ARMED:
            MARKS.poison = request.META.get("HTTP_X_POISON", "")
            for component in self.enters:
                hit(f"{component}.operation")
        request.read_body()

    def perform_authentication(self, request: Request) -> None:
        """When a permission asks for the user, not before: public operations ignore the header."""

    def refuse_query(self) -> None:
        """For an operation without parameters."""
        query_of(self.request, ())

    def validated_query(self, serializer_class: type[BaseSerializer]) -> dict[str, Any]:
        return _validated(serializer_class, query_of(self.request, serializer_class().fields))

    def validated_body(self, serializer_class: type[BaseSerializer]) -> dict[str, Any]:
        body = self.request.data
        self.refuse_query()
        return _validated(serializer_class, body)

    def validated_keyed_body(
        self, serializer_class: type[BaseSerializer]
    ) -> tuple[dict[str, Any], KeyedRequest]:
        """The body of an operation that takes an Idempotency-Key, with what the key stands for."""
        body = self.request.data
        key = read_key(self.request.META)
        self.refuse_query()
        valid = _validated(serializer_class, body)
        return valid, KeyedRequest(
            user_id=self.request.user.id,
            method=self.request.method,
            path=self.request.path,
            key=key,
            fingerprint=fingerprint_of(valid),
        )


def _validated(serializer_class: type[BaseSerializer], data: Any) -> dict[str, Any]:
    serializer = serializer_class(data=data)
    serializer.is_valid(raise_exception=True)
    valid: dict[str, Any] = serializer.validated_data
    return valid
