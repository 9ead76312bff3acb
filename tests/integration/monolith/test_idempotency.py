"""Idempotency keys: recorded, replayed, refused, expired, retried."""

import uuid

import psycopg
import pytest
from django.db import connection

from bench.deployments.local.postgres import PostgresServer
from monolith.common import idempotency
from monolith.common.models import IdempotencyKey
from tests.integration.monolith.shop import Person, available, person, product, rows, run

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_replay_is_the_same_bytes() -> None:
    buyer, tea = person(1000), product(100)
    first, again = buyer.buy((tea, 1), key="k"), buyer.buy((tea, 1), key="k")
    assert (first.status, first.raw) == (again.status, again.raw)
    assert available(tea) == 9


def test_refusals_of_the_business_are_replayed_too() -> None:
    buyer, tea = person(), product(100, 1)
    ghost = str(uuid.uuid4())
    for lines in [((tea, 2),), ((tea, 1),), ((ghost, 1),)]:
        key = str(uuid.uuid4())
        first = buyer.buy(*lines, key=key)
        assert first.status in {402, 409, 422}
        assert buyer.buy(*lines, key=key).raw == first.raw
    assert len(buyer.get("/orders").body["items"]) == 2
    missing = buyer.cancel(ghost, key="c")
    assert (missing.status, buyer.cancel(ghost, key="c").raw) == (404, missing.raw)


def test_another_body_under_the_same_key_is_refused() -> None:
    buyer, tea = person(1000), product(100)
    buyer.buy((tea, 1), key="k")
    reused = buyer.buy((tea, 2), key="k")
    assert (reused.status, reused.code) == (422, "idempotency_key_reused")
    assert reused.body["errors"][0]["field"] == "Idempotency-Key"


def test_a_key_belongs_to_its_user_and_path() -> None:
    one, other, tea = person(1000), person(1000), product(100)
    assert one.buy((tea, 1), key="k").body["id"] != other.buy((tea, 1), key="k").body["id"]
    assert one.keyed("/wallet/deposits", {"amount_cents": 1}, "k").status == 201


def test_what_was_refused_before_the_business_is_not_recorded() -> None:
    buyer, tea = person(1000), product(100)
    assert buyer.keyed("/orders", {"items": []}, "k").status == 422
    assert buyer.buy((tea, 1), key="k").status == 201


def test_no_body_and_an_empty_object_are_the_same_cancellation() -> None:
    buyer, tea = person(1000), product(100)
    path = f"/orders/{buyer.buy((tea, 1)).body['id']}/cancellation"
    first, again = buyer.keyed(path, None, "k"), buyer.keyed(path, {}, "k")
    assert (first.status, first.raw) == (200, again.raw)


def lock_of(buyer: Person, key: str) -> int:
    request = idempotency.KeyedRequest(
        uuid.UUID(buyer.user_id), "POST", "/api/v1/wallet/deposits", key, ""
    )
    return request.lock


def test_a_request_that_still_runs_is_said_to_be_in_progress(postgres: PostgresServer) -> None:
    buyer = person()
    database = connection.settings_dict["NAME"]
    with psycopg.connect(postgres.admin_dsn, dbname=database) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (lock_of(buyer, "k"),))
        waiting = buyer.keyed("/wallet/deposits", {"amount_cents": 1}, "k")
    assert (waiting.status, waiting.code) == (409, "request_in_progress")
    assert buyer.keyed("/wallet/deposits", {"amount_cents": 1}, "k").status == 201


def test_a_key_is_kept_for_24_hours() -> None:
    buyer = person()
    buyer.keyed("/wallet/deposits", {"amount_cents": 1}, "k")
    run("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    again = buyer.keyed("/wallet/deposits", {"amount_cents": 2}, "k")
    assert again.body == {"balance_cents": 3}
    assert len(rows("SELECT 1 FROM idempotency_keys")) == 1
    run("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    assert IdempotencyKey.objects.expired().delete()[0] == 1


def test_the_fingerprint_is_of_the_validated_body() -> None:
    buyer = person()
    buyer.send("POST", "/wallet/deposits", b'{"amount_cents": 5}', HTTP_IDEMPOTENCY_KEY="k")
    same = buyer.send("POST", "/wallet/deposits", b'{"amount_cents":5}', HTTP_IDEMPOTENCY_KEY="k")
    assert same.body == {"balance_cents": 5}
    assert buyer.balance == 5
