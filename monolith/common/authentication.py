"""DRF's authentication class for the shop's bearer tokens."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from monolith.common.tokens import Principal, verify_token

LONGEST_TOKEN_BYTES = 4096


class BearerAuthentication(BaseAuthentication):
    """The user is who a verified token speaks for; no row is read for it."""

    def authenticate(self, request: Request) -> tuple[Principal, str] | None:
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not 0 < len(token) <= LONGEST_TOKEN_BYTES:
            raise AuthenticationFailed
        principal = verify_token(token)
        if principal is None:
            raise AuthenticationFailed
        return principal, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
