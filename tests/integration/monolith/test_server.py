"""What only a real server shows: HTTP edges, draining, a killed worker, a dropped reply."""

import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

import monolith
from bench.contract.seed import SeedSpec, product_ids, user_email, write_seed
from bench.deployments.local.postgres import PostgresServer
from tests.integration.monolith.live import LiveServer, command, serving

SPEC = SeedSpec(users=3, products=5, categories=2)
PRODUCT = product_ids(SPEC)[0]
EDGE = "Host: shop\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="module")
def environment(postgres: PostgresServer, signing_key_file: Path, folder: Path) -> dict[str, str]:
    """A migrated and seeded database of a role that owns it and nothing else."""
    env = {
        "DATABASE_URL": postgres.create_database("shop_live"),
        "SIGNING_KEY_FILE": str(signing_key_file),
        "SHOP_FAULTS": "1",
        "SHOP_FAULTS_DIR": str(folder),
        "DRAIN_SECONDS": "0.3",
    }
    for arguments in (("migrate",), ("migrate",), ("load_seed", str(write_seed(SPEC, folder)))):
        done = command("monolith.manage", *arguments, env=env)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
    return env


@pytest.fixture(scope="module")
def shop(environment: dict[str, str], folder: Path) -> Iterator[LiveServer]:
    with serving("monolith.config.wsgi:application", environment, folder / "shop.log") as server:
        yield server


@pytest.fixture(scope="module")
def buyer(shop: LiveServer) -> dict[str, str]:
    return shop.sign_in(user_email(1))


def test_a_chunked_body_is_read(shop: LiveServer, buyer: dict[str, str]) -> None:
    connection = shop.connection()
    headers = {**buyer, "Content-Type": "application/json", "Idempotency-Key": "chunked"}
    parts = iter([b'{"amount_', b'cents": 5}'])
    connection.request("POST", "/api/v1/wallet/deposits", parts, headers, encode_chunked=True)
    assert connection.getresponse().status == 201
    connection.close()


def test_a_large_body_is_refused_with_an_answer_the_client_gets(
    shop: LiveServer, buyer: dict[str, str]
) -> None:
    for who, expected in ((buyer, 413), ({}, 401)):
        connection = shop.connection()
        headers = {**who, "Content-Type": "application/json"}
        connection.request("POST", "/api/v1/orders", b" " * 1_048_576, headers)
        assert connection.getresponse().status == expected
        connection.close()


@pytest.mark.parametrize("header", ["SCRIPT_NAME: /api", "SCRIPT_NAME: /x", "PATH_INFO: /live"])
def test_no_header_moves_the_path(shop: LiveServer, header: str) -> None:
    answer = shop.raw(f"GET /ready HTTP/1.1\r\nHost: shop\r\n{header}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200")


def test_two_authorizations_are_none(shop: LiveServer, buyer: dict[str, str]) -> None:
    line = f"Authorization: {buyer['Authorization']}\r\n"
    answer = shop.raw(f"GET /api/v1/wallet HTTP/1.1\r\n{EDGE}{line}{line}\r\n".encode())
    assert b" 401 " in answer.splitlines()[0]


def test_bad_requests_leave_no_line_in_the_log(shop: LiveServer) -> None:
    before = shop.log.stat().st_size
    for _ in range(20):
        shop.raw(b"x" * 8000 + b"\r\n\r\n")
        shop.raw(b"GET /" + b"x" * 8000 + b" HTTP/1.1\r\nHost: shop\r\n\r\n")
    assert shop.log.stat().st_size - before < 1000


def test_two_keys_are_none(shop: LiveServer, buyer: dict[str, str]) -> None:
    token = buyer["Authorization"]
    head = f"POST /api/v1/wallet/deposits HTTP/1.1\r\n{EDGE}Authorization: {token}\r\n"
    keys = "Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 18\r\n\r\n"
    answer = shop.raw((head + keys).encode() + b'{"amount_cents":5}')
    assert b"invalid_idempotency_key" in answer


def test_a_body_that_is_cut_off_is_refused_even_if_it_is_json(
    shop: LiveServer, buyer: dict[str, str]
) -> None:
    token = buyer["Authorization"]
    head = f"POST /api/v1/wallet/deposits HTTP/1.1\r\n{EDGE}Authorization: {token}\r\n"
    keys = "Idempotency-Key: cut\r\nContent-Length: 50\r\n\r\n"
    answer = shop.raw((head + keys).encode() + b'{"amount_cents":5}')
    assert b" 400 " in answer.splitlines()[0]


def test_head_is_get_without_a_body(shop: LiveServer) -> None:
    status, body, headers = shop.call("HEAD", f"/api/v1/products/{PRODUCT}")
    assert (status, body) == (200, None)
    assert int(headers["Content-Length"]) > 0


