"""Settings of users alone."""

from typing import Annotated

from msgspec import Meta, Struct, field


class UsersSettings(Struct, frozen=True, kw_only=True):
    """Beside the settings of every service process:

    - `SIGNING_KEY_FILE`: PEM file with the private ES256 key that signs user tokens.
    - `TOKEN_TTL_SECONDS`: how long a user token is valid (3600).
    - `PASSWORD_THREADS`: threads that hash passwords, 19 MiB of memory each (2).
    """

    signing_key_file: str = field(name="SIGNING_KEY_FILE")
    token_ttl_seconds: Annotated[int, Meta(ge=1)] = field(name="TOKEN_TTL_SECONDS", default=3600)
    password_threads: Annotated[int, Meta(ge=1, le=64)] = field(name="PASSWORD_THREADS", default=2)
