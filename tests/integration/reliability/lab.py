"""Running shops for the reliability tests: started once, shared, audited.

`Lab` keeps deployments up between tests, since each takes seconds to start; `RunningShop` is one
of them with the people who buy there and the history of what they saw.
"""

import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.audit.convergence import Convergence, wait_settled
from bench.audit.history import HistoryRecorder
from bench.audit.judge import audit
from bench.audit.report import AuditReport
from bench.audit.views import read_snapshot
from bench.contract.seed import PASSWORD, STAFF_EMAIL, SeedSpec, user_email
from bench.deployments.base import COMPONENTS, Deployment, UpOptions
from bench.deployments.local.driver import open_deployment
from bench.faults.points import disarm_all
from tests.integration.reliability.shop_client import Person, ShopClient, log_in, register

DEPLOYMENTS = ("monolith", "modular", "microservices")
SEED = SeedSpec(seed=7, users=12, products=150, categories=4)
BUYERS = 10


class RunningShop:
    """A deployment that is up, its buyers, and one history since its last `reset`."""

    def __init__(self, deployment: Deployment, folder: Path) -> None:
        self.deployment = deployment
        self._folder = folder
        self.dsns = {name: deployment.database_dsn(name) for name in COMPONENTS}
        url = deployment.base_url
        self.buyers = [log_in(url, user_email(n), PASSWORD) for n in range(1, BUYERS + 1)]
        self.staff = log_in(url, STAFF_EMAIL, PASSWORD)
        self.recorder = self._new_recorder()

    @property
    def faults_dir(self) -> Path:
        assert self.deployment.faults_dir is not None
        return self.deployment.faults_dir

    def client(self, person: Person, patience_s: float = 20.0) -> ShopClient:
        return ShopClient(self.deployment.base_url, person, self.recorder, patience_s)

    def newcomer(self) -> Person:
        """Somebody whose wallet is empty."""
        email = f"new-{uuid.uuid4().hex}@shop.example"
        return register(self.deployment.base_url, email, PASSWORD)

    def reset(self) -> None:
        """Start over with the seed's data and an empty history."""
        disarm_all(self.faults_dir)
        self.deployment.reset(SEED)
        self.recorder.close()
        self.recorder = self._new_recorder()

    def restart_what_died(self) -> list[str]:
        """Start every component again whose process is gone; returns their names."""
        dead = [
            component.name
            for component in self.deployment.components()
            if component.condition == "exited"
        ]
        for name in dead:
            self.deployment.restart(name)
        return dead

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

    def assert_sound(self) -> Convergence:
        """Wait until all is final (30 s at the most), then judge every invariant."""
        convergence = self.settle()
        report = self.audit()
        assert report.outcome == "valid", f"{convergence}\n{report}"
        return convergence

    def _new_recorder(self) -> HistoryRecorder:
        return HistoryRecorder(self._folder / f"history-{uuid.uuid4().hex}.jsonl")


class Lab:
    """Starts deployments on demand and stops all of them at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._starting: dict[str, threading.Lock] = {}
        self._shops: dict[str, RunningShop] = {}

    def shop(self, name: str) -> RunningShop:
        """Return the running shop of that name, started with fault points compiled in.

        `modular#2` is another instance of `modular`.
        """
        with self._lock:
            starting = self._starting.setdefault(name, threading.Lock())
        with starting:
            if name not in self._shops:
                self._shops[name] = self._start(name)
            return self._shops[name]

    def discard(self, name: str) -> None:
        """Stop a shop that a failed test may have left in a bad state."""
        shop = self._shops.pop(name, None)
        if shop is not None:
            shop.recorder.close()
            shop.deployment.down()

    @contextmanager
    def distrusted_on_failure(self, name: str) -> Iterator[None]:
        """Stop the shop if the block fails, so that the next one starts afresh."""
        try:
            yield
        except BaseException:
            self.discard(name)
            raise

    def reset_all(self) -> None:
        """Start all running shops over."""
        for shop in self._shops.values():
            shop.reset()

    def close(self) -> None:
        for name in list(self._shops):
            self.discard(name)

    def _start(self, name: str) -> RunningShop:
        topology = name.partition("#")[0]
        deployment = open_deployment(topology, options=UpOptions(seed=SEED, faults=True))
        deployment.up()
        try:
            return RunningShop(deployment, self._folder)
        except BaseException:
            deployment.down()
            raise


@contextmanager
def opened(folder: Path) -> Iterator[Lab]:
    lab = Lab(folder)
    try:
        yield lab
    finally:
        lab.close()
