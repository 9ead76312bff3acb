"""The words and the order in which deployments, operations and components are shown."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from math import isnan
from typing import Any

from bench.registry import stood_in
from bench.results.dataset import ALL as ALL

DEPLOYMENTS = ("monolith", "modular", "modular-split", "microservices")

# What each step of the ladder adds: (from, to) -> cause.
LADDER_STEPS: tuple[tuple[str, str, str], ...] = (
    ("monolith", "modular", "framework (for orders also the saga over four databases)"),
    ("modular", "modular-split", "one database server becomes four"),
    ("modular-split", "microservices", "process and network boundaries"),
)


# First name found in the rows wins; a run may name its own under settings["operation_names"].
_HEADLINE_NAMES: dict[str, tuple[str, ...]] = {
    "product_read": ("product_get", "get_product", "product_read", "read_product", "product"),
    "order": ("order_place", "place_order", "create_order", "order_create", "post_order", "order"),
    "overview": ("overview", "account_overview", "get_overview", "overview_get"),
    "wallet_read": ("wallet_get", "get_wallet", "wallet_read", "wallet"),
}


_own: ContextVar[tuple[str, ...]] = ContextVar("own", default=())


def own_names(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the services of a run on the user's own URLs, the baseline first; () for the shop."""
    return tuple(map(str, settings["deployments"])) if stood_in(settings) else ()


@contextmanager
def showing(names: tuple[str, ...]) -> Iterator[None]:
    """Let order and looks follow these names (() for the shop's) within the block."""
    token = _own.set(names)
    try:
        yield
    finally:
        _own.reset(token)


def shown_order() -> tuple[str, ...]:
    """Return the names with a fixed place: the user's own, else the shop's ladder."""
    return _own.get() or DEPLOYMENTS


def deployment_order(names: Iterable[str]) -> list[str]:
    """Return the names in ladder order, free topologies after them by name."""
    known = {name: i for i, name in enumerate(shown_order())}
    return sorted(set(names), key=lambda name: (known.get(name, len(known)), name))


def headline_operation(
    role: str, operations: Iterable[str], settings: Mapping[str, Any]
) -> str | None:
    """Return the run's name for a headline operation (`product_read`, `order`, ...), or None."""
    present = set(operations)
    named = settings.get("operation_names")
    own = (str(named[role]),) if isinstance(named, Mapping) and role in named else ()
    return next((name for name in (*own, *_HEADLINE_NAMES[role]) if name in present), None)


def words(name: str) -> str:
    """Return an identifier as words: `product_get` -> `product get`."""
    return "all operations" if name == ALL else name.replace("_", " ")


def component_order(names: Iterable[str]) -> list[str]:
    """Return components in stacking order: edge, processes, then databases."""
    nouns = ("monolith", "gateway", "users", "inventory", "orders", "payments")

    def key(name: str) -> tuple[bool, int, str]:
        first = name.removeprefix("db:").split("+")[0]
        return is_database(name), nouns.index(first) if first in nouns else len(nouns), name

    return sorted(set(names), key=key)


def component_label(component: str) -> str:
    """Return a component's name short enough for a figure."""
    known = {
        "users+inventory+orders+payments": "one process",
        "db:all": "one server, four databases",
        "db:shop": "one database",
    }
    return known.get(component, component.removeprefix("db:"))


def is_database(component: str) -> bool:
    """Return whether a usage key belongs to a database server."""
    return component.startswith("db:")


def belongs_to_deployment(component: str) -> bool:
    """Return whether a usage key counts as the deployment's cost (the generator's does not)."""
    return not component.startswith(("bench:", "load:"))


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with `digits` significant digits, never in exponent form; None is a dash."""
    if value is None or isnan(value):
        return "–"
    if value == 0:
        return "0"
    magnitude = f"{abs(value):.{digits - 1}e}"
    decimals = max(0, digits - 1 - int(magnitude.split("e")[1]))
    return f"{value:,.{decimals}f}"


def interval(low: float | None, high: float | None) -> str:
    """Return `[low, high]`, or a dash where there is none."""
    return "–" if low is None or high is None else f"[{number(low)}, {number(high)}]"


def percent(share: float) -> str:
    """Return a confidence level without idle zeros: `95 %`, `99.17 %`."""
    return f"{100 * share:.4g} %"


def load_label(offered_rps: float) -> str:
    """Return the load in words; 0 marks a closed loop."""
    return "closed loop" if offered_rps == 0 else f"{offered_rps:g} requests/s offered"


def span(counts: Iterable[int]) -> str:
    """Return `8` or `6–8`: the range of some counts."""
    ordered = sorted(set(counts))
    if not ordered:
        return "0"
    return str(ordered[0]) if len(ordered) == 1 else f"{ordered[0]:,}–{ordered[-1]:,}"
