"""The contract suite: plain functions, run by `shopbench verify` and by pytest alike."""

from collections.abc import Callable, Iterable
from pathlib import Path

from bench.contract.conformance import (
    cases_bodies,
    cases_borders,
    cases_cancellation,
    cases_catalogue,
    cases_concurrency,
    cases_fields,
    cases_http,
    cases_idempotency,
    cases_inventory,
    cases_jwt,
    cases_money,
    cases_operations,
    cases_ops,
    cases_orders,
    cases_overview,
    cases_payments,
    cases_security,
    cases_users,
)
from bench.contract.conformance.registry import (
    WHOLE_SHOP,
    Case,
    CaseResult,
    run_case,
    select_cases,
)
from bench.contract.conformance.world import World

__all__ = ["WHOLE_SHOP", "Case", "CaseResult", "World", "run_case", "run_conformance"]
__all__ += ["CASE_MODULES", "select_cases"]

#: Importing these registers the cases.
CASE_MODULES = (
    *(cases_users, cases_inventory, cases_catalogue, cases_payments, cases_orders),
    *(cases_cancellation, cases_overview, cases_ops, cases_money, cases_idempotency),
    *(cases_operations, cases_bodies, cases_fields, cases_http, cases_jwt, cases_security),
    *(cases_borders, cases_concurrency),
)


def run_conformance(
    base_url: str,
    *,
    areas: Iterable[str] | None = None,
    components: Iterable[str] | None = None,
    signing_key: Path | None = None,
    progress: Callable[[CaseResult], None] | None = None,
) -> list[CaseResult]:
    """Run the cases against a seeded deployment and return one result for each.

    `areas`: only these. `components`: only cases that need nothing but these (a service on its
    own). `signing_key`: the PEM that signs user tokens; cases that need it are skipped without.
    `progress` is called after each case.
    """
    hosted = None if components is None else frozenset(components)
    world = World(base_url, signing_key=signing_key, hosted=hosted)
    results = []
    try:
        for item in select_cases(areas, hosted):
            result = run_case(item, world)
            results.append(result)
            if progress is not None:
                progress(result)
    finally:
        world.client.close()
    return results
