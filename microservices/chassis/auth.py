"""Who is calling: user tokens, verified on every request, and service tokens.

Public keys of users live in each component's own database, so that tokens stay verifiable while
their issuer is down. Service tokens stand for mTLS, which is paid per connection: the callee
remembers a verified one until it expires. Verified user tokens are never remembered.
"""

import asyncio
import base64
import binascii
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import jwt
import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm

from microservices.chassis.context import Context
from microservices.chassis.database import Database
from microservices.chassis.errors import ApiError, DependencyUnavailable, Unauthenticated
from microservices.chassis.operations import UUID_PATTERN
from microservices.chassis.settings import stop

ALGORITHM = "ES256"
ISSUER = AUDIENCE = "shop"
MAX_TOKEN = 4096
REFETCH_SECONDS = 30.0
EMPTY_REFETCH_SECONDS = 0.5  # while there is no key at all
SERVICE_ISSUER = "services"
SERVICE_TOKEN_SECONDS = 300
SERVICE_TOKEN_RENEW_SECONDS = 60
REMEMBERED_SERVICE_TOKENS = 256

Jwk: TypeAlias = dict[str, str]
FetchKeys: TypeAlias = Callable[[], Awaitable[Sequence[Jwk]]]
_is_uuid = re.compile(UUID_PATTERN).fullmatch
_jwt = jwt.PyJWT({"require": ["iss", "aud", "exp", "sub"]})
_log = logging.getLogger(__name__)


def bearer_token(values: Sequence[str]) -> str:
    """The token of the one Authorization header.

    Raises:
        Unauthenticated: none, several, another scheme, or a token over 4 KiB.
    """
    if len(values) != 1:
        raise Unauthenticated("One Authorization header with a bearer token is needed.")
    scheme, _, token = values[0].partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN or not token.isascii():
        raise Unauthenticated("The Authorization header holds no usable bearer token.")
    return token


@lru_cache(maxsize=64)
def _key_id(header: str) -> str:
    """The `kid` of an encoded JOSE header; the header is the same in all tokens of one key."""
    try:
        members = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
        if members["alg"] == ALGORITHM and isinstance(members["kid"], str):
            return str(members["kid"])
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        pass
    raise Unauthenticated("The token's header is not acceptable.")


def _claims(token: str, key: ec.EllipticCurvePublicKey, issuer: str, audience: str) -> Any:
    try:
        return _jwt.decode(token, key, algorithms=[ALGORITHM], audience=audience, issuer=issuer)
    except jwt.InvalidTokenError:
        raise Unauthenticated("The token is not valid.") from None


def public_key(jwk: Mapping[str, str]) -> ec.EllipticCurvePublicKey:
    """The P-256 public key of a JWK; ValueError if it is none."""
    try:
        key = ECAlgorithm(ECAlgorithm.SHA256).from_jwk(dict(jwk))
    except jwt.InvalidKeyError as error:
        raise ValueError(str(error)) from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("not a public P-256 key")
    return key


def jwk_of(key: ec.EllipticCurvePublicKey) -> Jwk:
    """The public JWK of a key; its `kid` is the thumbprint of RFC 7638."""
    numbers = key.public_numbers()
    jwk = {"crv": "P-256", "kty": "EC", "x": _b64(numbers.x), "y": _b64(numbers.y)}
    digest = hashes.Hash(hashes.SHA256())
    digest.update(json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode())
    kid = base64.urlsafe_b64encode(digest.finalize()).decode().rstrip("=")
    return {**jwk, "kid": kid, "use": "sig", "alg": ALGORITHM}


def _b64(coordinate: int) -> str:
    return base64.urlsafe_b64encode(coordinate.to_bytes(32, "big")).decode().rstrip("=")


def load_private_key(setting: str, path: str) -> ec.EllipticCurvePrivateKey:
    """The private P-256 key of a PEM file, or the end of the process with one clear line."""
    try:
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        stop(f"setting {setting}: {path} holds no readable private key: {error}")
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        stop(f"setting {setting}: {path} holds no P-256 key")
    return key


