"""Reads of users."""

from uuid import UUID

from monolith.users.models import User


def user_get(*, user_id: UUID) -> User | None:
    return User.objects.filter(id=user_id).first()
