"""Extra work planted in a process: done, tallied, and only where the plan says."""

import asyncio
import json
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from numpy.typing import NDArray

from microservices.chassis.specs import EdgeSpec, Route
from microservices.gateway.app import EDGE
from microservices.users.app import SPEC as USERS
from tests.integration.services_chassis.conftest import RunningProcess, Start, until
from tests.integration.services_chassis.things import THINGS

ROUTE, OTHER = "GET /api/v1/things", "POST /api/v1/things"
PUBLIC = EdgeSpec(
    name="edge",
    routes=(Route("GET", "/api/v1/things", "things"), Route("POST", "/api/v1/things", "things")),
    operations=(),
    build=lambda peers: None,
    peers=("users",),
    forward=EDGE.forward,
    document=EDGE.document,
    index=EDGE.index,
)


def plan(folder: Path, extra: dict[str, int], process: str = "users+things") -> str:
    return json.dumps(
        {"process": process, "tally": str(folder / "tally"), "routes": {OTHER: {}, ROUTE: extra}}
    )


def tally(folder: Path) -> NDArray[np.int64]:
    """Rows of (route, nanoseconds)."""
    words = np.fromfile(folder / "tally", dtype=np.int64)
    return words[1 : 1 + 2 * words[0]].reshape(-1, 2)


async def ask(process: RunningProcess, times: int) -> None:
    for _ in range(times):
        status, _, _ = await process.ask("GET", "/api/v1/things")
        assert status == 200


@pytest.mark.parametrize("extra", [{"before": 2_000}, {"after": 2_000}, {"touched_mib": 4}])
async def test_each_request_does_the_extra_work_and_says_how_long_it_took(
    start: Start, tmp_path: Path, extra: dict[str, int]
) -> None:
    process = await start(USERS, THINGS, SHOP_PLANTED=plan(tmp_path, extra))
    await ask(process, 5)
    await until(lambda: len(tally(tmp_path)) == 5)
    assert (tally(tmp_path)[:, 0] == 1).all()
    assert (tally(tmp_path)[:, 1] > 10_000).all()


@pytest.mark.parametrize("edge", [None, PUBLIC], ids=["service", "edge"])
async def test_work_after_the_answer_does_not_hold_it_up(
    start: Start, tmp_path: Path, edge: EdgeSpec | None
) -> None:
    """The client is another thread: it has its answer before the work, some 100 ms, is done."""
    text = plan(tmp_path, {"after": 200_000}, edge.name if edge else "users+things")
    process = await start(USERS, THINGS, edge=edge, SHOP_PLANTED=text)

    def entries_at_the_answer() -> int:
        with urlopen(f"{process.url}/api/v1/things", timeout=10) as answer:
            answer.read()
        return len(tally(tmp_path))

    assert await asyncio.to_thread(entries_at_the_answer) == 0
    await until(lambda: len(tally(tmp_path)) == 1)


async def test_a_plan_for_another_process_changes_nothing(start: Start, tmp_path: Path) -> None:
    process = await start(USERS, THINGS, SHOP_PLANTED=plan(tmp_path, {"before": 9}, "gateway"))
    await ask(process, 1)
    assert not (tmp_path / "tally").exists()


@pytest.mark.parametrize(
    "text", ["nonsense", '{"process": "users+things", "tally": "TALLY", "routes": {"GET /x": {}}}']
)
async def test_a_plan_that_cannot_be_is_one_clear_line(
    start: Start, tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        await start(USERS, THINGS, SHOP_PLANTED=text.replace("TALLY", str(tmp_path / "tally")))
    error = capsys.readouterr().err
    assert "SHOP_PLANTED" in error
    assert error.count("\n") == 1