class KeyStore:
    """Public keys of users: in memory, in the component's database, and at their issuer.

    Args:
        fetch: Asks the issuer; None for the issuer itself, whose keys are given.
        database: Where keys survive a restart; None keeps them in memory only.
    """

    def __init__(
        self, fetch: FetchKeys | None, database: Database | None, jwks: Sequence[Jwk] = ()
    ) -> None:
        self._fetch = fetch
        self._database = database
        self._keys: dict[str, ec.EllipticCurvePublicKey] = {}
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self._adopt(jwks)

    async def find(self, kid: str) -> ec.EllipticCurvePublicKey:
        """The key of this id; an unknown one asks the issuer, at most once in 30 s.

        Raises:
            Unauthenticated: the id is unknown.
            DependencyUnavailable: no key is known at all.
        """
        key = self._keys.get(kid)
        if key is None:
            await self._ask()
            key = self._keys.get(kid)
            if key is None and not self._keys:
                raise DependencyUnavailable("No key to verify tokens with could be had yet.")
            if key is None:
                raise Unauthenticated("The token was signed with an unknown key.")
        return key

    async def keep_fresh(self) -> None:
        """Loads the stored keys, then asks the issuer until it has answered once."""
        loaded = await self._load_stored()
        while not loaded:
            await asyncio.sleep(EMPTY_REFETCH_SECONDS)
            loaded = await self._load_stored()
        if self._fetch is None:
            return
        fetched = await self._ask_once()
        while not fetched:
            await asyncio.sleep(EMPTY_REFETCH_SECONDS)
            fetched = await self._ask_once()

    async def _load_stored(self) -> bool:
        """Takes the keys of the database; False if it could not be asked."""
        if self._database is None:
            return True
        try:
            rows = await self._database.fetch_all("SELECT jwk::text FROM verification_keys")
        except ApiError:
            return False
        self._adopt([msgspec.json.decode(row[0], type=Jwk) for row in rows])
        return True

    async def _ask(self) -> None:
        """Asks the issuer unless that happened lately; simultaneous callers share one question."""
        wait = REFETCH_SECONDS if self._keys else EMPTY_REFETCH_SECONDS
        if self._asking is None:
            if self._fetch is None or time.monotonic() - self._asked_at < wait:
                return
            self._asking = asyncio.create_task(self._ask_and_forget())
        await asyncio.shield(self._asking)

    async def _ask_and_forget(self) -> None:
        try:
            if not self._keys:  # a request came before the start was over
                await self._load_stored()
            await self._ask_once()
        finally:
            self._asking = None

    async def _ask_once(self) -> bool:
        assert self._fetch is not None
        self._asked_at = time.monotonic()
        try:
            jwks = await self._fetch()
        except ApiError as error:
            _log.info("the public keys could not be fetched: %s", error.detail)
            return False
        self._adopt(jwks)
        await self._store(jwks)
        return True

    def _adopt(self, jwks: Sequence[Jwk]) -> None:
        for jwk in jwks:
            try:
                self._keys[jwk["kid"]] = public_key(jwk)
            except (KeyError, ValueError) as error:
                _log.warning("a public key is not usable: %s", error)

    async def _store(self, jwks: Sequence[Jwk]) -> None:
        if self._database is None:
            return
        for jwk in jwks:
            try:
                await self._database.execute(
                    "INSERT INTO verification_keys (kid, jwk) VALUES (%s, %s::jsonb) "
                    "ON CONFLICT (kid) DO UPDATE SET jwk = excluded.jwk, fetched_at = now()",
                    (jwk["kid"], msgspec.json.encode(jwk).decode()),
                )
            except ApiError as error:
                _log.warning("a public key could not be stored: %s", error.detail)


async def authenticate_user(ctx: Context, keys: KeyStore) -> None:
    """Verifies `ctx.token` and puts the identity into the context; once a request.

    A call in memory on behalf of the same request finds it verified already.

    Raises:
        Unauthenticated, DependencyUnavailable
    """
    if ctx.verified:
        return
    kid = _key_id(ctx.token.partition(".")[0])
    claims = _claims(ctx.token, await keys.find(kid), ISSUER, AUDIENCE)
    subject, staff = claims["sub"], claims.get("staff")
    if not isinstance(subject, str) or not _is_uuid(subject) or not isinstance(staff, bool):
        raise Unauthenticated("The token lacks a claim.")
    ctx.user_id, ctx.staff, ctx.verified = subject, staff, True


class ServiceSigner:
    """Makes this process's service tokens, one per callee, renewed a minute before they expire."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self._kid = jwk_of(key.public_key())["kid"]
        self._tokens: dict[str, tuple[float, str]] = {}

    def header(self, callee: str) -> str:
        """The Authorization header for a call to `callee`."""
        now = time.time()
        renew_at, header = self._tokens.get(callee, (0.0, ""))
        if now >= renew_at:
            claims = {
                "iss": SERVICE_ISSUER,
                "sub": self._kid,
                "aud": callee,
                "iat": int(now),
                "exp": int(now) + SERVICE_TOKEN_SECONDS,
            }
            token = jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self._kid})
            header = f"Bearer {token}"
            renew_at = now + SERVICE_TOKEN_SECONDS - SERVICE_TOKEN_RENEW_SECONDS
            self._tokens[callee] = (renew_at, header)
        return header


class ServiceVerifier:
    """Verifies service tokens addressed to one component."""

    def __init__(self, component: str, jwks_file: str | None) -> None:
        self._component = component
        self._path = Path(jwks_file) if jwks_file else None
        self._read_at = 0.0
        self._keys: dict[str, ec.EllipticCurvePublicKey] = {}
        self._known: dict[str, float] = {}
        if self._path is not None:
            self._read(self._path)

    def verify(self, token: str) -> None:
        """Unauthenticated unless the token is a valid one for this component."""
        expires_at = self._known.get(token)
        if expires_at is not None and time.time() < expires_at:
            return
        claims = _claims(token, self._key(token), SERVICE_ISSUER, self._component)
        if len(self._known) >= REMEMBERED_SERVICE_TOKENS:
            self._known.clear()
        self._known[token] = float(claims["exp"])

    def _key(self, token: str) -> ec.EllipticCurvePublicKey:
        kid = _key_id(token.partition(".")[0])
        key = self._keys.get(kid)
        if key is None and self._path is not None and time.monotonic() - self._read_at > 1.0:
            self._read(self._path)  # a process that was added after this one started
            key = self._keys.get(kid)
        if key is None:
            raise Unauthenticated("The token was signed with an unknown key.")
        return key

    def _read(self, path: Path) -> None:
        self._read_at = time.monotonic()
        try:
            document = json.loads(path.read_bytes())
            self._keys = {jwk["kid"]: public_key(jwk) for jwk in document["keys"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            stop(f"setting SERVICE_JWKS_FILE: {path} is no readable JWK set: {error}")
