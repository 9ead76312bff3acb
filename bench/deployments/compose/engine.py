"""The container engine, by its own command line: whatever `docker` reaches, the bench reaches.

Every failure is one ShopbenchError with the last line of what the program said.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bench.deployments.local.guard import PROJECT_ROOT
from bench.errors import ShopbenchError

COMPOSE_FILE = PROJECT_ROOT / "docker-compose.yml"
COMMAND_SECONDS = 120.0
BUILD_SECONDS = 1800.0
_ASK_SECONDS = 15.0
_VERBS = (
    *("build", "create", "exec", "info", "inspect", "kill", "logs", "network", "pause", "ps"),
    *("rm", "start", "stop", "unpause", "up", "update", "version", "volume", "wait"),
)
_NO_ENGINE = "no Docker engine answers"
_NOT_ALLOWED = "this user may not use the Docker engine"


@dataclass(frozen=True)
class Engine:
    """Versions, as results state them. `compose`: the command that runs a compose file."""

    version: str
    compose_version: str
    compose: tuple[str, ...]
    cpus: int


@lru_cache(maxsize=1)
def require_engine() -> Engine:
    """Find engine, compose and its file. Raises ShopbenchError (environment) if one is missing."""
    if not COMPOSE_FILE.is_file():
        raise ShopbenchError(
            "`--on compose` needs a clone of the repository, with docker-compose.yml, and this is"
            " an installed copy; leave it out to use processes"
        )
    if shutil.which("docker") is None:
        raise ShopbenchError("`docker` is not installed; leave out `--on compose` to use processes")
    facts = json.loads(docker("info", "--format", "{{json .}}", seconds=_ASK_SECONDS))
    if not facts.get("ServerVersion"):
        raise _refused(" ".join(facts.get("ServerErrors") or ()))
    command, version = _compose_command()
    return Engine(facts["ServerVersion"], version, command, int(facts["NCPU"]))


def docker(*arguments: str, seconds: float = COMMAND_SECONDS, both: bool = False) -> str:
    """Run `docker` with these arguments; return what it printed, on stderr too if `both`."""
    return run(("docker", *arguments), seconds=seconds, both=both)


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    seconds: float = COMMAND_SECONDS,
    both: bool = False,
) -> str:
    """Run a program to its end in a session of its own: Ctrl-C is ours to hear, not its."""
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise ShopbenchError(f"`{command[0]}` is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ShopbenchError(f"{_named(command)} took more than {seconds:g} s") from error
    if done.returncode != 0:
        raise _failed(command, done.stderr or done.stdout)
    return done.stdout + done.stderr if both else done.stdout


def inspect(idents: Sequence[str]) -> list[dict[str, Any]]:
    """Everything the engine knows of these containers."""
    found: list[dict[str, Any]] = json.loads(docker("inspect", *idents)) if idents else []
    return found


def labelled(kind: str, label: str) -> list[str]:
    """Ids of the containers, or names of the networks or volumes, that carry a label."""
    listing = {"container": ("ps", "--all", "--no-trunc")}.get(kind, (kind, "ls"))
    return docker(*listing, "--quiet", "--filter", f"label={label}").split()


def _compose_command() -> tuple[tuple[str, ...], str]:
    for command in (("docker", "compose"), ("docker-compose",)):
        try:
            version = run((*command, "version", "--short"), seconds=_ASK_SECONDS).strip()
        except ShopbenchError:
            continue
        return command, version
    raise ShopbenchError("neither `docker compose` nor `docker-compose` is installed")


def _failed(command: Sequence[str], text: str) -> ShopbenchError:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    reasons = [line for line in lines if line.lower().startswith(("error:", "error "))]
    said = (reasons or lines[-1:] or ["it said nothing"])[0]
    for line in lines:
        small = line.lower()
        if "connect to the docker" in small or ("permission denied" in small and "docker" in small):
            return _refused(line)
        if "port is already allocated" in small or "address already in use" in small:
            return ShopbenchError(f"a port is in use: {line}")
    return ShopbenchError(f"{_named(command)} failed: {said}")


def _refused(said: str) -> ShopbenchError:
    if "permission denied" in said:
        return ShopbenchError(f"{_NOT_ALLOWED}: {said}")
    return ShopbenchError(f"{_NO_ENGINE}; start it, or leave out `--on compose` ({said})")


def _named(command: Sequence[str]) -> str:
    """The program and its verb, without files, names and options."""
    verb = next((word for word in command[1:] if word in _VERBS), "")
    return f"`{command[0]} {verb}`"
