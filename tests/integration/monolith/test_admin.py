"""The admin site: for staff, in a process of its own, read-only where money is."""

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.contract.seed import PASSWORD, STAFF_EMAIL, SeedSpec, product_ids, user_email, write_seed
from bench.deployments.local.postgres import PostgresServer
from tests.integration.monolith.live import LiveServer, command, serving

SPEC = SeedSpec(users=2, products=3, categories=1)
APPLICATION = "monolith.config.wsgi_admin:application"


@pytest.fixture(scope="module")
def admin(
    postgres: PostgresServer, signing_key_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("admin")
    env = {
        "DATABASE_URL": postgres.create_database("shop_admin"),
        "SIGNING_KEY_FILE": str(signing_key_file),
    }
    assert command("monolith.manage", "migrate", env=env).returncode == 0
    seeded = command("monolith.manage", "load_seed", str(write_seed(SPEC, folder)), env=env)
    assert seeded.returncode == 0, seeded.stderr
    with serving(APPLICATION, env, folder / "admin.log", "/static/admin/css/none") as server:
        yield server


class Browser:
    """Cookies, the form's token, and pages as text."""

    def __init__(self, server: LiveServer) -> None:
        self.base = f"http://127.0.0.1:{server.port}"
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(jar)

    def get(self, path: str) -> str:
        with self.opener.open(self.base + path, timeout=10) as response:
            return str(response.read().decode())

    def post(self, path: str, **form: str) -> str:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path))
        assert token
        fields = {"csrfmiddlewaretoken": token.group(1), **form}
        body = urllib.parse.urlencode(fields).encode()
        with self.opener.open(self.base + path, body, timeout=10) as response:
            return str(response.read().decode())

    def sign_in(self, email: str, password: str = PASSWORD) -> str:
        return self.post("/login/", username=email, password=password)


def test_a_customer_and_a_wrong_password_do_not_get_in(admin: LiveServer) -> None:
    assert "Please enter the correct email" in Browser(admin).sign_in(user_email(1))
    assert "Please enter the correct email" in Browser(admin).sign_in(STAFF_EMAIL, "x" * 9)


@pytest.mark.parametrize(
    "page",
    ["orders/order", "payments/transfer", "payments/entry", "payments/wallet", "inventory/stock"],
)
def test_staff_look_at_money_orders_and_stock_and_change_nothing(
    admin: LiveServer, page: str
) -> None:
    browser = Browser(admin)
    assert "For staff" in browser.sign_in(STAFF_EMAIL)
    assert "Select" in browser.get(f"/{page}/")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        browser.get(f"/{page}/add/")


def test_a_price_is_changed_through_the_service_so_that_the_version_moves(
    admin: LiveServer,
) -> None:
    browser, product = Browser(admin), product_ids(SPEC)[0]
    browser.sign_in(STAFF_EMAIL)
    form = {"name": "Tea", "description": "d", "category": "tea", "price_cents": "77"}
    browser.post(f"/inventory/product/{product}/change/", **form)
    page = browser.get(f"/inventory/product/{product}/change/")
    assert 'value="77"' in page
    assert re.search(r'class="readonly">\s*2\s*<', page)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        browser.get(f"/inventory/product/{product}/delete/")
