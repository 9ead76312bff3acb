"""The process that owns a running deployment and answers its control socket.

`python -m bench.deployments.local.supervisor FOLDER PROGRESS ALIVE`, started by the janitor.
PROGRESS takes one JSON line for each step of the start and a last one, `ready` or `failed`. ALIVE
closes when the janitor is gone; then the supervisor cleans up itself.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.contract.seed import SeedSpec
from bench.deployments.local.control import ControlServer, Operation
from bench.deployments.local.home import StateHome
from bench.deployments.local.ledger import Ledger, clean_up
from bench.deployments.local.processes import ProcessId
from bench.deployments.local.request import read_request
from bench.deployments.local.restarts import ENDING
from bench.deployments.local.shop import Shop
from bench.errors import ShopbenchError


class Supervisor:
    """Binds a shop to its control socket."""

    def __init__(self, folder: Path, progress: int) -> None:
        self._progress = progress
        self.shop = Shop(StateHome.from_environment(), folder, read_request(folder))
        self.finished = threading.Event()

    def operations(self) -> dict[str, Operation]:
        shop = self.shop
        changes: dict[str, Callable[[dict[str, Any]], None]] = {
            "kill": lambda request: _all(each.kill for each in shop.targets(_named(request))),
            "hold": lambda request: _all(each.hold for each in shop.members(_named(request))),
            "release": lambda request: _all(each.release for each in shop.members(_named(request))),
            "pause": lambda request: _all(each.pause for each in shop.targets(_named(request))),
            "resume": lambda request: _all(each.resume for each in shop.targets(_named(request))),
            "restart": lambda request: _all(each.restart for each in shop.members(_named(request))),
            "redeploy": lambda request: shop.redeploy(
                _named(request), request["environment"], request["ready_seconds"]
            ),
            "cancel_redeploy": lambda request: shop.cancel_redeploy(_named(request)),
            "scale": lambda request: shop.scale(_named(request), request["n"]),
            "rebind": lambda request: shop.rebind(request["port"]),
            "release_port": lambda _: _nothing(shop.release_port()),
            "set_current": self._set_current,
        }
        return {
            "status": lambda _: asdict(shop.state()),
            "ready": lambda _: shop.ready(),
            "usage": lambda _: self._usage(),
            "pids": lambda _: {name: each.pids() for name, each in shop.everything.items()},
            "limit": lambda request: shop.limit(request["cores"]),
            "spread": lambda request: shop.spread(request["component"]),
            "dsn": lambda request: shop.dsns[shop.topology.owner(request["component"])],
            "reset": lambda request: shop.reset(SeedSpec(**request["seed"])),
            "down": lambda _: self._down(),
            **{name: self._changing(change) for name, change in changes.items()},
        }

    def start(self) -> None:
        """Return when the shop serves and the control socket answers. Raises ShopbenchError."""
        self.shop.start(lambda text: report(self._progress, event="step", text=text))
        self._server = ControlServer(self.shop.folder, self.operations())
        self._server.serve_in_background()
        self.shop.write_state()
        signal.signal(signal.SIGTERM, lambda *_: self.finished.set())
        report(self._progress, event="ready", base_url=self.shop.state().base_url)
        os.close(self._progress)

    def wait(self) -> None:
        """Serve requests until `down`."""
        self.finished.wait()
        self._server.shutdown()

    def _changing(self, change: Callable[[dict[str, Any]], None]) -> Operation:
        def operation(request: dict[str, Any]) -> None:
            try:
                change(request)
            finally:
                self.shop.write_state()

        return operation

    def _set_current(self, request: dict[str, Any]) -> None:
        self.shop.current = bool(request["current"])

    def _usage(self) -> dict[str, Any]:
        return {name: asdict(each.usage()) for name, each in self.shop.everything.items()}

    def _down(self) -> None:
        ENDING.set()
        self.shop.stop()
        self.finished.set()


def report(progress: int, **event: Any) -> None:
    """Tell whoever asked for the start."""
    try:
        os.write(progress, json.dumps(event).encode() + b"\n")
    except BrokenPipeError:  # the asker is gone; the janitor will tell us
        return


def fail(progress: int, error: ShopbenchError) -> int:
    report(progress, event="failed", message=error.message, exit_code=error.exit_code)
    return error.exit_code


def _nothing(_: object) -> None:
    return None


def _named(request: dict[str, Any]) -> str:
    return str(request["component"])


def _all(changes: Iterable[Callable[[], None]]) -> None:
    for change in changes:
        change()


def watch_janitor(alive: int, folder: Path) -> None:
    """Take over the janitor's work if it is killed."""

    def watch() -> None:
        os.read(alive, 1)
        ENDING.set()
        clean_up(folder, below=True)
        os._exit(1)

    threading.Thread(target=watch, name="janitor-watch", daemon=True).start()


def main() -> int:
    folder, progress, alive = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    Ledger(folder).holder(ProcessId.of(os.getpid()))
    watch_janitor(alive, folder)
    try:
        supervisor = Supervisor(folder, progress)
        supervisor.start()
    except ShopbenchError as error:
        return fail(progress, error)
    except Exception as error:  # whoever asked must hear the reason; the log has the rest
        traceback.print_exc()
        said = traceback.format_exception_only(error)[-1].strip()
        return fail(progress, ShopbenchError(f"the start failed: {said}"))
    supervisor.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
