"""Who runs PostgreSQL: chosen by what this user may do, or one line that says what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.deployments.namespaces import python

CODE = """
from bench.deployments.local.accounts import database_account
from bench.errors import ShopbenchError
try:
    print(database_account().name)
except ShopbenchError as error:
    print(error.exit_code, error.message)
"""
ROOT_ALONE = ["unshare", "--user", "--map-root-user"]
NO_IDS_YET = ["unshare", "--user", "sh", "-c", 'echo ready; read _; exec "$@"', "sh"]
NAMELESS = ["unshare", "--user", "--map-user=12345", "--map-group=12345"]
FEW_RIGHTS = ["setpriv", "--bounding-set", "-chown,-setuid"]

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give its rights away")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (ROOT_ALONE, "of the users nobody, daemon, postgres none exists in this user namespace"),
        (NAMELESS, "uid 12345 has no entry in the password database"),
        pytest.param(FEW_RIGHTS, ": CAP_CHOWN, CAP_SETUID missing;", marks=root_only),
    ],
)
def test_a_user_who_cannot_run_postgresql_is_told_why(command: list[str], said: str) -> None:
    answer = python(command, CODE)
    assert answer.startswith("3 ")
    assert said in answer
    assert len(answer.splitlines()) == 1


@root_only
def test_root_takes_a_user_that_exists_in_its_namespace() -> None:
    assert python(["env"], CODE) == "nobody\n"
    child = subprocess.Popen(
        [*NO_IDS_YET, sys.executable, "-c", CODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    if child.stdout.readline() != "ready\n":
        pytest.skip("no user namespaces here")
    for kind in ("uid", "gid"):
        Path(f"/proc/{child.pid}/{kind}_map").write_text("0 0 2")  # root and daemon
    assert child.communicate("go\n", timeout=30)[0] == "daemon\n"
