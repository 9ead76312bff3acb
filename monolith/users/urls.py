"""Routes of users."""

from django.urls import path

from monolith.users import apis

urlpatterns = [
    path("users", apis.UsersApi.as_view()),
    path("users/me", apis.CurrentUserApi.as_view()),
    path("auth/tokens", apis.TokensApi.as_view()),
    path("auth/jwks", apis.KeySetApi.as_view()),
]
