"""Registration, tokens, the signed-in user, the published keys."""

import statistics
import time

from bench.contract.conformance.expect import equal, expect, expect_problem, require
from bench.contract.conformance.registry import case
from bench.contract.conformance.tokens import decode_part, unbase64url
from bench.contract.conformance.world import World
from bench.contract.seed import PASSWORD

AREA = "users"


@case("a user registers, signs in and reads itself", AREA, "users")
def register_and_sign_in(world: World) -> None:
    email = world.new_email()
    payload = {"email": email, "password": PASSWORD, "full_name": "  Zoë 😀  "}
    created = expect(world.call("POST", "/users", payload=payload), 201)
    equal(created["email"], email, "email")
    equal(created["full_name"], "  Zoë 😀  ", "full_name")
    me = expect(world.call("GET", "/users/me", token=world.login(email)), 200)
    equal(me.json(), created.json(), "GET /users/me")


@case("an address is taken whatever its case", AREA, "users")
def email_taken(world: World) -> None:
    email = world.person().email
    for spelling in (email, email.upper(), email.title()):
        payload = {"email": spelling, "password": "another-password", "full_name": "Other"}
        expect_problem(world.call("POST", "/users", payload=payload), "email_taken")
    world.login(email.upper())


@case("a password is compared exactly", AREA, "users")
def passwords_are_exact(world: World) -> None:
    email = world.new_email()
    password = " Ünï-😀 pass "
    payload = {"email": email, "password": password, "full_name": "x"}
    expect(world.call("POST", "/users", payload=payload), 201)
    world.login(email, password)
    for wrong in (password.strip(), password.lower(), password + " ", "U\u0308" + password[2:]):
        credentials = {"email": email, "password": wrong}
        answer = world.call("POST", "/auth/tokens", payload=credentials)
        expect_problem(answer, "invalid_credentials")


@case("a long password counts to its last character", AREA, "users")
def long_passwords(world: World) -> None:
    email = world.new_email()
    payload = {"email": email, "password": "é" * 128, "full_name": "x"}
    expect(world.call("POST", "/users", payload=payload), 201)
    world.login(email, "é" * 128)
    credentials = {"email": email, "password": "é" * 127 + "e"}
    answer = world.call("POST", "/auth/tokens", payload=credentials)
    expect_problem(answer, "invalid_credentials")


@case("an unknown user and a wrong password get the same answer in the same time", AREA, "users")
def sign_in_tells_nothing(world: World) -> None:
    known = world.person().email
    seconds: dict[str, list[float]] = {known: [], "nobody-at-all@shop.example": []}
    details = set()
    for _ in range(5):
        for email, times in seconds.items():
            started = time.perf_counter()
            credentials = {"email": email, "password": "wrong-password"}
            answer = world.call("POST", "/auth/tokens", payload=credentials)
            times.append(time.perf_counter() - started)
            expect_problem(answer, "invalid_credentials")
            details.add(answer.body)
    require(len(details) == 1, f"the bodies differ: {details}")
    first, second = (statistics.median(times) for times in seconds.values())
    require(0.5 < first / second < 2, f"{first:.4f} s and {second:.4f} s tell who exists")


@case("a token says who, whether staff, and until when", AREA, "users")
def token_claims(world: World) -> None:
    person = world.person()
    for token, staff in ((person.token, False), (world.staff().token, True)):
        claims = decode_part(token, 1)
        equal(claims["iss"], "shop", "iss")
        equal(claims["aud"], "shop", "aud")
        equal(claims["staff"], staff, "staff")
        require(claims["exp"] > time.time(), f"exp {claims['exp']} has passed")
        equal(decode_part(token, 0)["alg"], "ES256", "alg")
    equal(decode_part(person.token, 1)["sub"], person.id, "sub")
    credentials = {"email": person.email, "password": PASSWORD}
    answer = world.call("POST", "/auth/tokens", payload=credentials)
    claims = decode_part(answer["access_token"], 1)
    equal(claims["exp"] - claims["iat"], answer["expires_in"], "expires_in")


@case("the key that signs tokens is published, and nothing private with it", AREA, "users")
def published_keys(world: World) -> None:
    keys = expect(world.call("GET", "/auth/jwks"), 200)["keys"]
    kid = decode_part(world.person().token, 0)["kid"]
    require(kid in [key["kid"] for key in keys], f"{kid} is not among the published keys")
    for key in keys:
        equal(len(unbase64url(key["x"])), 32, "bytes of x")


@case("a password never comes back", AREA, "users")
def no_password_in_answers(world: World) -> None:
    payload = {"email": world.new_email(), "password": "hunter2-secret", "full_name": "x"}
    created = expect(world.call("POST", "/users", payload=payload), 201)
    payload["full_name"] = ""
    refused = expect_problem(world.call("POST", "/users", payload=payload), "validation_failed")
    for answer in (created, refused):
        require(b"hunter2" not in answer.body, f"the password is in {answer}")
        require(b"argon2" not in answer.body, f"the hash is in {answer}")
