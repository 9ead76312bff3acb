"""What the bench changes in docker-compose.yml for a deployment of its own. Pure, no I/O.

Compose merges it over the file; JSON is YAML, so either version of Compose reads it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.deployments.base import UpOptions
from bench.deployments.compose.layout import Layout
from bench.deployments.local.plan import gunicorn_workers

OWNER_LABEL = "shopbench.deployment"
FAULTS, SEEDS = "/faults", "/seeds"


@dataclass(frozen=True)
class Place:
    """Folders and ports of one deployment. `database_ports`: on loopback, by service."""

    ident: str
    folder: Path
    public_port: int
    database_ports: Mapping[str, int] = field(default_factory=dict)


def override(layout: Layout, place: Place, options: UpOptions) -> dict[str, Any]:
    """The document.

    Health is asked by the bench itself, since a probe every two seconds would run beside the
    measurement. The CPU budget is one set of CPUs for all instead of a quota for each.
    """
    labels = {"labels": {OWNER_LABEL: place.ident}}
    services: dict[str, Any] = {
        "setup": {**labels, "volumes": [f"{place.folder}/given:/given:ro"]},
        **{name: labels for name in layout.prepare},
    }
    for name in layout.databases.values():
        services[name] = {
            **_common(place),
            **_budget(options),
            # Compose 1.29 takes no NONE beside the options of the file; so none ever comes.
            "healthcheck": {"interval": "24h"},
            "ports": [f"127.0.0.1:{place.database_ports[name]}:5432"],
        }
    for name in layout.serving.values():
        services[name] = {
            **_common(place),
            **_budget(options),
            "environment": _environment(options),
            "volumes": _volumes(place, options),
        }
    for name in layout.balanced.values():
        services[name] = {**_common(place), **_budget(options)}
    return {"services": services}


def variables(
    place: Place, options: UpOptions, tag: str, replicated: Collection[str] = ()
) -> dict[str, str]:
    """What the compose file reads from its environment; services with replicas are called by
    their balancers."""
    return {
        **{f"{name.upper()}_URL": f"http://edge-{name}:8000" for name in replicated},
        "SHOP_PORT": str(place.public_port),
        "SHOP_TAG": tag,
        "SHOP_SEED": str(options.seed.seed),
        "SHOP_SEED_SCARCE": "1" if options.seed.scarce else "0",
        "SHOP_RESTART": "no",  # while it starts; then the driver gives it the usual policy
        "SHOP_RESILIENCE": "on" if options.resilience else "off",
        "SHOP_WORKERS": str(gunicorn_workers(options.cpus)),
    }


def _common(place: Place) -> dict[str, Any]:
    return {"healthcheck": {"test": ["NONE"]}, "labels": {OWNER_LABEL: place.ident}}


def _budget(options: UpOptions) -> dict[str, Any]:
    """All containers share the CPUs as the processes of the local driver do: no quota within."""
    if not options.cpus:
        return {"cpus": 0}
    return {"cpus": 0, "cpuset": ",".join(map(str, options.cpus))}


def _environment(options: UpOptions) -> dict[str, str]:
    faults = {"SHOP_FAULTS": "1", "SHOP_FAULTS_DIR": FAULTS} if options.faults else {}
    return {**faults, **options.environment}


def _volumes(place: Place, options: UpOptions) -> list[str]:
    found = [f"{place.folder}/seeds:{SEEDS}:ro"]
    return [*found, f"{place.folder}/faults:{FAULTS}"] if options.faults else found
