"""What an arm is made of: the packages that it needs, with all that they need, and its own code.

Sizes are those of the files installed here, without byte code; the interpreter is in none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bench.deployments.compose.engine import COMPOSE_FILE, docker
from bench.deployments.compose.project import TAG
from bench.deployments.local.guard import PROJECT_ROOT
from bench.deployments.local.topology import parse_topology
from bench.errors import ShopbenchError
from bench.experiments.footprint.records import Shipped

FOLDERS = {"monolith": "monolith", "services": "microservices"}  # by the arm of a topology
_ASK_S = 15.0
_BYTE_CODE = ".pyc"


def shipped(deployment: str) -> Shipped:
    """Packages and code of a deployment's arm. Raises ShopbenchError."""
    folder = PROJECT_ROOT / FOLDERS[parse_topology(deployment).arm]
    needed = closure(requirements(folder / "requirements.txt"))
    packages = {name: installed_bytes(each) for name, each in sorted(needed.items())}
    return Shipped(deployment, packages, code_bytes(folder), {})


def requirements(path: Path) -> list[Requirement]:
    """The lines of a requirements file. Raises ShopbenchError if it is not there."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as exc:
        raise ShopbenchError(f"{path.name} of the {path.parent.name}: {exc.strerror}", 3) from exc
    kept = (line.partition("#")[0].strip() for line in lines)
    return [Requirement(line) for line in kept if line]


def closure(wanted: Iterable[Requirement]) -> dict[str, Distribution]:
    """Every installed package that these need, themselves included, by name.

    Raises ShopbenchError for one that is not installed.
    """
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    left = list(wanted)
    while left:
        need = left.pop()
        name, extras = str(canonicalize_name(need.name)), frozenset(need.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found[name] = _installed(name)
        inner = [Requirement(text) for text in found[name].requires or ()]
        left += [each for each in inner if _applies(each, extras)]
    return found


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError as exc:
        raise ShopbenchError(f"the package {name} is not installed", 3) from exc


def _applies(need: Requirement, extras: frozenset[str]) -> bool:
    """Whether it is needed on this machine, with the extras that were asked for."""
    marker = need.marker
    return marker is None or any(marker.evaluate({"extra": each}) for each in ("", *extras))


def installed_bytes(package: Distribution) -> int:
    """The size of a package's files. Raises ShopbenchError where it does not list them."""
    if package.files is None:
        raise ShopbenchError(f"the package {package.name} does not list its files", 3)
    files = (Path(str(package.locate_file(each))) for each in package.files)
    return sum(each.stat().st_size for each in files if each.is_file() and _counts(each))


def code_bytes(folder: Path) -> int:
    """The size of an arm's own files."""
    return sum(
        each.stat().st_size for each in folder.rglob("*") if each.is_file() and _counts(each)
    )


def _counts(file: Path) -> bool:
    return file.suffix != _BYTE_CODE


def images_of(deployment: str, document: dict[str, Any]) -> list[str]:
    """The images that go on running in a deployment's profile of the compose file, without tag."""
    found = (
        str(service["image"]).partition(":")[0]
        for service in document["services"].values()
        if deployment in service.get("profiles", ()) and service.get("restart") != "no"
    )
    return list(dict.fromkeys(found))


def image_bytes(deployments: Sequence[str]) -> dict[str, dict[str, int]]:
    """The size of each deployment's images, by the container engine.

    Raises ShopbenchError that says what makes them, where one is not there.
    """
    if not COMPOSE_FILE.is_file():
        where = f"an installed copy has no {COMPOSE_FILE.name}, a clone of the repository has"
        raise ShopbenchError(f"image sizes were not measured: {where}")
    document = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))
    names = {each: images_of(each, document) for each in deployments}
    said = ""
    for tag in (TAG, "latest"):
        try:
            return {each: _sizes(found, tag) for each, found in names.items()}
        except ShopbenchError as exc:
            said = exc.message.partition(";")[0]
    build = " ".join(f"--profile {each}" for each, found in names.items() if found)
    raise ShopbenchError(
        f"image sizes were not measured ({said}); `docker compose {build} build` makes the images"
    )


def _sizes(names: Sequence[str], tag: str) -> dict[str, int]:
    if not names:
        return {}
    tagged = [f"{name}:{tag}" for name in names]
    ask = ("image", "inspect", "--format", "{{.Size}}", *tagged)
    return dict(zip(tagged, map(int, docker(*ask, seconds=_ASK_S).split()), strict=True))
