"""Registration, sign-in, the signed-in user, the public keys."""

import time
from collections.abc import Mapping
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg.errors import UniqueViolation

from microservices.chassis.context import Context
from microservices.chassis.errors import Unauthenticated
from microservices.chassis.jwk import ALGORITHM, jwk_of, load_private_key
from microservices.chassis.operations import Empty, Resources
from microservices.chassis.settings import load
from microservices.chassis.tokens import AUDIENCE, ISSUER
from microservices.users import statements
from microservices.users.errors import EmailTaken, InvalidCredentials
from microservices.users.messages import Credentials, JwkSet, NewUser, Token, User
from microservices.users.passwords import Passwords
from microservices.users.settings import UsersSettings


class Users:
    """The component's operations."""

    def __init__(self, resources: Resources) -> None:
        settings = load(UsersSettings, resources.environ)
        self._database = resources.database
        self._passwords = Passwords(settings.password_threads, bounded=resources.settings.resilient)
        self._key = signing_key(resources.environ)
        self._jwk = jwk_of(self._key.public_key())
        self._ttl = settings.token_ttl_seconds

    async def create_user(self, ctx: Context, request: NewUser) -> User:
        hashed = await self._passwords.hash(request.password)
        user_id = str(uuid4())
        email = request.email.lower()
        try:
            row = await self._database.fetch_one(
                statements.INSERT_USER, (user_id, email, hashed, request.full_name)
            )
        except UniqueViolation:
            raise EmailTaken("There is an account with this email address.") from None
        assert row is not None  # an insert that did not raise returns its row
        return User(user_id, email, request.full_name, row[0])

    async def create_token(self, ctx: Context, request: Credentials) -> Token:
        row = await self._database.fetch_one(statements.CREDENTIALS, (request.email.lower(),))
        user_id, stored, staff = row or ("", None, False)
        if not await self._passwords.verify(stored, request.password):
            raise InvalidCredentials("Email address or password is wrong.")
        return Token(self._signed(user_id, staff), self._ttl)

    async def get_current_user(self, ctx: Context, request: Empty) -> User:
        row = await self._database.fetch_one(statements.USER, (ctx.user_id,))
        if row is None:
            raise Unauthenticated("The user of this token no longer exists.")
        return User(*row)

    async def get_jwks(self, ctx: Context, request: Empty) -> JwkSet:
        return JwkSet([self._jwk])

    def _signed(self, user_id: str, staff: bool) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user_id,
            "staff": staff,
            "iat": now,
            "exp": now + self._ttl,
        }
        headers = {"kid": self._jwk["kid"]}
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers=headers)


def signing_key(environ: Mapping[str, str]) -> ec.EllipticCurvePrivateKey:
    """The private key that signs user tokens."""
    return load_private_key("SIGNING_KEY_FILE", load(UsersSettings, environ).signing_key_file)


def public_keys(environ: Mapping[str, str]) -> list[dict[str, str]]:
    """The public half, as this component's own store of keys needs it."""
    return [jwk_of(signing_key(environ).public_key())]
