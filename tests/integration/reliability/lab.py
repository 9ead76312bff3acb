"""Running shops for the reliability tests: started once, shared, audited.

`Lab` keeps deployments up between tests, since each takes seconds to start; `RunningShop` is one
of them with the people who buy there and the history of what they saw.
"""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.audit.convergence import Convergence
from bench.contract.seed import SeedSpec
from bench.deployments.base import Deployment, UpOptions
from bench.deployments.local.driver import open_deployment
from bench.experiments.consistency.shop import RunningShop as BenchShop

DEPLOYMENTS = ("monolith", "modular", "microservices")
SEED = SeedSpec(seed=7, users=12, products=150, categories=4)
BUYERS = 10


class RunningShop(BenchShop):
    """The bench's shop, which asserts that it is sound."""

    def __init__(self, deployment: Deployment, folder: Path) -> None:
        self._folder = folder
        super().__init__(deployment, self._new_history(), SEED, BUYERS)

    def start_over(self) -> None:
        """The seed's data and an empty history."""
        self.reset(self._new_history())

    def assert_sound(self) -> Convergence:
        """Wait until all is final (30 s at the most), then judge every invariant."""
        convergence = self.settle()
        report = self.audit()
        assert report.outcome == "valid", f"{convergence}\n{report}"
        return convergence

    def _new_history(self) -> Path:
        return self._folder / f"history-{uuid.uuid4().hex}.jsonl"


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
            shop.start_over()

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
