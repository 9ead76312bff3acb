"""What has to be set up to run an arm in containers: docker-compose.yml and the Dockerfiles.

Counted are the services that carry the arm's profile; lines are those of their blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bench.deployments.compose.engine import COMPOSE_FILE
from bench.errors import ShopbenchError
from bench.experiments.complexity.records import Machinery
from bench.experiments.complexity.source_lines import plain_lines

_SECRETS = "/secrets/"
_DEFAULT_NETWORK = "default"


def check_clone(file: Path = COMPOSE_FILE) -> None:
    """Refuse an installed copy. Raises ShopbenchError (environment)."""
    if not file.is_file():
        raise ShopbenchError(
            "complexity counts docker-compose.yml and the Dockerfiles: it needs a clone", 3
        )


def machinery_of(profile: str, file: Path = COMPOSE_FILE) -> Machinery:
    """Count what the compose file has for a profile."""
    text = file.read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    own = {
        name: service
        for name, service in document["services"].items()
        if profile in service.get("profiles", ())
    }
    settings = _settings(own)
    return Machinery(
        deployment=profile,
        services=tuple(own),
        images=tuple(dict.fromkeys(str(each["image"]) for each in own.values())),
        dependencies=tuple(
            f"{name} -> {needed}" for name, each in own.items() for needed in _needs(each)
        ),
        settings=tuple(f"{service} {name}" for service, name in settings),
        secrets=tuple(
            f"{service} {name}" for (service, name), text in settings.items() if _SECRETS in text
        ),
        volumes=tuple(dict.fromkeys(_volumes(own))),
        networks=tuple(dict.fromkeys(_networks(own))),
        ports=tuple(port for each in own.values() for port in each.get("ports", ())),
        lines=sum(_block_lines(text)[name] for name in own),
        dockerfile_lines=sum(
            plain_lines((file.parent / name).read_text(encoding="utf-8"), "#")
            for name in dict.fromkeys(each["build"]["dockerfile"] for each in own.values())
        ),
    )


def _needs(service: Mapping[str, Any]) -> list[str]:
    return list(service.get("depends_on", ()))  # a list, or a table by name


def _settings(services: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (service, name): str(value)
        for service, each in services.items()
        for name, value in each.get("environment", {}).items()
    }


def _volumes(services: Mapping[str, Any]) -> list[str]:
    return [each.partition(":")[0] for s in services.values() for each in s.get("volumes", ())]


def _networks(services: Mapping[str, Any]) -> list[str]:
    """Compose puts a service that names none into the default one."""
    return [
        name
        for each in services.values()
        if "network_mode" not in each
        for name in each.get("networks", (_DEFAULT_NETWORK,))
    ]


def _block_lines(text: str) -> dict[str, int]:
    """Lines of each service's block that are neither blank nor comment."""
    lines = text.splitlines()
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    services = next(value for key, value in root.value if key.value == "services")
    return {
        key.value: plain_lines("\n".join(lines[key.start_mark.line : value.end_mark.line]), "#")
        for key, value in services.value
    }
