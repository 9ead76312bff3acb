"""The matrix of tokens: what is accepted, what is 401, what is 503."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from microservices.chassis.context import Context
from microservices.chassis.errors import DependencyUnavailable, Forbidden, Unauthenticated
from microservices.chassis.jwk import Jwk, jwk_of
from microservices.chassis.key_store import KeyStore
from microservices.chassis.service_tokens import ServiceSigner, ServiceVerifier
from microservices.chassis.tokens import authenticate_user, bearer_token

USER = "0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"
KEY = ec.generate_private_key(ec.SECP256R1())
JWK = jwk_of(KEY.public_key())
OTHER = ec.generate_private_key(ec.SECP256R1())


def _claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": "shop",
        "aud": "shop",
        "sub": USER,
        "staff": False,
        "iat": now,
        "exp": now + 60,
    } | changes
    return {name: value for name, value in claims.items() if value is not None}


def _token(
    claims: dict[str, Any] | None = None, key: Any = KEY, algorithm: str = "ES256", **header: Any
) -> str:
    headers = {"kid": JWK["kid"]} | header
    return jwt.encode(claims or _claims(), key, algorithm=algorithm, headers=headers)


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _handmade(header: dict[str, Any], secret: bytes = b"") -> str:
    """A token with any header; the signature is an HMAC of the secret, empty without one."""
    signed = f"{_part(header)}.{_part(_claims())}"
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest() if secret else b""
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


PUBLIC_PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


async def _verified(token: str, keys: KeyStore | None = None) -> Context:
    context = Context("r", asyncio.get_running_loop().time() + 3)
    context.token = token
    await authenticate_user(context, keys or KeyStore(None, None, [JWK]))
    return context


@pytest.mark.parametrize("staff", [True, False])
async def test_a_good_token_gives_the_identity(staff: bool) -> None:
    context = await _verified(_token(_claims(staff=staff)))
    assert (context.user_id, context.staff) == (USER, staff)


@pytest.mark.parametrize("iat", [0, 1.5, None])
async def test_when_a_token_was_issued_may_be_long_ago_or_unsaid(iat: float | None) -> None:
    assert (await _verified(_token(_claims(iat=iat)))).user_id == USER


async def test_a_clock_may_be_some_seconds_ahead() -> None:
    assert (await _verified(_token(_claims(iat=time.time() + 40)))).user_id == USER


# Made when they are tried: a token made with the module would have expired by then.
REFUSED: dict[str, Callable[[], str]] = {
    "unsigned": lambda: _handmade({"alg": "none", "kid": JWK["kid"]}),
    "HS256 with the public key": lambda: _handmade({"alg": "HS256", "kid": JWK["kid"]}, PUBLIC_PEM),
    "another key": lambda: _token(key=OTHER),
    "unknown kid": lambda: _token(kid="nobody"),
    "kid no string": lambda: _handmade({"alg": "ES256", "kid": 1}),
    "expired": lambda: _token(_claims(exp=int(time.time()) - 1)),
    "no exp": lambda: _token(_claims(exp=None)),
    "exp no number": lambda: _token(_claims(exp="soon")),
    "another issuer": lambda: _token(_claims(iss="other")),
    "no issuer": lambda: _token(_claims(iss=None)),
    "another audience": lambda: _token(_claims(aud="orders")),
    "no audience": lambda: _token(_claims(aud=None)),
    "no subject": lambda: _token(_claims(sub=None)),
    "subject no id": lambda: _token(_claims(sub="admin")),
    "no staff claim": lambda: _token(_claims(staff=None)),
    "staff no boolean": lambda: _token(_claims(staff="yes")),
    "not yet valid": lambda: _token(_claims(nbf=int(time.time()) + 100)),
    "issued far ahead": lambda: _token(_claims(iat=int(time.time()) + 3600)),
    "issued at no time": lambda: _token(_claims(iat="now")),
    "issued at no number": lambda: _token(_claims(iat=True)),
    "issued at NaN": lambda: _token(_claims(iat=float("nan"))),
    "unknown critical header": lambda: _token(crit=["x"], x=1),
    "changed signature": lambda: _token()[:-4] + "AAAA",
    "two parts": lambda: _token().rpartition(".")[0],
    "garbage": lambda: "abc",
    "dots": lambda: "..",
    "deep header": lambda: base64.urlsafe_b64encode(b"[" * 2000).decode() + ".e30.AA",
}


@pytest.mark.parametrize("token", REFUSED.values(), ids=REFUSED.keys())
async def test_any_other_token_is_refused(token: Callable[[], str]) -> None:
    with pytest.raises(Unauthenticated):
        await _verified(token())


@pytest.mark.parametrize(
    "values",
    [
        [],
        [""],
        ["Bearer"],
        ["Bearer "],
        ["Basic abc"],
        ["Bearer a", "Bearer a"],
        ["Bearer " + "a" * 4097],
        ["Bearer \udce9"],
    ],
)
def test_anything_but_one_bearer_header_of_usual_size_is_refused(values: list[str]) -> None:
    with pytest.raises(Unauthenticated):
        bearer_token(values)


def test_the_scheme_is_case_insensitive() -> None:
    assert bearer_token(["bEARER " + "a" * 4096]) == "a" * 4096


class _Issuer:
    """An issuer that counts how often it is asked."""

    def __init__(self, jwks: list[Jwk], failing: bool = False) -> None:
        self.jwks, self.failing, self.asked = jwks, failing, 0

    async def __call__(self) -> list[Jwk]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.failing:
            raise DependencyUnavailable
        return self.jwks


async def test_no_key_at_all_is_unavailable_and_not_unauthenticated() -> None:
    with pytest.raises(DependencyUnavailable):
        await _verified(_token(), KeyStore(_Issuer([], failing=True), None))


async def test_the_first_request_fetches_the_keys_once_for_all() -> None:
    issuer = _Issuer([JWK])
    keys = KeyStore(issuer, None)
    await asyncio.gather(*(_verified(_token(), keys) for _ in range(5)))
    assert issuer.asked == 1


async def test_who_comes_while_a_process_asks_at_its_start_waits_for_the_answer() -> None:
    """It was refused with 503: a fresh gateway is ready before its keys are there."""
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def issuer() -> list[Jwk]:
        asked.set()
        await may_answer.wait()
        return [JWK]

    keys = KeyStore(issuer, None)
    async with asyncio.TaskGroup() as group:
        group.create_task(keys.keep_fresh())
        await asked.wait()
        verified = group.create_task(_verified(_token(), keys))
        await asyncio.sleep(0)
        may_answer.set()
    assert verified.result().user_id == USER


async def test_an_unknown_key_id_asks_the_issuer_at_most_once_in_thirty_seconds() -> None:
    issuer = _Issuer([JWK])
    keys = KeyStore(issuer, None, [JWK])
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await _verified(_token(kid="nobody"), keys)
    assert issuer.asked == 1


async def test_known_keys_serve_while_the_issuer_is_down() -> None:
    keys = KeyStore(_Issuer([], failing=True), None, [JWK])
    assert (await _verified(_token(), keys)).user_id == USER


async def test_a_new_key_is_found_at_its_issuer() -> None:
    new = jwk_of(OTHER.public_key())
    keys = KeyStore(_Issuer([JWK, new]), None, [JWK])
    assert (await _verified(_token(key=OTHER, kid=new["kid"]), keys)).user_id == USER


@pytest.fixture
def verifier(tmp_path: Any) -> ServiceVerifier:
    """Of `stock`; the process that runs `shop` and `till` signs with KEY."""
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [{**JWK, "process": "shop+till"}]}))
    return ServiceVerifier("stock", str(path))


def _service_token(callee: str = "stock", key: ec.EllipticCurvePrivateKey = KEY) -> str:
    return ServiceSigner(key).header(callee).removeprefix("Bearer ")


def test_a_service_token_is_accepted_by_its_callee_only(verifier: ServiceVerifier) -> None:
    token = _service_token()
    verifier.verify(token, ("till",))
    verifier.verify(token, ("till",))
    with pytest.raises(Unauthenticated):
        verifier.verify(_service_token("money"), ("till",))


def test_a_callee_names_who_may_call(verifier: ServiceVerifier) -> None:
    token = _service_token()
    for allowed in ((), ("gateway",), ("shop+till",), ("gateway", "users")):
        with pytest.raises(Forbidden):
            verifier.verify(token, allowed)
    verifier.verify(token, ("gateway", "shop"))


def test_a_key_of_no_known_process_may_call_nothing(tmp_path: Any) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [JWK]}))
    with pytest.raises(Forbidden):
        ServiceVerifier("stock", str(path)).verify(_service_token(), ("shop", "till"))


def test_the_subject_of_a_service_token_is_its_key(verifier: ServiceVerifier) -> None:
    claims = _claims(iss="services", aud="stock", staff=None)
    verifier.verify(_token(claims | {"sub": JWK["kid"]}), ("shop",))
    with pytest.raises(Unauthenticated):
        verifier.verify(_token(claims | {"sub": "orders"}), ("shop",))


def test_a_service_token_is_made_once_and_reused() -> None:
    signer = ServiceSigner(KEY)
    assert signer.header("stock") == signer.header("stock")


def test_a_service_token_of_an_unknown_process_is_refused(verifier: ServiceVerifier) -> None:
    with pytest.raises(Unauthenticated):
        verifier.verify(_service_token(key=OTHER), ("shop",))


def test_a_user_token_is_no_service_token(verifier: ServiceVerifier) -> None:
    with pytest.raises(Unauthenticated):
        verifier.verify(_token(), ("shop",))


async def test_a_service_token_is_no_user_token() -> None:
    with pytest.raises(Unauthenticated):
        await _verified(_service_token("shop"))
