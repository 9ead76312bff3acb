"""The state file, the control socket and the start request."""

import os
import time
from pathlib import Path

import pytest

from bench.contract.seed import SeedSpec
from bench.deployments.base import ComponentInfo, UpOptions
from bench.deployments.local.control import ControlServer, ask
from bench.deployments.local.home import StateHome
from bench.deployments.local.ledger import Ledger
from bench.deployments.local.processes import ProcessId
from bench.deployments.local.request import StartRequest, read_request
from bench.deployments.local.state import DeploymentState, find_current, read_state
from bench.errors import ShopbenchError

ME = ProcessId.of(os.getpid())


def state(**changes) -> DeploymentState:
    part = ComponentInfo("users", "process", "running", 7, 1.5, 9001, Path("/logs/users.log"))
    values = {
        **{"ident": "x", "name": "modular", "base_url": "http://127.0.0.1:8000"},
        **{"current": True, "ready": True, "supervisor": ME, "cpu_control": "cpuset"},
        **{"cpus": (0,), "started_at": time.time(), "logs": Path("/logs"), "faults_dir": None},
        "components": (part,),
    }
    return DeploymentState(**(values | changes))


def test_a_state_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = state()
    written.write(tmp_path)
    assert read_state(tmp_path) == written


def test_the_state_of_a_dead_supervisor_counts_for_nothing(tmp_path: Path) -> None:
    state(supervisor=ProcessId(ME.pid, ME.started - 1)).write(tmp_path)
    assert read_state(tmp_path) is None


def test_a_corrupt_state_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(ShopbenchError, match="corrupt"):
        read_state(tmp_path)


def test_only_the_deployment_of_up_is_current(home: StateHome) -> None:
    for name, current in (("run", False), ("up", True)):
        folder = home.deployments / name
        folder.mkdir()
        Ledger(folder).holder(ME)
        state(ident=name, current=current).write(folder)
    found = find_current(home)
    assert found is not None
    assert found[1].ident == "up"


def test_a_request_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    options = UpOptions(SeedSpec(3, scarce=True), (0, 1), faults=True, environment={"A": "b"})
    request = StartRequest("modular", None, False, tmp_path, options)
    request.write(tmp_path)
    assert read_request(tmp_path) == request


@pytest.fixture
def asked(home: StateHome):
    def refuse(request):
        raise ShopbenchError(f"no {request['component']}", 2)

    server = ControlServer(home.root, {"echo": lambda request: request["value"], "kill": refuse})
    server.serve_in_background()
    yield home.root
    server.shutdown()
    server.server_close()


def test_an_answer_comes_back(asked: Path) -> None:
    assert ask(asked, "echo", value=[1, "ö"]) == [1, "ö"]


def test_a_refusal_keeps_its_message_and_code(asked: Path) -> None:
    with pytest.raises(ShopbenchError, match="no carts") as refused:
        ask(asked, "kill", component="carts")
    assert refused.value.exit_code == 2


def test_a_bad_request_does_not_end_the_server(asked: Path) -> None:
    with pytest.raises(ShopbenchError, match="bad request"):
        ask(asked, "frobnicate")
    assert ask(asked, "echo", value=1) == 1


def test_a_missing_supervisor_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ShopbenchError, match="supervisor is gone"):
        ask(tmp_path, "status")
