"""Views of users."""

from django.conf import settings
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from monolith.common.tokens import signing_key
from monolith.common.views import ShopAPIView
from monolith.users import selectors, services
from monolith.users.serializers import CredentialsSerializer, RegistrationSerializer, UserSerializer


class UsersApi(ShopAPIView):
    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        user = services.user_create(**self.validated_body(RegistrationSerializer))
        return Response(UserSerializer(user).data, 201)


class TokensApi(ShopAPIView):
    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        token = services.token_create(**self.validated_body(CredentialsSerializer))
        seconds = settings.SHOP.token_ttl_seconds
        return Response({"access_token": token, "token_type": "Bearer", "expires_in": seconds})


class CurrentUserApi(ShopAPIView):
    def get(self, request: Request) -> Response:
        self.refuse_query()
        user = selectors.user_get(user_id=request.user.id)
        if user is None:
            raise NotAuthenticated  # the token has outlived its user
        return Response(UserSerializer(user).data)


class KeySetApi(ShopAPIView):
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        self.refuse_query()
        return Response({"keys": [signing_key().jwk]})
