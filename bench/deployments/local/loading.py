"""Loads a seed into databases by the arms' own `load-seed` commands."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.deployments.local.last_lines import last_lines
from bench.deployments.local.ledger import Ledger
from bench.deployments.local.plan import ProcessPlan
from bench.deployments.local.processes import ProcessId, kill_tree
from bench.deployments.local.server_processes import start_logged
from bench.deployments.local.together import together
from bench.errors import ShopbenchError

LOAD_SECONDS = 90.0  # to migrate and load the seed; the orders' load may wait 30 s for quiet


@dataclass(frozen=True)
class SeedLoader:
    """Runs the commands of one deployment. `ledger`: where their processes are written down."""

    ledger: Ledger
    logs: Path

    def migrate_and_load(self, plans: Iterable[ProcessPlan], seed: Path) -> None:
        """Bring new databases up to date and fill them. Raises ShopbenchError."""
        together(self._task(plan, ("--migrate", str(seed))) for plan in plans if plan.load_seed)

    def reload(self, plans: Iterable[ProcessPlan], seed: Path) -> None:
        """Fill the databases of a running shop again. Raises ShopbenchError.

        Orders first: no other table may change under an order that is still open.
        """
        holders = [plan for plan in plans if plan.load_seed]
        first = [plan for plan in holders if "orders" in plan.components]
        for group in (first, [plan for plan in holders if plan not in first]):
            together(self._task(plan, (str(seed),)) for plan in group)

    def _task(self, plan: ProcessPlan, arguments: tuple[str, ...]) -> Callable[[], None]:
        return partial(self._run, plan, arguments)

    def _run(self, plan: ProcessPlan, arguments: tuple[str, ...]) -> None:
        log = self.logs / f"{plan.name}.load-seed.log"
        child = start_logged((*plan.load_seed, *arguments), plan.environment, log)
        process = ProcessId.of(child.pid)
        self.ledger.process(process)
        code: int | None = None
        with suppress(subprocess.TimeoutExpired):
            code = child.wait(LOAD_SECONDS)
        if code != 0:
            kill_tree(process)
            how = "took too long" if code is None else f"failed ({code})"
            message = f"{plan.name}: load-seed {how}: {last_lines(log)} (log: {log})"
            raise ShopbenchError(message)