@pytest.mark.parametrize("given", ["abc.1", "x" * 64])
def test_a_request_id_is_echoed(shop: LiveServer, given: str) -> None:
    assert shop.call("GET", "/live", headers={"X-Request-ID": given})[2]["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "<a>"])
def test_a_request_id_that_is_none_is_replaced(shop: LiveServer, given: str) -> None:
    made = shop.call("GET", "/live", headers={"X-Request-ID": given})[2]["X-Request-ID"]
    assert made
    assert made != given


def test_the_contract_is_served_as_it_was_shipped(shop: LiveServer) -> None:
    shipped = Path(monolith.__file__).with_name("openapi.json").read_text(encoding="utf-8")
    assert shop.call("GET", "/openapi.json")[1] == json.loads(shipped)


def test_a_dropped_reply_ends_the_connection_after_the_commit(
    shop: LiveServer, buyer: dict[str, str], folder: Path
) -> None:
    arm(folder, "orders.confirm.after_commit_before_reply", "drop_reply")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        shop.buy(buyer, PRODUCT, key="dropped")
    assert shop.buy(buyer, PRODUCT, key="dropped") == 201


def test_a_worker_that_dies_before_the_commit_is_replaced_and_has_done_nothing(
    shop: LiveServer, buyer: dict[str, str], folder: Path
) -> None:
    before = wallet(shop, buyer)
    arm(folder, "orders.confirm.before_commit", "die")
    with pytest.raises((http.client.HTTPException, OSError)):
        shop.buy(buyer, PRODUCT, key="died")
    shop.wait_ready("/ready")
    assert wallet(shop, buyer) == before
    assert shop.buy(buyer, PRODUCT, key="died") == 201


def test_sigterm_drains(environment: dict[str, str], folder: Path) -> None:
    application, log = "monolith.config.wsgi:application", folder / "drain.log"
    with serving(application, environment, log) as server:
        who = server.sign_in(user_email(2))
        arm(folder, "orders.confirm.before_commit", "delay", seconds=1.0)
        with ThreadPoolExecutor(1) as pool:
            in_flight = pool.submit(server.buy, who, PRODUCT)
            wait_until(lambda: (folder / "orders.confirm.before_commit.json.fired").exists())
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: server.call("GET", "/ready")[1] == {"status": "draining"})
            assert server.buy(who, PRODUCT) == 201
            assert in_flight.result(10) == 201
        assert server.process.wait(10) == 0


def test_the_workers_have_sixteen_connections_together_and_at_once(
    postgres: PostgresServer, environment: dict[str, str], folder: Path
) -> None:
    def connections() -> int:
        with psycopg.connect(postgres.admin_dsn) as admin:
            found = admin.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'monolith'"
                " AND datname = 'shop_pool'"
            ).fetchone()
        return int(found[0])

    own = {**environment, "DATABASE_URL": postgres.create_database("shop_pool")}
    with serving("monolith.config.wsgi:application", own, folder / "pool.log", "/live") as server:
        wait_until(lambda: connections() == 16)
        master = psutil.Process(server.process.pid)
        worker = master.children()[0]
        worker.kill()
        worker.wait(5)
        wait_until(lambda: len(master.children()) == 3)
        wait_until(lambda: connections() == 16)


def test_a_worker_killed_from_outside_is_replaced(
    environment: dict[str, str], folder: Path
) -> None:
    application, log = "monolith.config.wsgi:application", folder / "kill.log"
    with serving(application, environment, log) as server:
        master = psutil.Process(server.process.pid)
        wait_until(lambda: len(master.children()) == 3)  # they are forked one after the other
        workers = master.children()
        for worker in workers:
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait(5)
        wait_until(lambda: len(master.children()) == 3)
        server.wait_ready("/ready")


def test_a_missing_setting_is_one_line(environment: dict[str, str]) -> None:
    for name in ("DATABASE_URL", "SIGNING_KEY_FILE"):
        arguments = ("gunicorn", "-c", "python:monolith.config.gunicorn")
        done = command(
            *arguments, "monolith.config.wsgi:application", env={**environment, name: ""}
        )
        assert done.returncode != 0
        assert done.stderr == f"error: {name} is missing\n"


def test_the_floor_answers_what_the_shop_answers(
    environment: dict[str, str], folder: Path, shop: LiveServer, buyer: dict[str, str]
) -> None:
    with serving("monolith.floor:application", environment, folder / "floor.log") as floor:
        paths = (f"/products/{PRODUCT}", "/wallet")
        for path in paths:
            bare = floor.call("GET", f"/floor{path}", headers=buyer)
            assert bare[:2] == shop.call("GET", f"/api/v1{path}", headers=buyer)[:2]
        before = wallet(shop, buyer)
        body = {"items": [{"product_id": PRODUCT, "quantity": 2}]}
        headers = {**buyer, "Idempotency-Key": "floor"}
        status, order, _ = floor.call("POST", "/floor/orders", body, headers)
        assert status == 201
        assert shop.call("GET", f"/api/v1/orders/{order['id']}", headers=buyer)[1] == order
        assert wallet(shop, buyer) == before - order["total_cents"]


def wallet(shop: LiveServer, who: dict[str, str]) -> int:
    return int(shop.call("GET", "/api/v1/wallet", headers=who)[1]["balance_cents"])


def arm(folder: Path, point: str, action: str, **changes: object) -> None:
    (folder / f"{point}.json.fired").unlink(missing_ok=True)
    fault = json.dumps({"action": action, **changes})
    (folder / f"{point}.json").write_text(fault, encoding="utf-8")


def wait_until(happens: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.01)
