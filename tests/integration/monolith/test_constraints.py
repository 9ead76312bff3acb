"""Every rule a database can hold is held by the database: SQL past the services is refused."""

import pytest
from django.db import Error, IntegrityError, transaction

from tests.integration.monolith.shop import person, product, run

pytestmark = pytest.mark.django_db(transaction=True)

SET_UP = {
    "buyer": "(SELECT user_id FROM orders LIMIT 1)",
    "order": "(SELECT id FROM orders LIMIT 1)",
    "product": "(SELECT product_id FROM stock LIMIT 1)",
    "payment": "(SELECT id FROM payments LIMIT 1)",
    "transfer": "(SELECT id FROM ledger_transfers WHERE kind = 'capture')",
    "id": "gen_random_uuid()",
}

BROKEN = {
    "stock is oversold": "UPDATE stock SET sold = initial + restocked + 1",
    "stock is sold backwards": "UPDATE stock SET sold = -1",
    "a wallet is overdrawn": "UPDATE wallets SET balance_cents = -1",
    "a price is nothing": "UPDATE products SET price_cents = 0",
    "a price is too high": "UPDATE products SET price_cents = 10000001",
    "a name is blank": "UPDATE products SET name = '  '",
    "a version is zero": "UPDATE products SET version = 0",
    "a description is too long": "UPDATE products SET description = repeat('x', 2001)",
    "a sku is used twice": "INSERT INTO products (id, sku, name, description, category,"
    " price_cents, version) SELECT {id}, sku, name, '', category, 1, 1 FROM products",
    "an address is not lower case": "UPDATE users SET email = upper(email)",
    "an address is used twice": "INSERT INTO users (id, email, password_hash, full_name, staff)"
    " SELECT {id}, email, password_hash, full_name, false FROM users",
    "a password is not argon2id": "UPDATE users SET password_hash = 'secret'",
    "an order takes an illegal edge": "UPDATE orders SET status = 'rejected',"
    " reason = 'out_of_stock', payment_id = NULL",
    "an order changes its total": "UPDATE orders SET total_cents = 1",
    "an order of nobody": "UPDATE orders SET user_id = {id}",
    "an order without payment": "INSERT INTO orders (id, user_id, status, total_cents,"
    " idempotency_key) VALUES ({id}, {buyer}, 'confirmed', 1, 'k')",
    "an order rejected for no reason": "INSERT INTO orders (id, user_id, status, total_cents,"
    " idempotency_key) VALUES ({id}, {buyer}, 'rejected', 1, 'k')",
    "a line changes": "UPDATE order_lines SET quantity = 2",
    "a line is removed": "DELETE FROM order_lines",
    "a line of no order": "INSERT INTO order_lines VALUES (0, 'n', 1, 1, {id}, {product})",
    "a product stands twice": "INSERT INTO order_lines (order_id, position, product_id, name,"
    " unit_price_cents, quantity) VALUES ({order}, 1, {product}, 'n', 1, 1)",
    "too many of a product": "INSERT INTO order_lines (order_id, position, product_id, name,"
    " unit_price_cents, quantity) VALUES ({order}, 1, {product}, 'n', 1, 1001)",
    "a second capture": "INSERT INTO payments (id, order_id, user_id, amount_cents, status)"
    " VALUES ({id}, {order}, {buyer}, 1, 'captured')",
    "a payment of no order": "INSERT INTO payments (id, order_id, user_id, amount_cents, status)"
    " VALUES ({id}, {id}, {buyer}, 1, 'captured')",
    "a payment changes its amount": "UPDATE payments SET amount_cents = 1",
    "a ledger entry changes": "UPDATE ledger_entries SET amount_cents = 1",
    "a ledger entry is removed": "DELETE FROM ledger_entries",
    "a transfer is removed": "DELETE FROM ledger_transfers",
    "a third entry": "INSERT INTO ledger_entries (transfer_id, account, amount_cents)"
    " VALUES ({transfer}, 'external', 5)",
    "a transfer that does not balance": "WITH t AS (INSERT INTO ledger_transfers (id, kind)"
    " VALUES ({id}, 'deposit') RETURNING id) INSERT INTO ledger_entries (transfer_id, account,"
    " amount_cents) SELECT id, account, amount FROM t,"
    " (VALUES ('external', -5), ('merchant', 6)) AS leg (account, amount)",
    "an unknown account": "WITH t AS (INSERT INTO ledger_transfers (id, kind)"
    " VALUES ({id}, 'deposit') RETURNING id) INSERT INTO ledger_entries (transfer_id, account,"
    " amount_cents) SELECT id, account, amount FROM t,"
    " (VALUES ('external', -5), ('pocket', 5)) AS leg (account, amount)",
    "a second capture in the ledger": "INSERT INTO ledger_transfers (id, kind, order_id)"
    " VALUES ({id}, 'capture', {order})",
    "a capture of no order": "INSERT INTO ledger_transfers (id, kind) VALUES ({id}, 'capture')",
    "a deposit of an order": "INSERT INTO ledger_transfers (id, kind, order_id)"
    " VALUES ({id}, 'deposit', {order})",
}


@pytest.fixture
def _one_order(django_db_setup: None, transactional_db: None) -> None:
    assert person(10_000).buy((product(), 1)).status == 201


@pytest.mark.usefixtures("_one_order")
@pytest.mark.parametrize("statement", BROKEN.values(), ids=BROKEN.keys())
def test_sql_that_breaks_a_rule_is_refused(statement: str) -> None:
    with pytest.raises(Error) as refusal, transaction.atomic():
        run(statement.format(**SET_UP))
    assert isinstance(refusal.value, IntegrityError), refusal.value
