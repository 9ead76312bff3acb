"""What `pip install .` puts there works without a clone, from an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.tree import PROGRAMS, ROOT, tracked_files
from tests.system.conftest import a_free_port

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(600)]

# Read while an image is built, from a clone; or by people.
OF_A_CLONE = {"Dockerfile", "requirements.txt", "databases.sh", "README.md"}
FILES = ("pyproject.toml", "README.md", "LICENSE")
SMOKE = (
    *("--profile", "smoke", "--deployments", "monolith,microservices"),
    *("--mixes", "product_read", "--quiet"),
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: setuptools leaves folders where it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    for path in tracked_files():
        name = path.relative_to(ROOT)
        if name.parts[0] in PROGRAMS or str(name) in FILES:
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / "source" / name)
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    command = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "-w", str(folder), str(folder / "source")], check=True)
    (built,) = folder.glob("*.whl")
    return built


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it; the packages it needs are those of the tests' own."""

    root: Path
    empty: Path

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        settings = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.run(
            [str(self.root / "bin" / program), *arguments],
            cwd=self.empty,
            env={**settings, "SHOPBENCH_HOME": str(self.root / "home")},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def ok(self, *arguments: str) -> str:
        done = self.run("shopbench", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Iterator[Installed]:
    root = Path(tempfile.mkdtemp(prefix="shopbench-test-", dir="/var/tmp"))
    root.chmod(0o755)
    found = Installed(root, root / "empty")
    found.empty.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(root)], check=True)
    python = root / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    install = (*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    subprocess.run(install, check=True)
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    printed = subprocess.run([python, "-c", asked], check=True, capture_output=True, text=True)
    # As a path only: an editable install is active in a folder of its own alone.
    needed = sysconfig.get_path("purelib")
    (Path(printed.stdout.strip()) / "needed.pth").write_text(f"{needed}\n")
    try:
        yield found
        assert list(found.empty.iterdir()) == []
    finally:
        found.run("shopbench", "down")
        shutil.rmtree(root, ignore_errors=True)


def test_every_file_that_is_read_at_run_time_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = [path.relative_to(ROOT) for path in tracked_files()]
    missing = [
        str(name)
        for name in ours
        if name.parts[0] in PROGRAMS and name.name not in OF_A_CLONE and str(name) not in names
    ]
    assert missing == []
    for name in ("claims.toml", "section.html", "builtin/bench.toml"):
        assert f"bench/experiments/failure/{name}" in names
    assert not [name for name in names if name.startswith("tests/")]


def test_the_commands_that_need_no_deployment(installed: Installed) -> None:
    assert "controlled" in installed.ok("doctor", "--json")
    assert "by an experiment, " in installed.ok("claims")
    module = "import bench; print(bench.__file__)"
    file = Path(installed.run("python", "-c", module).stdout.strip()).with_name("locustfile.py")
    assert file.is_relative_to(installed.root)
    listed = installed.run("python", "-m", "locust", "-f", str(file), "--list")
    assert "SingleOperation" in listed.stdout + listed.stderr


def test_containers_need_a_clone_and_that_is_one_line(installed: Installed) -> None:
    for command in (["up", "monolith"], ["run", "latency"]):
        done = installed.run("shopbench", *command, "--on", "compose")
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.startswith("error: `--on compose` needs a clone of the repository")
        assert done.stderr.count("\n") == 1


def test_a_run_ends_with_a_report_that_can_be_made_again(
    installed: Installed, tmp_path: Path
) -> None:
    installed.ok("run", "latency", *SMOKE, "--out", str(tmp_path))
    (run,) = tmp_path.glob("*/")
    page = run / "report.html"
    page.unlink()
    installed.ok("report", str(run))
    assert "shopbench" in page.read_text()


def test_a_shop_comes_up_and_goes(installed: Installed) -> None:
    installed.ok("up", "microservices", "--port", str(a_free_port()))
    assert '"ready": true' in installed.ok("status", "--json")
    installed.ok("down")
