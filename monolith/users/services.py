"""Registration and sign-in."""

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, check_password
from django.db import connection

from monolith.common import errors
from monolith.common.database import duplicate_is
from monolith.common.tokens import issue_token
from monolith.users.models import User


def user_create(*, email: str, password: str, full_name: str) -> User:
    """Register a customer. Raises EmailTaken."""
    with duplicate_is(errors.EmailTaken):
        return User.objects.create_user(email=email, password=password, full_name=full_name)


def token_create(*, email: str, password: str) -> str:
    """Sign in. Raises InvalidCredentials, after the same time whichever part is wrong."""
    user = User.objects.filter(email=email).first()
    if not connection.in_atomic_block:
        connection.close()  # back to the pool: the hash takes longer than a hundred reads
    # Django's own for an unknown user: an unusable password costs as much time as a wrong one.
    known = check_password(password, user.password if user else UNUSABLE_PASSWORD_PREFIX)
    if not known or user is None:
        raise errors.InvalidCredentials
    return issue_token(user.id, user.staff)
