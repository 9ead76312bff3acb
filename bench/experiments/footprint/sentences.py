"""What was found, in plain words: at rest, at the start, and in money."""

from __future__ import annotations

from collections.abc import Sequence

from bench.experiments.footprint.findings import Profile
from bench.experiments.footprint.money import ALIKE, PER_MINUTE, Costs, course
from bench.experiments.footprint.ratios import METRICS, pairs_of
from bench.report.naming import number
from bench.report.prices import Prices
from bench.report.spoken import sure
from bench.results.verdict import Verdict

HOURS_A_MONTH = 730.0
_MADE = {
    "idle_pss_mib": "holds {times} the memory of {other}",
    "idle_cpu_ms_per_s": "uses {times} the CPU of {other} for nothing",
    "cold_start_s": "takes {times} as long to start as {other}",
    "first_product_list_ms": "takes {times} as long for its first product list as {other}",
    "first_order_ms": "takes {times} as long for its first order as {other}",
}


def spoken(verdict: Verdict, parts: list[str]) -> str:
    """A decided verdict as a sentence."""
    times = f"{number(verdict.estimate)} times {sure(verdict)}"
    made = _MADE[parts[-1]].format(times=times, other=verdict.denominator)
    return f"Where hardly anybody comes, {verdict.numerator} {made}."


def at_rest(profile: Profile) -> str:
    """One deployment that nobody asks, in one sentence."""
    values = {each.name: profile.level(each.name) for each in METRICS}
    told = {name: number(level.value) if level else "–" for name, level in values.items()}
    return (
        f"{profile.deployment}, asked by nobody: {told['idle_pss_mib']} MiB in "
        f"{profile.processes:.0f} processes, {told['idle_cpu_ms_per_s']} ms of CPU a second; it "
        f"serves {told['cold_start_s']} s after its start, and answers its first product list in "
        f"{told['first_product_list_ms']} ms, its first order in {told['first_order_ms']} ms."
    )


def money(profiles: Sequence[Profile], prices: Prices) -> list[str]:
    """What it costs, where the difference stops mattering, and how many copies a load takes."""
    costs = [each for each in (profile.costs for profile in profiles) if each is not None]
    by_name = {each.deployment: each for each in costs}
    pairs = pairs_of(list(by_name)) if by_name else []
    return [
        *(_standing(each, prices) for each in costs),
        *(_course(by_name[top], by_name[bottom], prices) for top, bottom in pairs),
        *(line for each in costs if (line := _copies(each))),
    ]


def _standing(costs: Costs, prices: Prices) -> str:
    month = costs.standing_hour(prices) * HOURS_A_MONTH
    return (
        f"{costs.deployment} standing idle costs {number(month)} {prices.currency} a month, and a "
        f"million requests beyond that {number(1e6 * costs.request(prices))} {prices.currency}; "
        f"from {_a_minute(costs.even_rps(prices))} on, the requests cost more than the standing "
        "shop."
    )


def _course(top: Costs, bottom: Costs, prices: Prices) -> str:
    found = course(top, bottom, prices)
    head = (
        f"{top.deployment} costs ×{number(found.idle)} of {bottom.deployment} while hardly anybody "
        f"comes, and ×{number(found.busy)} for the requests alone"
    )
    limit = f"{ALIKE - 1:.0%}"
    if found.alike_rps == 0:
        return f"{head}: the difference is below {limit} at any load."
    room_rps = min(top.capacity_rps, bottom.capacity_rps)
    ends = []
    if found.even_rps:
        far = _beyond(found.even_rps, room_rps)
        ends.append(f"they cost the same at {_a_minute(found.even_rps)}{far}")
    if found.alike_rps:
        far = _beyond(found.alike_rps, room_rps)
        ends.append(f"from {_a_minute(found.alike_rps)} on{far} the difference is below {limit}")
    return f"{head}: {'; '.join(ends) or f'the difference is above {limit} at any load'}."


def _copies(costs: Costs) -> str:
    most = PER_MINUTE[-1]
    copies = costs.copies(most / 60.0)
    if copies == 1:
        return ""
    return (
        f"{most:,.0f} requests a minute are {number(most / 60.0)} a second, more than the "
        f"{number(costs.capacity_rps)} that one {costs.deployment} answered here: {copies} copies "
        "of the whole deployment are counted."
    )


def _beyond(rps: float, room_rps: float) -> str:
    return " (more than one copy of each carries)" if rps > room_rps else ""


def _a_minute(rps: float | None) -> str:
    return f"{number(60.0 * rps if rps is not None else None, 2)} requests a minute"
