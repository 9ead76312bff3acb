"""Mixes: which journeys visitors make, in which shares, and the steps of each journey.

Visits arrive open-loop; the steps of a visit follow each other (partly open). A mix named like
an operation sends only that. `bench/locustfile.py` makes the journeys; a test holds it to the
steps.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.load.operations import OPERATIONS


@dataclass(frozen=True)
class Mix:
    """Journeys with their weights (they add up to 1)."""

    name: str
    weights: tuple[tuple[str, float], ...]

    @property
    def steps_per_visit(self) -> float:
        """Mean number of requests a visit makes."""
        return sum(weight * len(JOURNEYS[journey]) for journey, weight in self.weights)


JOURNEYS: dict[str, tuple[str, ...]] = {
    "look": ("product_list", "product_read", "product_read"),
    "account": ("wallet_read", "order_list"),
    "home": ("overview",),
    "buy": ("product_read", "order", "order_read"),
    "buy_and_cancel": ("order", "order_read", "order_cancel"),
    "top_up": ("deposit", "wallet_read"),
}
# A step on "the" order needs one placed earlier in the visit, so these have no mix of their own.
SINGLE_OPERATIONS = tuple(name for name in OPERATIONS if name not in {"order_read", "order_cancel"})
JOURNEYS |= {name: (name,) for name in SINGLE_OPERATIONS if name not in JOURNEYS}

MIXES: dict[str, Mix] = {
    mix.name: mix
    for mix in (
        # 90 % of the requests read: 0.28 writes of 2.85 requests a visit.
        Mix("browse", (("look", 0.62), ("account", 0.10), ("buy", 0.23), ("top_up", 0.05))),
        # Skewed for scaling: nearly everything asks one component. `checkout` is its hot twin.
        Mix("hot_browse", (("look", 0.97), ("buy", 0.03))),
        Mix("checkout", (("buy", 0.60), ("buy_and_cancel", 0.20), ("top_up", 0.20))),
        Mix(
            "mixed",
            (
                ("look", 0.45),
                ("home", 0.10),
                ("account", 0.10),
                ("buy", 0.25),
                ("buy_and_cancel", 0.05),
                ("top_up", 0.05),
            ),
        ),
        # The matrix of faults needs as many visits of each journey.
        Mix("journeys", (("look", 0.25), ("buy", 0.25), ("home", 0.25), ("account", 0.25))),
        *(Mix(name, ((name, 1.0),)) for name in SINGLE_OPERATIONS),
    )
}


def share_of(journey: str, mix: str = "mixed") -> int:
    """Percent of a mix's visits that make the journey."""
    return round(100 * dict(MIXES[mix].weights)[journey])
