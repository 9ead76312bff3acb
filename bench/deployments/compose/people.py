"""Who owns which secrets in the containers. Pure; `docker-compose.yml` names the same numbers."""

from __future__ import annotations

from bench.deployments.base import COMPONENTS

# Each serving container runs as a user of its own, so that in the one volume of secrets it can
# read its own and no others.
USERS = {
    "monolith": 10001,
    "modular": 10002,
    "gateway": 10010,
    "users": 10011,
    "inventory": 10012,
    "orders": 10013,
    "payments": 10014,
}
POSTGRES = 999  # the user of the official image
SERVICES = ("modular", "gateway", *COMPONENTS)

# Database servers, each with the owners of the databases on it.
SERVERS = {
    "db-shop": ("monolith",),
    "db-all": COMPONENTS,
    **{f"db-{name}": (name,) for name in COMPONENTS},
}
# Where the databases of an owner are read from: `modular` is all four owners in one process.
ROLES = {"monolith": ("monolith",), "modular": COMPONENTS, **{name: (name,) for name in COMPONENTS}}
SIGNERS = ("monolith", "modular", "users")
