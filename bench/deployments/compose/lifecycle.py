"""The one deployment in containers of the command line: `up`, `down`, `switch`, `--on compose`."""

from __future__ import annotations

from dataclasses import replace

from bench.deployments.base import UpOptions
from bench.deployments.compose.driver import ComposeDeployment, Report
from bench.deployments.compose.layout import layout_of
from bench.deployments.compose.opening import attach_compose, new_compose_deployment
from bench.deployments.compose.state import find_current, sweep
from bench.deployments.local.home import StateHome
from bench.deployments.local.lifecycle import alone
from bench.deployments.local.ports import is_free, owner_of
from bench.errors import ShopbenchError


def current(home: StateHome) -> ComposeDeployment:
    """Find what is up. Raises ShopbenchError if nothing is."""
    sweep(home)
    found = find_current(home)
    if found is None:
        raise ShopbenchError(
            "no deployment is up in containers;"
            " start one with `shopbench up monolith --on compose`",
            1,
        )
    return attach_compose(home, *found)


def bring_up(
    home: StateHome, name: str, port: int, options: UpOptions, report: Report
) -> ComposeDeployment:
    """Start the deployment of the command line and leave it running."""
    layout = layout_of(name)
    with alone(home):
        found = find_current(home)
        if found is not None and not found[1].abandoned():
            state = found[1]
            raise ShopbenchError(
                f"{state.name} is already up at http://127.0.0.1:{state.port};"
                f" `shopbench switch {layout.topology.name} --on compose` replaces it,"
                " `shopbench down` stops it",
                1,
            )
        deployment = new_compose_deployment(home, name, port, options, current=True)
        deployment.report = report
        deployment.up()
        deployment.detach()
        return deployment


def bring_down(home: StateHome) -> str:
    """Stop and remove what is up; return its name. Raises ShopbenchError if nothing is."""
    with alone(home):
        deployment = current(home)
        deployment.down()
        return deployment.name


def switch(home: StateHome, name: str, options: UpOptions, report: Report) -> ComposeDeployment:
    """Replace what is up by another deployment under the same public URL.

    The new one is ready beside the old one first; then the old edge is drained and the new one's
    container is made again with the public port: for about two seconds connections are refused.
    """
    layout_of(name)
    with alone(home):
        old = current(home)
        if not options.cpus:  # the same budget, unless another one is asked for
            options = replace(options, cpus=old.state.cpus)
        new = new_compose_deployment(home, name, None, options, current=False)
        new.report = report
        try:
            new.up()
        except ShopbenchError as error:
            raise ShopbenchError(
                f"{error.message}. {old.name} is still up at {old.base_url}", error.exit_code
            ) from error
        report(f"handing over {old.base_url}")
        _hand_over(old, new)
        new.set_current(True)
        new.detach()
        old.set_current(False)
        old.down()
        return new


def _hand_over(old: ComposeDeployment, new: ComposeDeployment) -> None:
    port = old.state.port
    old.release_port()
    try:
        if not is_free(port):
            raise ShopbenchError(f"port {port} was taken by {owner_of(port)}")
        new.rebind(port)
    except ShopbenchError as error:
        new.down()
        old.restart(next(iter(old.layout.serving)))
        raise ShopbenchError(
            f"{error.message}. {old.name} serves again at {old.base_url}", error.exit_code
        ) from error
