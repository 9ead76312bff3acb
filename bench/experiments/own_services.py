"""`latency` for services of the user's own. The first URL is the baseline.

Neighbours: `own_load` says what they are asked, `own_turns` compares them in turns, `own_rounds`
with the shop's operations, `own_stretches` open-loop.
"""

from __future__ import annotations

from pathlib import Path

from bench.errors import ShopbenchError
from bench.experiments import own_rounds, own_stretches, own_turns
from bench.experiments.external_services import check_reachable
from bench.experiments.laboratory import Laboratory
from bench.experiments.options import RunOptions
from bench.experiments.own_load import check_locustfile, describe, own_load

COMMAND = "latency"


def check_pair(names: list[str], options: RunOptions) -> None:
    """Refuse what cannot be measured, before anything is written. Raises ShopbenchError (usage)."""
    pair = options.pair
    if pair is None:
        return
    if names != [COMMAND]:
        raise ShopbenchError(f"with --url there is only `run {COMMAND}`", 2)
    if options.deployments:
        raise ShopbenchError("--deployments are ours and --url are yours: give one of the two", 2)
    if pair.locustfile and options.mixes:
        raise ShopbenchError("--mixes are the shop's; with --locustfile the file is the load", 2)
    if options.load_workers > 1:
        raise ShopbenchError("services of your own are asked by one load process each", 2)
    check_reachable(pair)
    if pair.locustfile:
        check_locustfile(Path(pair.locustfile), pair.arguments)


def run(lab: Laboratory) -> None:
    """Compare the services in the way that was asked for."""
    pair = lab.options.pair
    assert pair is not None  # the runner's reason to come here
    check_reachable(pair)
    load = own_load(lab, pair)
    describe(lab, pair, load)
    if pair.load == "open":
        own_stretches.run(lab, pair, load)
    elif load.locustfile is None:
        own_rounds.run(lab, pair, load)
    else:
        own_turns.run(lab, pair, load)
