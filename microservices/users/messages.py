"""What users takes and gives."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

EMAIL_PATTERN = r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}\Z"
Email = Annotated[str, Meta(max_length=254, pattern=EMAIL_PATTERN)]
Password = Annotated[str, Meta(min_length=8, max_length=128)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class NewUser(Struct, frozen=True, forbid_unknown_fields=True):
    email: Email
    password: Password
    full_name: Name


class Credentials(Struct, frozen=True, forbid_unknown_fields=True):
    email: Email
    password: Password


class User(Struct, frozen=True):
    id: str
    email: str
    full_name: str
    created_at: datetime


class Token(Struct, frozen=True):
    access_token: str
    expires_in: int
    token_type: str = "Bearer"


class JwkSet(Struct, frozen=True):
    keys: list[dict[str, str]]
