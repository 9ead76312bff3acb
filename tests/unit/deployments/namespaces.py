"""Runs Python as another kind of user would be on this machine: in a namespace, without a right."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest


def python(command: list[str], code: str, *arguments: str) -> str:
    """What the code prints under `command`; skips the test where that is not allowed here."""
    if (
        shutil.which(command[0]) is None
        or subprocess.run([*command, "true"], check=False).returncode
    ):
        pytest.skip(f"{' '.join(command)} is not allowed here")
    done = subprocess.run(
        [*command, sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
