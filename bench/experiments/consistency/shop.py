"""A running shop with the people who buy there and the history of what they saw."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from pathlib import Path

from bench.audit.convergence import Convergence, wait_settled
from bench.audit.history import HistoryRecorder
from bench.audit.judge import audit
from bench.audit.report import AuditReport
from bench.audit.views import read_snapshot
from bench.contract.seed import PASSWORD, STAFF_EMAIL, SeedSpec, user_email
from bench.deployments.base import COMPONENTS, Deployment
from bench.errors import ShopbenchError
from bench.experiments.consistency.client import Person, ShopClient, log_in, register
from bench.faults.points import disarm_all

READY_S = 15.0
RESTARTS = 3  # a start that fails under load is tried again


class RunningShop:
    """A deployment that is up, its buyers, and one history since `record`.

    Raises ShopbenchError unless everybody can log in.
    """

    def __init__(
        self, deployment: Deployment, history: Path, seed: SeedSpec, buyers: int = 10
    ) -> None:
        self.deployment = deployment
        self.seed = seed
        self.dsns = {name: deployment.database_dsn(name) for name in COMPONENTS}
        self._count = min(buyers, seed.users)
        self._log_in()
        self.recorder = HistoryRecorder(history)

    def _log_in(self) -> None:
        url = self.deployment.base_url
        self.buyers = [log_in(url, user_email(n), PASSWORD) for n in range(1, self._count + 1)]
        self.staff = log_in(url, STAFF_EMAIL, PASSWORD)

    @property
    def faults_dir(self) -> Path:
        """Where fault points are armed. Raises ShopbenchError if none are compiled in."""
        if self.deployment.faults_dir is None:
            raise ShopbenchError(f"{self.deployment.name} was started without fault points")
        return self.deployment.faults_dir

    def client(
        self, person: Person, patience_s: float = 20.0, giving_up: threading.Event | None = None
    ) -> ShopClient:
        return ShopClient(self.deployment.base_url, person, self.recorder, patience_s, giving_up)

    def newcomer(self) -> Person:
        """Somebody whose wallet is empty."""
        email = f"new-{uuid.uuid4().hex}@shop.example"
        return register(self.deployment.base_url, email, PASSWORD)

    def reset(self, history: Path) -> None:
        """Start over with the seed's data and an empty history."""
        disarm_all(self.faults_dir)
        self.deployment.reset(self.seed)
        self._log_in()  # tokens are good for an hour only
        self.recorder.close()
        self.recorder = HistoryRecorder(history)

    def bring_back(self, component: str) -> None:
        """Have a component run, held back or not; a start that fails is tried again.

        Raises ShopbenchError.
        """
        for tried in range(RESTARTS):
            try:
                self.deployment.release(component)
            except ShopbenchError:
                if tried + 1 == RESTARTS:
                    raise
            else:
                return

    def bring_back_all(self) -> None:
        """Have every component run: what was held back, and what its supervisor has given up."""
        for component in self.deployment.components():
            self.bring_back(component.name)

    def restarts(self) -> dict[str, int]:
        """How often the supervisor has started each component again."""
        return {each.name: each.restarts for each in self.deployment.components()}

    def wait_ready(self, within_s: float = READY_S) -> bool:
        """Wait until every process would serve: an idle pool meets dead connections only then."""
        deadline = time.monotonic() + within_s
        while not self.deployment.ready():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.1)
        return True

    def settle(self) -> Convergence:
        return wait_settled(self.dsns)

    def audit(self) -> AuditReport:
        return audit(self.dsns, self.recorder.path)

    def ledger_wallets(self) -> Counter[str]:
        """Balance of each user's wallet, in cents, as the ledger's entries add up."""
        wallets: Counter[str] = Counter()
        for entry in read_snapshot(self.dsns).ledger:
            account, _, user_id = entry.account.partition(":")
            if account == "wallet":
                wallets[user_id] += entry.amount_cents
        return wallets
