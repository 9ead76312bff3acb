"""The one deployment of the command line: `up`, `down`, `switch`. It outlives the command.

Neighbours: `local.lifecycle` and `compose.lifecycle` say what is particular to their place.
"""

from __future__ import annotations

import fcntl
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from bench.deployments.base import Deployment, UpOptions
from bench.deployments.local.home import StateHome
from bench.deployments.local.ports import is_free, owner_of
from bench.errors import ShopbenchError

Report = Callable[[str], None]


class OpenDeployment(Deployment, Protocol):
    """A deployment as a context manager: up on entry, down on exit."""

    report: Callable[[str], None]

    def __enter__(self) -> Deployment:
        """Start it."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Stop it; while another thread is in `__enter__`, that one raises ShopbenchError."""


class PlacedDeployment(OpenDeployment, Protocol):
    """The deployment of the command line, wherever it is up."""

    @property
    def logs(self) -> Path:
        """Folder of its logs."""

    def described(self) -> dict[str, object]:
        """What is particular to its place, for `status --json`."""

    def detach(self) -> None:
        """Leave it running when this process ends."""

    def set_current(self, current: bool) -> None:
        """Make it the deployment that the command line speaks to, or no longer."""

    def release_port(self) -> None:
        """Stop serving the public API; `rebind` serves it again."""

    def rebind(self, port: int) -> None:
        """Serve the public API at this port."""


@contextmanager
def alone(home: StateHome) -> Iterator[None]:
    """Hold the right to change what is up. Raises ShopbenchError if another command has it."""
    handle = os.open(home.root / "command.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ShopbenchError("another `up`, `down` or `switch` is at work", 1) from error
        yield
    finally:
        os.close(handle)


class Lifecycle(ABC):
    """`up`, `down` and `switch` of one place. `named`: how a command names the place."""

    named = ""

    @abstractmethod
    def current(self, home: StateHome) -> PlacedDeployment:
        """Find what is up. Raises ShopbenchError if nothing is."""

    @abstractmethod
    def checked(self, name: str) -> str:
        """The topology's own name. Raises ShopbenchError (usage) for what cannot run here."""

    @abstractmethod
    def found(self, home: StateHome) -> tuple[str, str] | None:
        """Name and URL of what is up."""

    @abstractmethod
    def new(
        self, home: StateHome, name: str, port: int | None, options: UpOptions, *, current: bool
    ) -> PlacedDeployment:
        """A deployment that is not started yet."""

    @abstractmethod
    def budget(self, running: Any) -> tuple[int, ...]:
        """The CPUs that it may use."""

    @abstractmethod
    def serve_again(self, old: Any, port: int) -> None:
        """Give the port back to what had it. Raises ShopbenchError."""

    def bring_up(
        self, home: StateHome, name: str, port: int, options: UpOptions, report: Report
    ) -> PlacedDeployment:
        """Start the deployment of the command line and leave it running."""
        topology = self.checked(name)
        with alone(home):
            if found := self.found(home):
                raise ShopbenchError(
                    f"{found[0]} is already up at {found[1]};"
                    f" `shopbench switch {topology}{self.named}` replaces it,"
                    " `shopbench down` stops it",
                    1,
                )
            deployment = self.new(home, name, port, options, current=True)
            deployment.report = report
            deployment.up()
            deployment.detach()
            return deployment

    def bring_down(self, home: StateHome) -> str:
        """Stop what is up; return its name. Raises ShopbenchError if nothing is."""
        with alone(home):
            deployment = self.current(home)
            deployment.down()
            return deployment.name

    def switch(
        self, home: StateHome, name: str, options: UpOptions, report: Report
    ) -> PlacedDeployment:
        """Replace what is up by another deployment under the same public URL.

        The new one is started and ready beside the old one first. Then the old edge is drained and
        the new one's takes the port: in between, for as long as that needs to start (about two
        seconds in containers), connections are refused. Until the new edge serves, a failure leaves
        the old one up.
        """
        self.checked(name)
        with alone(home):
            old = self.current(home)
            if not options.cpus:  # the same budget, unless another one is asked for
                options = replace(options, cpus=self.budget(old))
            new = self.new(home, name, None, options, current=False)
            new.report = report
            try:
                new.up()
            except ShopbenchError as error:
                raise ShopbenchError(
                    f"{error.message}. {old.name} is still up at {old.base_url}", error.exit_code
                ) from error
            report(f"handing over {old.base_url}")
            self._hand_over(old, new)
            new.set_current(True)
            new.detach()
            old.set_current(False)
            old.down()
            return new

    def _hand_over(self, old: PlacedDeployment, new: PlacedDeployment) -> None:
        port = int(old.base_url.rpartition(":")[2])
        old.release_port()
        try:
            if not is_free(port):
                raise ShopbenchError(f"port {port} was taken by {owner_of(port)}")
            new.rebind(port)
        except ShopbenchError as error:
            new.down()
            try:
                self.serve_again(old, port)
            except ShopbenchError as second:
                raise ShopbenchError(
                    f"{error.message}; {old.name} is up but has no public port ({second.message}):"
                    " `shopbench down`, then `shopbench up`"
                ) from second
            raise ShopbenchError(
                f"{error.message}. {old.name} serves again at {old.base_url}", error.exit_code
            ) from error
