"""The one deployment of the command line: `up`, `down`, `switch`. It outlives the command."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from bench.deployments.base import UpOptions
from bench.deployments.local.driver import LocalDeployment, Report, attach, new_deployment
from bench.deployments.local.home import StateHome
from bench.deployments.local.ports import is_free, owner_of
from bench.deployments.local.state import find_current
from bench.deployments.local.topology import parse_topology
from bench.errors import ShopbenchError


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


def current(home: StateHome) -> LocalDeployment:
    """Find what is up. Raises ShopbenchError if nothing is."""
    found = find_current(home)
    if found is None:
        raise ShopbenchError("no deployment is up; start one with `shopbench up monolith`", 1)
    return attach(home, *found)


def bring_up(
    home: StateHome, name: str, port: int, options: UpOptions, report: Report
) -> LocalDeployment:
    """Start the deployment of the command line and leave it running."""
    topology = parse_topology(name)
    with alone(home):
        found = find_current(home)
        if found is not None:
            state = found[1]
            raise ShopbenchError(
                f"{state.name} is already up at {state.base_url};"
                f" `shopbench switch {topology.name}` replaces it, `shopbench down` stops it",
                1,
            )
        deployment = new_deployment(home, name, port, options, current=True)
        deployment.report = report
        deployment.up()
        deployment.detach()
        return deployment


def bring_down(home: StateHome) -> str:
    """Stop what is up; return its name. Raises ShopbenchError if nothing is."""
    with alone(home):
        deployment = current(home)
        deployment.down()
        return deployment.name


def switch(home: StateHome, name: str, options: UpOptions, report: Report) -> LocalDeployment:
    """Replace what is up by another deployment under the same public URL.

    The new one is started and ready beside the old one first. Then the old edge is drained and a
    second edge of the new one takes the port: in between, for as long as one process needs to
    start, connections are refused. Until the new edge serves, a failure leaves the old one up.
    """
    parse_topology(name)
    with alone(home):
        old = current(home)
        port = int(old.base_url.rpartition(":")[2])
        if not options.cpus:  # the same budget, unless another one is asked for
            options = replace(options, cpus=old.state.cpus)
        new = new_deployment(home, name, None, options, current=False)
        new.report = report
        try:
            new.up()
        except ShopbenchError as error:
            raise ShopbenchError(
                f"{error.message}. {old.name} is still up at {old.base_url}", error.exit_code
            ) from error
        report(f"handing over {old.base_url}")
        _hand_over(old, new, port)
        new.set_current(True)
        new.detach()
        old.set_current(False)
        old.down()
        return new


def _hand_over(old: LocalDeployment, new: LocalDeployment, port: int) -> None:
    old.release_port()
    try:
        if not is_free(port):
            raise ShopbenchError(f"port {port} was taken by {owner_of(port)}")
        new.rebind(port)
    except ShopbenchError as error:
        new.down()
        try:
            old.rebind(port)
        except ShopbenchError as second:
            raise ShopbenchError(
                f"{error.message}; {old.name} is up but has no public port ({second.message}):"
                " `shopbench down`, then `shopbench up`"
            ) from second
        raise ShopbenchError(
            f"{error.message}. {old.name} serves again at {old.base_url}", error.exit_code
        ) from error
