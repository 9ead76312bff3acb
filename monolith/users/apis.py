"""Views of users."""

from django.http import HttpRequest, HttpResponse

from monolith.common import errors, fields
from monolith.common.api import Access, ApiView
from monolith.common.responses import json_response
from monolith.common.tokens import signing_key
from monolith.users import selectors, services

_PASSWORD = fields.text(8, 128)


class UsersApi(ApiView):
    new_user = staticmethod(
        fields.record(
            {"email": fields.email, "password": _PASSWORD, "full_name": fields.text(1, 200)}
        )
    )

    def post(self, request: HttpRequest) -> HttpResponse:
        return json_response(services.user_create(**self.receive(self.new_user)), 201)


class TokensApi(ApiView):
    credentials = staticmethod(fields.record({"email": fields.email, "password": _PASSWORD}))

    def post(self, request: HttpRequest) -> HttpResponse:
        return json_response(services.token_create(**self.receive(self.credentials)))


class CurrentUserApi(ApiView):
    access = {"GET": Access.USER}

    def get(self, request: HttpRequest) -> HttpResponse:
        self.query({})
        user = selectors.user_get(user_id=self.principal.user_id)
        if user is None:
            raise errors.Unauthenticated
        return json_response(user)


class KeySetApi(ApiView):
    def get(self, request: HttpRequest) -> HttpResponse:
        self.query({})
        return json_response({"keys": [signing_key().jwk]})
