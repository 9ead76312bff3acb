"""A state home of its own for tests that write into one."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.deployments.local.home import StateHome


@pytest.fixture
def home() -> Iterator[StateHome]:
    """Below /var/tmp: as root, pytest's own folders are closed to the user that runs PostgreSQL."""
    root = Path(tempfile.mkdtemp(prefix="shopbench-test-", dir="/var/tmp"))
    root.chmod(0o755)
    found = StateHome(root)
    found.prepare()
    yield found
    shutil.rmtree(root, ignore_errors=True)
