"""The audit views say what happened, in the contract's columns."""

import psycopg
import pytest
from django.db import connection

from bench.audit.views import read_snapshot
from bench.deployments.local.postgres import PostgresServer
from tests.integration.monolith.shop import person, product

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_bench_can_read_every_view(postgres: PostgresServer) -> None:
    buyer, tea = person(1000), product(100)
    kept = buyer.buy((tea, 2), key="kept").body
    back = buyer.buy((tea, 1)).body
    buyer.cancel(back["id"])
    refused = buyer.buy((tea, 50))
    assert refused.status == 409
    dsn = psycopg.conninfo.make_conninfo(
        postgres.admin_dsn, dbname=connection.settings_dict["NAME"]
    )
    snapshot = read_snapshot(dict.fromkeys(("users", "inventory", "orders", "payments"), dsn))
    assert not snapshot.unreadable
    states = {row.order_id: row.status for row in snapshot.orders}
    assert (states[kept["id"]], states[back["id"]]) == ("confirmed", "cancelled")
    assert sorted(states.values()) == ["cancelled", "confirmed", "rejected"]
    reservations = {row.order_id: row.state for row in snapshot.reservations}
    assert (reservations[kept["id"]], reservations[back["id"]]) == ("sold", "released")
    (stock,) = (row for row in snapshot.stock if row.product_id == tea)
    assert (stock.initial, stock.sold, stock.on_hand, stock.reserved) == (10, 2, 8, 0)
    assert sum(row.amount_cents for row in snapshot.ledger) == 0
    (key,) = (row for row in snapshot.idempotency if row.key == "kept")
    assert (key.resource_id, key.status, len(key.fingerprint)) == (kept["id"], 201, 64)
    assert snapshot.outbox == ()
