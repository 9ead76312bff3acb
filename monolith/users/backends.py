"""Sign-in to the admin site: staff only, by address and password."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, check_password
from django.http import HttpRequest

from monolith.users.models import User


class StaffBackend(BaseBackend):
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> User | None:
        user = User.objects.filter(email=(username or "").lower(), staff=True).first()
        known = check_password(password or "", user.password if user else UNUSABLE_PASSWORD_PREFIX)
        return user if known else None

    def get_user(self, user_id: Any) -> User | None:
        return User.objects.filter(pk=user_id, staff=True).first()
