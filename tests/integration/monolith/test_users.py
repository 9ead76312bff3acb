"""Registration, sign-in, tokens."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from monolith.common import tokens
from tests.integration.monolith.shop import Answer, Person, person

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "correct-horse-battery"


def sign_in(email: str, password: str = PASSWORD) -> Answer:
    return Person().send("POST", "/auth/tokens", {"email": email, "password": password})


def register(email: str) -> Answer:
    body = {"email": email, "password": PASSWORD, "full_name": "Ada"}
    return Person().send("POST", "/users", body)


def test_a_customer_registers_and_signs_in() -> None:
    email = f"{uuid.uuid4().hex}@Shop.Example"
    made = register(email)
    assert (made.status, made.body["email"]) == (201, email.lower())
    token = sign_in(email).body
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3600)
    me = Person()
    me.headers = {"HTTP_AUTHORIZATION": f"Bearer {token['access_token']}"}
    assert me.get("/users/me").body == made.body


def test_an_address_is_taken_whatever_its_case() -> None:
    email = f"{uuid.uuid4().hex}@shop.example"
    register(email)
    taken = register(email.upper())
    assert (taken.status, taken.code) == (409, "email_taken")


def test_a_wrong_password_and_an_unknown_address_are_the_same_answer() -> None:
    email = f"{uuid.uuid4().hex}@shop.example"
    register(email)
    wrong, unknown = sign_in(email, PASSWORD + "x"), sign_in("nobody@shop.example")
    assert (wrong.status, wrong.raw) == (401, unknown.raw)
    assert wrong.code == "invalid_credentials"


def test_the_public_key_verifies_a_token() -> None:
    (key,) = Person().get("/auth/jwks").body["keys"]
    token = person().headers["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    assert jwt.get_unverified_header(token)["kid"] == key["kid"]
    public = jwt.PyJWK.from_dict(key).key
    assert jwt.decode(token, public, algorithms=["ES256"], audience="shop", issuer="shop")


def signed(changes: dict[str, Any], **options: Any) -> str:
    key = tokens.signing_key()
    now = int(time.time())
    claims = {"iss": "shop", "aud": "shop", "sub": str(uuid.uuid4()), "staff": False}
    claims = {**claims, "iat": now, "exp": now + 60, **changes}
    claims = {name: value for name, value in claims.items() if value is not None}
    headers = {"kid": options.pop("kid", key.kid)}
    return jwt.encode(claims, options.pop("key", key.private), **options, headers=headers)


MUTATIONS: dict[str, Callable[[], str]] = {
    "no algorithm": lambda: signed({}, key=None, algorithm="none"),
    "HS256": lambda: signed({}, key="a shared secret of at least 32 bytes", algorithm="HS256"),
    "another issuer": lambda: signed({"iss": "mall"}, algorithm="ES256"),
    "another audience": lambda: signed({"aud": "payments"}, algorithm="ES256"),
    "expired": lambda: signed({"exp": 1}, algorithm="ES256"),
    "no expiry": lambda: signed({"exp": None}, algorithm="ES256"),
    "no subject": lambda: signed({"sub": None}, algorithm="ES256"),
    "a subject that is no id": lambda: signed({"sub": "ada"}, algorithm="ES256"),
    "no staff claim": lambda: signed({"staff": None}, algorithm="ES256"),
    "staff is a word": lambda: signed({"staff": "yes"}, algorithm="ES256"),
    "an unknown key": lambda: signed({}, algorithm="ES256", kid="other"),
    "too long": lambda: signed({"x": "x" * 4096}, algorithm="ES256"),
    "deeply nested header": lambda: jwt.utils.base64url_encode(b"[" * 2900).decode() + ".e30.e30",
    "issued in an hour": lambda: signed({"iat": int(time.time()) + 3600}, algorithm="ES256"),
    "issued at a word": lambda: signed({"iat": "now"}, algorithm="ES256"),
    "issued at a truth": lambda: signed({"iat": True}, algorithm="ES256"),
    "nothing": lambda: "",
}


@pytest.mark.parametrize("mutate", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_a_token_that_is_not_ours_is_refused(mutate: Callable[[], str]) -> None:
    someone = Person()
    someone.headers = {"HTTP_AUTHORIZATION": f"Bearer {mutate()}"}
    answer = someone.get("/wallet")
    assert (answer.status, answer.code) == (401, "unauthenticated")


def test_the_untouched_token_passes() -> None:
    someone = Person()
    someone.headers = {"HTTP_AUTHORIZATION": f"bearer {signed({}, algorithm='ES256')}"}
    assert someone.get("/wallet").status == 200


def test_a_clock_that_is_half_a_minute_ahead_is_forgiven() -> None:
    someone = Person()
    token = signed({"iat": time.time() + 30}, algorithm="ES256")
    someone.headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    assert someone.get("/wallet").status == 200
