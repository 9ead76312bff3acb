"""Public keys that verify user tokens: in memory, in the component's database, at their issuer.

They live in each component's own database, so that tokens stay verifiable while the issuer is down.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from microservices.chassis.database import Database
from microservices.chassis.errors import ApiError, DependencyUnavailable, Unauthenticated
from microservices.chassis.jwk import Jwk, public_key

REFETCH_SECONDS = 30.0
EMPTY_REFETCH_SECONDS = 0.5  # while there is no key at all
FetchKeys: TypeAlias = Callable[[], Awaitable[Sequence[Jwk]]]
_STORE = """
INSERT INTO verification_keys (kid, jwk) VALUES (%s, %s::jsonb)
ON CONFLICT (kid) DO UPDATE SET jwk = excluded.jwk, fetched_at = now()"""
_log = logging.getLogger(__name__)


class KeyStore:
    """Finds the public key of a token.

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
        self._asking: asyncio.Task[bool] | None = None
        self._adopt(jwks)

    async def find(self, kid: str) -> ec.EllipticCurvePublicKey:
        """The key of this id; an unknown one asks the issuer, at most once in 30 s.

        Raises:
            Unauthenticated: the id is unknown.
            DependencyUnavailable: no key is known at all.
        """
        if kid not in self._keys:
            await self._ask()
        key = self._keys.get(kid)
        if key is None and not self._keys:
            raise DependencyUnavailable("No key to verify tokens with could be had yet.")
        if key is None:
            raise Unauthenticated("The token was signed with an unknown key.")
        return key

    async def keep_fresh(self) -> None:
        """Loads the stored keys, then asks the issuer, each until it has answered once."""
        await _until_done(self._load_stored)
        if self._fetch is not None:
            await _until_done(partial(self._share, self._fetch))

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
        """Asks the issuer, unless nobody is asking and that happened lately."""
        wait = REFETCH_SECONDS if self._keys else EMPTY_REFETCH_SECONDS
        if self._fetch is None or (
            self._asking is None and time.monotonic() - self._asked_at < wait
        ):
            return
        await self._share(self._fetch)

    async def _share(self, fetch: FetchKeys) -> bool:
        """Asks the issuer; who comes meanwhile, at the start too, waits for the same answer."""
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_and_forget(fetch))
        return await asyncio.shield(self._asking)

    async def _ask_and_forget(self, fetch: FetchKeys) -> bool:
        try:
            if not self._keys:  # a request came before the start was over
                await self._load_stored()
            return await self._ask_once(fetch)
        finally:
            self._asking = None

    async def _ask_once(self, fetch: FetchKeys) -> bool:
        self._asked_at = time.monotonic()
        try:
            jwks = await fetch()
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
        try:
            for jwk in jwks:
                await self._database.execute(
                    _STORE, (jwk["kid"], msgspec.json.encode(jwk).decode())
                )
        except ApiError as error:
            _log.warning("a public key could not be stored: %s", error.detail)


async def _until_done(attempt: Callable[[], Awaitable[bool]]) -> None:
    done = await attempt()
    while not done:
        await asyncio.sleep(EMPTY_REFETCH_SECONDS)
        done = await attempt()
