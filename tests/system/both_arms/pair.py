"""One arm that is up, as somebody outside sees it, and the effects that its databases show."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass

import psycopg

from bench.audit.convergence import wait_settled
from bench.contract.conformance import World
from bench.contract.conformance.client import Answer, Client
from bench.contract.seed import SeedSpec, product_ids, user_email
from bench.deployments.base import COMPONENTS
from bench.deployments.local.driver import LocalDeployment
from bench.deployments.local.home import StateHome

ARMS = ("monolith", "microservices")
_EFFECTS = {
    "orders": ("orders", "SELECT count(*) FROM audit_orders"),
    "confirmed": ("orders", "SELECT count(*) FROM audit_orders WHERE status = 'confirmed'"),
    "payments": ("payments", "SELECT count(*) FROM audit_payments"),
    "entries": ("payments", "SELECT count(*) FROM audit_ledger"),
    "products": ("inventory", "SELECT count(*) FROM audit_stock"),
    "restocked": ("inventory", "SELECT sum(restocked) FROM audit_stock"),
}


@dataclass(frozen=True)
class Effects:
    """Counts of rows, and units restocked: whatever a request can have left behind."""

    orders: int
    confirmed: int
    payments: int
    entries: int
    products: int
    restocked: int

    def since(self, before: Effects) -> Effects:
        now, then = asdict(self), asdict(before)
        return Effects(**{name: now[name] - then[name] for name in now})


class Arm:
    """A deployment with a customer and staff signed in."""

    def __init__(self, deployment: LocalDeployment, seed: SeedSpec) -> None:
        self.deployment = deployment
        self.name = deployment.name
        key = StateHome.from_environment().keys / "signing.pem"
        self.world = World(deployment.base_url, signing_key=key)
        self.customer = self.world.login(user_email(1))
        self.staff = self.world.staff().token
        self.products = product_ids(seed)
        self.dsns = {name: deployment.database_dsn(name) for name in COMPONENTS}

    @property
    def url(self) -> str:
        return self.deployment.base_url

    def client(self) -> Client:
        """A connection of its own, for a thread of its own."""
        return Client(self.url)

    def get(self, path: str, *headers: tuple[str, str]) -> Answer:
        """A read by the customer."""
        signed = [("Authorization", f"Bearer {self.customer}"), *headers]
        return self.world.client.send("GET", f"/api/v1{path}", signed)

    def effects(self) -> Effects:
        """What the databases show once nothing is under way."""
        settled = wait_settled(self.dsns)
        assert settled.settled, settled
        found = {}
        for name, (component, statement) in _EFFECTS.items():
            with psycopg.connect(self.dsns[component], autocommit=True) as connection:
                row = connection.execute(statement.encode()).fetchone()
                assert row is not None
                found[name] = int(row[0])
        return Effects(**found)


def new_key() -> str:
    return f"both-{uuid.uuid4().hex}"
