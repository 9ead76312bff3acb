"""Whatever dies in a running shop is started again at once, in every arm, unless it is held."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import psycopg
import pytest

from bench.contract.seed import SeedSpec
from bench.deployments.base import ComponentInfo, UpOptions
from bench.deployments.local.driver import LocalDeployment, open_deployment
from bench.deployments.local.processes import ProcessId
from bench.deployments.local.restarts import MOST_DEATHS, RESTART_SECONDS
from bench.errors import ShopbenchError

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

NAMES = ["monolith", "users+inventory|orders+payments"]
SECONDS = 20.0


@pytest.fixture(scope="module", params=NAMES)
def shop(request: pytest.FixtureRequest) -> Iterator[LocalDeployment]:
    options = UpOptions(seed=SeedSpec(users=12, products=50))
    with open_deployment(request.param, options=options) as running:
        yield running


@pytest.fixture(autouse=True)
def whole(shop: LocalDeployment) -> Iterator[None]:
    """Deaths of one test are not counted in the next."""
    yield
    if not shop.folder.exists():
        return
    for part in shop.components():
        shop.release(part.name)
    until(shop.ready)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def part(shop: LocalDeployment, name: str) -> ComponentInfo:
    return next(each for each in shop.components() if each.name == name)


def names(shop: LocalDeployment, kind: str) -> list[str]:
    return [each.name for each in shop.components() if each.kind == kind]


def kill_alone(shop: LocalDeployment, name: str) -> int:
    """kill -9 of its first process only: what it has started lives on for a while."""
    pid = part(shop, name).pid
    ProcessId.of(pid).signal(signal.SIGKILL)
    return pid


def back(shop: LocalDeployment, name: str, dead: int) -> bool:
    now = part(shop, name)
    return now.condition == "running" and now.pid != dead


def test_every_process_and_database_that_dies_comes_back(shop: LocalDeployment) -> None:
    for kind in ("process", "database"):
        before = {name: part(shop, name).restarts for name in names(shop, kind)}
        for name, dead in {name: kill_alone(shop, name) for name in before}.items():
            until(lambda name=name, dead=dead: back(shop, name, dead))  # type: ignore[misc]
        until(shop.ready)
        assert {name: part(shop, name).restarts for name in before} == {
            name: restarts + 1 for name, restarts in before.items()
        }
    assert {each.condition for each in shop.components()} == {"running"}


def test_a_database_whose_sessions_outlive_it_comes_back_with_its_data(
    shop: LocalDeployment,
) -> None:
    """No other server starts while one of the old one's processes is alive."""
    name, dsn = names(shop, "database")[-1], shop.database_dsn("payments")
    count = b"SELECT count(*) FROM audit_ledger"
    with psycopg.connect(dsn) as busy, ThreadPoolExecutor(1) as pool:
        before = busy.execute(count).fetchone()
        pool.submit(busy.execute, b"SELECT count(*) FROM generate_series(1, 300000000)")
        time.sleep(0.2)
        dead = kill_alone(shop, name)
        until(lambda: back(shop, name, dead))
    shop.release(name)  # returns when it lets people in
    with psycopg.connect(dsn) as again:
        assert again.execute(count).fetchone() == before
    assert part(shop, name).condition == "running"


def test_what_is_held_stays_away(shop: LocalDeployment) -> None:
    name = names(shop, "process")[-1]
    shop.hold(name)
    shop.kill(name)
    time.sleep(5 * RESTART_SECONDS)
    assert part(shop, name).condition == "exited"
    shop.release(name)
    assert part(shop, name).condition == "running"
    assert shop.ready()


def test_a_death_during_a_rollout_waits_for_its_end(shop: LocalDeployment) -> None:
    name = names(shop, "process")[-1]
    before = part(shop, name).restarts
    with ThreadPoolExecutor(1) as pool:
        rollout = pool.submit(shop.redeploy, name, {"SHOP_BROKEN_RELEASE": "1"}, 3.0)
        time.sleep(0.5)  # into it
        dead = kill_alone(shop, name)
        time.sleep(5 * RESTART_SECONDS)
        assert part(shop, name).condition == "exited"
        with pytest.raises(ShopbenchError, match="was not taken"):
            rollout.result()
    until(lambda: back(shop, name, dead))
    assert part(shop, name).restarts == before


def test_a_redeploy_is_no_death(shop: LocalDeployment) -> None:
    before = {each.name: each.restarts for each in shop.components()}
    for name in names(shop, "process"):
        shop.redeploy(name)
    time.sleep(5 * RESTART_SECONDS)
    assert {each.name: each.restarts for each in shop.components()} == before
    assert shop.ready()


def test_what_dies_again_and_again_is_given_up_and_shown_as_failed(shop: LocalDeployment) -> None:
    name = names(shop, "process")[-1]
    for _ in range(MOST_DEATHS):
        dead = part(shop, name).pid
        shop.kill(name)
        until(
            lambda dead=dead: (
                back(shop, name, dead)  # type: ignore[misc]
                or part(shop, name).condition == "failed"
            )
        )
    assert part(shop, name).condition == "failed"
    shop.restart(name)
    assert part(shop, name).condition == "running"


def test_nothing_is_started_again_while_the_shop_goes_down(shop: LocalDeployment) -> None:
    """The last one of each deployment: it goes."""
    pids = {each.pid for each in shop.components()}
    supervisor = psutil.Process(shop.state.supervisor.pid)
    log = shop.logs / "supervisor.log"
    before = log.read_text().count("started again")
    shop.down()
    assert not supervisor.is_running()
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    assert log.read_text().count("started again") == before
