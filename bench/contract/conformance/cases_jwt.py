"""Tokens that must not pass, tried at one route of each component."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.contract.conformance.expect import expect, expect_problem
from bench.contract.conformance.registry import Case, add_case, case
from bench.contract.conformance.tokens import (
    base64url,
    decode_part,
    good_claims,
    hs256_with,
    load_signing_key,
    sign,
    thumbprint,
    unbase64url,
    unsigned,
    with_claims,
    with_header,
)
from bench.contract.conformance.violations import CaseSkipped
from bench.contract.conformance.world import Person, World

AREA = "security"
ROUTES = {
    "users": "/users/me",
    "payments": "/wallet",
    "orders": "/orders",
    "shop": "/account/overview",
}
Claims = dict[str, Any]


def _refused(world: World, component: str, token: str) -> None:
    if component == "inventory":
        path = "/products/0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"
        answer = world.call("PATCH", path, token=token, payload={"name": "x"})
    else:
        answer = world.call("GET", ROUTES[component], token=token)
    expect_problem(answer, "unauthenticated")


def _staff(world: World) -> Person:
    """A staff token where a route needs one: a bad token must fail before 403 is looked at."""
    return world.staff()


# -- without the signing key ----------------------------------------------------------------------


def tampered(world: World) -> list[str]:
    """Variants of a good token that need no key."""
    person, other = _staff(world), world.person()
    token = person.token
    header, claims, signature = token.split(".")
    decoded = decode_part(token, 1)
    flipped = signature[:-4] + ("AAAA" if signature[-4:] != "AAAA" else "BBBB")
    kid = decode_part(token, 0)["kid"]
    return [
        *(unsigned(decoded, name) for name in ("none", "None", "NONE", "nOnE", "")),
        f"{unsigned(decoded)}{signature}",
        with_claims(token, sub=other.id),
        with_claims(token, staff=not decoded["staff"]),
        with_claims(token, exp=decoded["exp"] + 1),
        with_claims(token, iss="other"),
        with_claims(token, aud="other"),
        with_header(token, kid="unknown"),
        with_header(token, kid="../../../../dev/null"),
        with_header(token, kid=7),
        with_header(token, kid={"a": "b"}),
        with_header(token, kid=None),
        with_header(token, kid="x" * 2_000),
        with_header(token, alg="HS256"),
        with_header(token, alg="RS256"),
        with_header(token, alg="ES384"),
        with_header(token, alg=None),
        with_header(token, jku="http://127.0.0.1:1/keys", jwk={"kty": "EC"}),
        f"{header}.{claims}.{flipped}",
        f"{header}.{claims}.",
        f"{header}.{claims}",
        f"{header}.{claims}.{base64url(bytes(64))}",
        f"{header}.{claims}.{base64url(b'x' * 63)}",
        f"{header}..{signature}",
        f".{claims}.{signature}",
        f"{token}.{signature}",
        "..",
        f"{base64url(b'[]')}.{claims}.{signature}",
        f"{header}.{base64url(b'[]')}.{signature}",
        f"{base64url(b'{')}.{claims}.{signature}",
        f"{base64url(bytes([255, 254]))}.{claims}.{signature}",
        f"{base64url(b'[' * 2_000)}.{claims}.{signature}",
        token + "A" * 5_000,
        "x" * 5_000,
        _by_a_stranger(decoded, kid),
        _by_a_stranger(decoded, None),
    ]


def _by_a_stranger(claims: Claims, kid: str | None) -> str:
    return sign(claims, ec.generate_private_key(ec.SECP256R1()), kid)


def tampered_tokens(component: str, world: World) -> None:
    for token in tampered(world):
        _refused(world, component, token)


def _published_secrets(world: World, kid: str) -> list[bytes]:
    """The published key in every form that could be mistaken for a shared secret."""
    keys = expect(world.call("GET", "/auth/jwks"), 200)["keys"]
    found = next(key for key in keys if key["kid"] == kid)
    x, y = (int.from_bytes(unbase64url(found[part])) for part in ("x", "y"))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    info = PublicFormat.SubjectPublicKeyInfo
    return [
        public.public_bytes(Encoding.PEM, info),
        public.public_bytes(Encoding.DER, info),
        public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        b"",
    ]


@case("HS256 with the public key as its secret is 401", AREA, "shop")
def confused_algorithm(world: World) -> None:
    token = world.person().token
    kid = decode_part(token, 0)["kid"]
    for secret in _published_secrets(world, kid):
        forged = hs256_with(secret, decode_part(token, 1), kid)
        for component in (*ROUTES, "inventory"):
            _refused(world, component, forged)


# -- with the signing key -------------------------------------------------------------------------


def _without(claims: Claims, name: str) -> Claims:
    return {key: value for key, value in claims.items() if key != name}


BAD_CLAIMS: dict[str, Callable[[Claims], Claims]] = {
    "another issuer": lambda claims: {**claims, "iss": "other"},
    "another audience": lambda claims: {**claims, "aud": "other"},
    "no issuer": lambda claims: _without(claims, "iss"),
    "no audience": lambda claims: _without(claims, "aud"),
    "expired": lambda claims: {**claims, "exp": int(time.time()) - 60, "iat": 1},
    "expired long ago": lambda claims: {**claims, "exp": 1, "iat": 0},
    "no exp": lambda claims: _without(claims, "exp"),
    "an exp that is no number": lambda claims: {**claims, "exp": "tomorrow"},
    "an exp that is null": lambda claims: {**claims, "exp": None},
    "no sub": lambda claims: _without(claims, "sub"),
    "a sub that is no UUID": lambda claims: {**claims, "sub": "root"},
    "an empty sub": lambda claims: {**claims, "sub": ""},
    "a sub that is no string": lambda claims: {**claims, "sub": 1},
    "a sub with a NUL": lambda claims: {**claims, "sub": "a\0b"},
    "no staff": lambda claims: _without(claims, "staff"),
    "a staff that is no boolean": lambda claims: {**claims, "staff": "true"},
    "a staff that is a number": lambda claims: {**claims, "staff": 1},
    "more than 4 KiB": lambda claims: {**claims, "padding": "x" * 3_300},
}


def _signing_key(world: World) -> ec.EllipticCurvePrivateKey:
    if world.signing_key_path is None:
        raise CaseSkipped("needs the deployment's signing key")
    return load_signing_key(world.signing_key_path)


def signed_but_bad(component: str, world: World) -> None:
    key = _signing_key(world)
    claims = good_claims(_staff(world).id, staff=True)
    for change in BAD_CLAIMS.values():
        _refused(world, component, sign(change(claims), key))
    _refused(world, component, sign(claims, key, kid="unknown"))
    headers = {"kid": thumbprint(key)}
    for payload in (b"[]", b"null", b"{", b'"x"', bytes([255])):
        listed = jwt.PyJWS().encode(payload, key, algorithm="ES256", headers=headers)
        _refused(world, component, listed)


for _component in (*ROUTES, "inventory"):
    add_case(
        Case(
            f"{_component}: a tampered or foreign token is 401",
            AREA,
            _component,
            partial(tampered_tokens, _component),
        )
    )
    add_case(
        Case(
            f"{_component}: a signed token with bad claims is 401",
            AREA,
            _component,
            partial(signed_but_bad, _component),
        )
    )


@case("a token of up to 4,096 bytes passes", AREA, "payments")
def largest_token(world: World) -> None:
    key = _signing_key(world)
    claims = good_claims(world.person().id)
    token, size = "", 2_500
    while len(longer := sign({**claims, "padding": "x" * size}, key)) <= 4_096:
        token, size = longer, size + 1
    expect(world.call("GET", "/wallet", token=token), 200)
    expect_problem(world.call("GET", "/wallet", token=longer), "unauthenticated")


@case("a valid token of nobody is never an error", AREA, "shop")
def token_of_nobody(world: World) -> None:
    key = _signing_key(world)
    nobody_id = "0192f0c1-0000-4d5a-9c3e-7a1f5b6c8d90"
    nobody = Person(nobody_id, "", sign(good_claims(nobody_id), key))
    product = world.shared_product()
    for path in ("/users/me", "/wallet", "/orders", "/account/overview"):
        world.call("GET", path, token=nobody.token)
    world.order(nobody, (product["id"], 1))
