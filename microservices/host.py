"""Composition root: any set of components in one process, with or without the edge.

`python -m microservices.host serve|migrate|load-seed DIR --components users,orders [--edge]` and
`python -m microservices.host fault-points`. Beside the bare `floor` the only module that imports
them all.
"""

import argparse
from collections.abc import Sequence

from microservices.chassis.operations import ComponentSpec
from microservices.chassis.runner import add_commands, run_command
from microservices.chassis.specs import ProcessSpec
from microservices.gateway.app import EDGE
from microservices.inventory.app import SPEC as INVENTORY
from microservices.orders.app import SPEC as ORDERS
from microservices.payments.app import SPEC as PAYMENTS
from microservices.users.app import SPEC as USERS

COMPONENTS = {spec.name: spec for spec in (USERS, INVENTORY, PAYMENTS, ORDERS)}


def main(argv: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--components",
        type=components_of,
        required=True,
        help=f"any of {', '.join(COMPONENTS)}, parted by commas",
    )
    options.add_argument("--edge", action="store_true", help="the public API is served here too")
    parser = argparse.ArgumentParser(prog="python -m microservices.host")
    commands = add_commands(parser, options)
    commands.add_parser("fault-points", help="print the names of all fault points")
    arguments = parser.parse_args(argv)
    if arguments.command == "fault-points":
        print("\n".join(fault_points()))
        return
    run_command(arguments, ProcessSpec(arguments.components, EDGE if arguments.edge else None))


def fault_points() -> list[str]:
    """The names of all fault points, sorted."""
    points = {point for spec in COMPONENTS.values() for point in spec.fault_points}
    return sorted(points | {f"{name}.operation" for name in COMPONENTS})


def components_of(names: str) -> tuple[ComponentSpec, ...]:
    """The specs of a list like `users,orders`; argparse reports what is wrong with it."""
    chosen = names.split(",")
    unknown = sorted(set(chosen) - COMPONENTS.keys())
    if unknown or len(set(chosen)) != len(chosen):
        known = ", ".join(COMPONENTS)
        raise argparse.ArgumentTypeError(f"{names!r}: name each of these at most once: {known}")
    return tuple(spec for name, spec in COMPONENTS.items() if name in chosen)


if __name__ == "__main__":
    main()
