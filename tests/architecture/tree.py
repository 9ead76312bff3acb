"""The project's own files, as the architecture tests see them."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("monolith", "microservices", "bench")
TEXT_SUFFIXES = {
    "", ".py", ".md", ".toml", ".yaml", ".yml", ".json", ".sql", ".html", ".css", ".js", ".cfg",
    ".ini", ".txt", ".lock", ".build", ".csv", ".svg", ".sh",
}  # fmt: skip
NOT_OURS = {".git", ".venv", "node_modules", "__pycache__"}


@cache
def tracked_files() -> tuple[Path, ...]:
    """List what git tracks; in an export without git, everything that is not a cache."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0 and listed.stdout:
        names = [name for name in listed.stdout.split("\0") if name]
        return tuple(ROOT / name for name in names if (ROOT / name).is_file())
    return tuple(
        path
        for path in sorted(ROOT.rglob("*"))
        if path.is_file() and not NOT_OURS & set(path.relative_to(ROOT).parts)
    )


def python_files(*folders: str) -> Iterator[Path]:
    """Yield our Python files below the given top-level folders (all, without any)."""
    for path in tracked_files():
        top = path.relative_to(ROOT).parts[0]
        if path.suffix == ".py" and (not folders or top in folders):
            yield path


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def copy_programs(target: Path) -> None:
    """Copy the Python files of the programs and the import rules into `target`."""
    for folder in PROGRAMS:
        shutil.copytree(
            ROOT / folder,
            target / folder,
            ignore=lambda folder, names: [
                name
                for name in names
                if not name.endswith(".py") and not (Path(folder) / name).is_dir()
            ],
        )
    shutil.copy(ROOT / ".importlinter", target)


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over the tree at `root`, as `make check` does."""
    environment = {**os.environ, "PYTHONPATH": str(root), "NO_COLOR": "1", "COLUMNS": "200"}
    command = "from importlinter.cli import lint_imports_command as c; c()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--no-logo"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
