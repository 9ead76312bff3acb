"""`load_seed` replaces everything with the seed."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from bench.contract.seed import PASSWORD, SeedSpec, product_ids, user_email, write_seed
from tests.integration.monolith.shop import Person, books_balance, person, product, rows

pytestmark = pytest.mark.django_db(transaction=True)

SPEC = SeedSpec(users=3, products=7, categories=2)


def test_a_seed_replaces_what_was_there(tmp_path: Path) -> None:
    person(1000).buy((product(), 1))
    for _ in range(2):
        call_command("load_seed", str(write_seed(SPEC, tmp_path)))
    assert rows("SELECT count(*) FROM users") == [(4,)]
    assert rows("SELECT count(*) FROM orders") == [(0,)]
    assert rows("SELECT count(*) FROM audit_idempotency") == [(0,)]
    assert books_balance()


def test_a_customer_of_the_seed_can_sign_in_and_buy(tmp_path: Path) -> None:
    call_command("load_seed", str(write_seed(SPEC, tmp_path)))
    credentials = {"email": user_email(1), "password": PASSWORD}
    token = Person().send("POST", "/auth/tokens", credentials).body["access_token"]
    buyer = Person()
    buyer.headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    assert buyer.balance == 10**12
    assert buyer.buy((product_ids(SPEC)[0], 1)).status == 201


def test_a_folder_that_is_no_seed_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    product()
    with pytest.raises(CommandError, match=r"users\.csv"):
        call_command("load_seed", str(tmp_path))
    assert rows("SELECT count(*) FROM products") == [(1,)]


def test_a_first_start_loads_into_an_empty_shop_and_a_later_one_changes_nothing(
    tmp_path: Path,
) -> None:
    folder = str(write_seed(SPEC, tmp_path))
    call_command("load_seed", "--if-empty", folder)
    assert rows("SELECT count(*) FROM products") == [(7,)]
    person(1000).buy((product(), 1))
    call_command("load_seed", "--if-empty", folder)
    assert rows("SELECT count(*) FROM orders") == [(1,)]
