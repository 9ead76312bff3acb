"""`latency` for services of the user's own. The first URL is the baseline.

Neighbours: `load` says what they are asked, `turns` compares them in turns, `shop_rounds` with the
shop's operations, `stretches` open-loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.engine.options import Profile, RunOptions
from bench.engine.run_context import RunContext
from bench.errors import ShopbenchError
from bench.experiments.own_pair import shop_rounds as own_rounds
from bench.experiments.own_pair import stretches as own_stretches
from bench.experiments.own_pair import turns as own_turns
from bench.experiments.own_pair.asked import pair_of
from bench.experiments.own_pair.load import check_locustfile, describe, own_load
from bench.experiments.own_pair.services import check_reachable
from bench.registry import Measurable, Planned


def check(options: RunOptions) -> None:
    """Refuse what cannot be measured, before anything is written. Raises ShopbenchError (usage)."""
    pair = pair_of(options)
    if pair.locustfile and options.mixes:
        raise ShopbenchError("--mixes are the shop's; with --locustfile the file is the load", 2)
    check_reachable(pair)
    if pair.locustfile:
        check_locustfile(Path(pair.locustfile), pair.arguments)


def measurable(options: RunOptions, profile: Profile) -> Measurable:
    """What `--fail-on` may name; the load's own names are known once it runs."""
    pair = pair_of(options)
    metrics = ["p50", "p95", "p99", "errors"]
    metrics += ["throughput"] * (pair.load == "open") + ["cpu"] * bool(pair.pids)
    return Measurable(tuple(dict(pair.urls)), dict.fromkeys(metrics))


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """The most that turns or stretches take."""
    pair = pair_of(options)
    if pair.load == "open":
        return Planned(own_stretches.LENGTHS[profile.name].planned_s(len(pair.urls)))
    pace = own_turns.pace_of(profile.name, by_start=bool(pair.restarts))
    return Planned(pace.starts * pace.planned_s)


def run(ctx: RunContext) -> None:
    """Compare the services in the way that was asked for."""
    pair = pair_of(ctx.options)
    check_reachable(pair)
    load = own_load(ctx, pair)
    describe(ctx, pair, load)
    if pair.load == "open":
        own_stretches.run(ctx, pair, load)
    elif load.locustfile is None:
        own_rounds.run(ctx, pair, load)
    else:
        own_turns.run(ctx, pair, load)
