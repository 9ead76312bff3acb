"""A deployment's life, one command after the other, each from a shell of its own."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.deployments.local.ledger import Ledger
from tests.system.conftest import CommandLine, a_free_port, owned

pytestmark = pytest.mark.system

CREDENTIALS = {"email": "user0001@shop.example", "password": "correct-horse-battery"}


def get(url: str, token: str = "") -> dict:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def token_from(base_url: str) -> str:
    request = urllib.request.Request(
        f"{base_url}/api/v1/auth/tokens",
        data=json.dumps(CREDENTIALS).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["access_token"]


@pytest.fixture(scope="module")
def url(shopbench: CommandLine) -> Iterator[str]:
    port = a_free_port()
    shopbench.ok("up", "monolith", "--port", str(port))
    yield f"http://127.0.0.1:{port}"
    shopbench.run("down")


def test_up_returns_when_the_shop_serves(url: str) -> None:
    assert get(f"{url}/ready") == {"status": "ok"}
    assert get(f"{url}/api/v1/products?limit=1")["items"]


def test_status_names_every_part_with_what_it_uses(shopbench: CommandLine, url: str) -> None:
    status = shopbench.status()
    assert (status["name"], status["base_url"], status["ready"]) == ("monolith", url, True)
    assert [part["name"] for part in status["components"]] == ["monolith", "db:shop"]
    assert all(part["condition"] == "running" for part in status["components"])
    assert all(part["cpu_seconds"] > 0 < part["pss_bytes"] for part in status["components"])


def test_a_second_up_is_refused_and_changes_nothing(shopbench: CommandLine, url: str) -> None:
    refused = shopbench.run("up", "modular", "--port", "7599")
    assert refused.returncode == 1
    assert f"error: monolith is already up at {url}" in refused.stderr
    assert shopbench.status()["ready"]


def test_logs_show_a_part_or_all(shopbench: CommandLine, url: str) -> None:
    assert "ready to accept connections" in shopbench.ok("logs", "db:shop")
    assert shopbench.ok("logs", "-n", "1").startswith("db:shop")
    assert shopbench.run("logs", "carts").returncode == 2


def test_a_part_that_logged_nothing_says_so_and_how_it_logs_more(
    shopbench: CommandLine, url: str
) -> None:
    silent = shopbench.run("logs", "monolith")
    assert (silent.returncode, silent.stdout) == (0, "")
    assert silent.stderr.startswith("nothing yet from monolith: ")
    assert "LOG_LEVEL=info" in silent.stderr
    assert "nothing yet from monolith" in shopbench.run("logs").stderr
    meant = shopbench.run("logs", "monolit").stderr
    assert meant == (
        "error: no component 'monolit' in monolith; did you mean 'monolith'?"
        " There are monolith, db:shop\n"
    )


def test_status_and_doctor_call_a_cpu_budget_the_same(shopbench: CommandLine, url: str) -> None:
    assert "ready, CPU budget: none, as no --cpus were given\n" in shopbench.ok("status")
    checks = json.loads(shopbench.ok("doctor", "--json"))["checks"]
    (possible,) = [check for check in checks if check["name"] == "cpu budget"]
    cpu = min(os.sched_getaffinity(0))
    shopbench.ok("switch", "monolith", "--cpus", str(cpu))
    if possible["outcome"] == "ok":
        assert f"ready, CPU budget: CPU {cpu} by {possible['value']}\n" in shopbench.ok("status")
    else:
        assert "ready, CPU budget: none, this machine allows none\n" in shopbench.ok("status")


def test_seed_puts_other_data_under_the_same_ids(shopbench: CommandLine, url: str) -> None:
    token = token_from(url)
    assert get(f"{url}/api/v1/wallet", token)["balance_cents"] > 0
    shopbench.ok("seed", "--scarce")
    assert get(f"{url}/api/v1/wallet", token)["balance_cents"] == 0


def test_a_switch_that_fails_leaves_the_old_one_up(shopbench: CommandLine, url: str) -> None:
    failed = shopbench.run("switch", "microservices", SHOPBENCH_PORTS="7598-7599")
    assert failed.returncode == 3
    assert "free ports" in failed.stderr
    assert f"monolith is still up at {url}" in failed.stderr
    assert get(f"{url}/ready") == {"status": "ok"}


def test_a_killed_switch_leaves_the_old_one_up_and_nothing_of_the_new(
    shopbench: CommandLine, url: str
) -> None:
    (old,) = shopbench.home.deployments.iterdir()
    command = shopbench.start("switch", "modular")
    wait_until(lambda: any(Ledger(f).entries("postgres") for f in others(old)), 60)
    command.kill()
    command.wait()
    wait_until(lambda: not others(old), 5)
    assert get(f"{url}/ready") == {"status": "ok"}


def others(old: Path) -> list[Path]:
    return [folder for folder in old.parent.iterdir() if folder != old]


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_switch_keeps_the_url_and_the_tokens(shopbench: CommandLine, url: str) -> None:
    token = token_from(url)
    before = owned(shopbench.home)
    shopbench.ok("switch", "microservices")
    assert get(f"{url}/ready") == {"status": "ok"}
    assert get(f"{url}/api/v1/wallet", token)["balance_cents"] > 0
    assert shopbench.status()["name"] == "microservices"
    assert not [process for process in before.processes if process.alive()]


def test_down_from_another_shell_leaves_nothing(shopbench: CommandLine, url: str) -> None:
    everything = owned(shopbench.home)
    assert len(everything.ports) == 9
    assert shopbench.ok("down") == "microservices is down\n"
    assert everything.left() == []
    assert shopbench.run("down").returncode == 1
