"""Both arms up at once, seeded alike: what is sent to one is sent to the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from bench.contract.seed import SeedSpec
from bench.deployments.base import UpOptions
from bench.deployments.local.driver import open_deployment
from tests.system.both_arms.pair import ARMS, Arm

OPTIONS = UpOptions(seed=SeedSpec(users=40, products=200), faults=True)


@pytest.fixture(scope="package")
def pair() -> Iterator[tuple[Arm, Arm]]:
    """The monolith and the services."""
    with ExitStack() as stack:
        up = [stack.enter_context(open_deployment(name, options=OPTIONS)) for name in ARMS]
        first, second = (Arm(each, OPTIONS.seed) for each in up)
        yield first, second


@pytest.fixture(params=range(len(ARMS)), ids=ARMS)
def arm(pair: tuple[Arm, Arm], request: pytest.FixtureRequest) -> Arm:
    """One after the other."""
    return pair[request.param]
