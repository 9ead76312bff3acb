"""Service tokens, which stand for mTLS: who calls, and whether it may call this.

mTLS is paid per connection, so the callee remembers a verified token until it expires.
"""

import json
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from microservices.chassis.errors import Forbidden, Unauthenticated
from microservices.chassis.jwk import ALGORITHM, jwk_of, public_key
from microservices.chassis.settings import stop
from microservices.chassis.tokens import claims_of, key_id

ISSUER = "services"
TOKEN_SECONDS = 300
RENEW_SECONDS = 60
REMEMBERED = 256
REREAD_SECONDS = 1.0


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
            header = f"Bearer {self._token(callee, int(now))}"
            self._tokens[callee] = (now + TOKEN_SECONDS - RENEW_SECONDS, header)
        return header

    def _token(self, callee: str, now: int) -> str:
        times = {"iat": now, "exp": now + TOKEN_SECONDS}
        claims = {"iss": ISSUER, "sub": self._kid, "aud": callee, **times}
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self._kid})


@dataclass(frozen=True)
class Caller:
    """A process that may call others, and what it runs: components, or the edge."""

    key: ec.EllipticCurvePublicKey
    runs: frozenset[str]


class ServiceVerifier:
    """Verifies service tokens addressed to one component.

    The JWK set holds the public key of each process, with the process's name (`users+inventory`,
    `gateway`) as the member `process`.
    """

    def __init__(self, component: str, jwks_file: str | None) -> None:
        self._component = component
        self._path = Path(jwks_file) if jwks_file else None
        self._read_at = 0.0
        self._callers: dict[str, Caller] = {}
        self._known: dict[str, tuple[float, Caller]] = {}
        if self._path is not None:
            self._read(self._path)

    def verify(self, token: str, allowed: Collection[str]) -> None:
        """Lets a caller pass that runs one of the `allowed`.

        Raises:
            Unauthenticated: no valid token for this component, or its `sub` is not the signer.
            Forbidden: a valid one of somebody else.
        """
        expires_at, caller = self._known.get(token, (0.0, None))
        if caller is None or time.time() >= expires_at:
            caller = self._verified(token)
        if caller.runs.isdisjoint(allowed):
            raise Forbidden("This operation is not for this caller.")

    def _verified(self, token: str) -> Caller:
        kid = key_id(token)
        caller = self._caller(kid)
        claims = claims_of(token, caller.key, ISSUER, self._component)
        if claims["sub"] != kid:
            raise Unauthenticated("The token names another process than the one that signed it.")
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[token] = (float(claims["exp"]), caller)
        return caller

    def _caller(self, kid: str) -> Caller:
        due = time.monotonic() - self._read_at > REREAD_SECONDS
        if kid not in self._callers and self._path is not None and due:
            self._read(self._path)  # a process that was added after this one started
        if kid not in self._callers:
            raise Unauthenticated("The token was signed with an unknown key.")
        return self._callers[kid]

    def _read(self, path: Path) -> None:
        self._read_at = time.monotonic()
        try:
            self._callers = {
                jwk["kid"]: Caller(public_key(jwk), frozenset(jwk.get("process", "").split("+")))
                for jwk in json.loads(path.read_bytes())["keys"]
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            stop(f"setting SERVICE_JWKS_FILE: {path} is no readable JWK set: {error}")
