"""The fault point at the entry of every operation, over HTTP and in memory; poison; hogs."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.integration.services_chassis.conftest import Keys, RunningProcess, Start, until
from tests.integration.services_chassis.things import CALLERS, THINGS

PATH = "/api/v1/things"
CALLS = "/api/v1/calls"


def arm(folder: Path, action: str, **changes: Any) -> Path:
    path = folder / "things.operation.json"
    path.write_text(json.dumps({"action": action, "once": False, **changes}))
    return path


@pytest.mark.parametrize(
    "operation",
    [each for each in THINGS.operations if each.auth != "service"],
    ids=lambda operation: operation.name,
)
async def test_every_operation_has_the_point_behind_authentication(
    things: RunningProcess, tmp_path: Path, keys: Keys, operation: Any
) -> None:
    path = operation.path.replace("{thing_id}", "00000000-0000-4000-8000-000000000000")
    arm(tmp_path, "drop_reply")
    if operation.auth != "public":
        status, body, _ = await things.ask(operation.method, path)
        assert (status, body["code"]) == (401, "unauthenticated")
    arm(tmp_path, "error")
    headers = keys.headers(staff=operation.auth == "staff") if operation.auth != "public" else {}
    status, body, _ = await things.ask(operation.method, path, headers=headers)
    assert (status, body["detail"]) == (500, "A fault was injected here.")


async def test_a_call_from_another_component_enters_it_too(
    callers: RunningProcess, tmp_path: Path
) -> None:
    path = arm(tmp_path, "error")
    assert await _outcome(callers) == "unclear"
    path.unlink()
    assert await _outcome(callers) == "ok"


async def test_poison_is_passed_on_and_hits_only_who_is_marked(
    callers: RunningProcess, tmp_path: Path
) -> None:
    arm(tmp_path, "error", marked=True)
    assert await _outcome(callers) == "ok"
    assert await _outcome(callers, {"X-Poison": "users"}) == "ok"
    assert await _outcome(callers, {"X-Poison": "things"}) == "unclear"
    assert await _outcome(callers) == "ok"


async def test_without_fault_points_nothing_is_looked_at(start: Start, tmp_path: Path) -> None:
    from microservices.users.app import SPEC as USERS

    process = await start(USERS, THINGS, CALLERS, SHOP_FAULTS="0")
    arm(tmp_path, "error")
    assert await _outcome(process, {"X-Poison": "things"}) == "ok"
    status, _, _ = await process.ask("GET", PATH)
    assert status == 200


@pytest.mark.parametrize(
    ("action", "how"), [("burn", {"share": 0.2}), ("leak", {"mib_per_s": 10, "cap_mib": 4})]
)
async def test_a_hog_works_beside_the_requests_until_it_is_disarmed(
    things: RunningProcess, tmp_path: Path, action: str, how: dict[str, float]
) -> None:
    def at_work() -> int:
        return sum(thread.name == "hog-things.operation" for thread in threading.enumerate())

    path = arm(tmp_path, action, **how)
    for _ in range(3):
        status, _, _ = await things.ask("GET", PATH)
        assert status == 200
    assert at_work() == 1
    path.unlink()
    await until(lambda: at_work() == 0)


async def test_a_broken_release_is_alive_but_never_ready(start: Start) -> None:
    process = await start(THINGS, USERS_URL="http://127.0.0.1:1", SHOP_BROKEN_RELEASE="1")
    assert (await process.ask("GET", "/live"))[0] == 200
    status, body, _ = await process.ask("GET", "/ready")
    assert (status, body) == (503, {"status": "unavailable"})


async def _outcome(callers: RunningProcess, headers: dict[str, str] | None = None) -> str:
    status, body, _ = await callers.ask("GET", CALLS, params={"what": "wait"}, headers=headers)
    assert status == 200
    return str(body["outcome"])
