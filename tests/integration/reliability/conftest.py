"""Deployments for this folder's tests: one of each kind, shared by all files, stopped at last."""

from collections.abc import Iterator

import pytest

from tests.integration.reliability.lab import DEPLOYMENTS, Lab, RunningShop, opened


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with opened(tmp_path_factory.mktemp("reliability")) as lab:
        yield lab


# `modular` runs the code of the services in one process.
@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.slow) if name == "modular" else name
        for name in DEPLOYMENTS
    ]
)
def shop(lab: Lab, request: pytest.FixtureRequest) -> Iterator[RunningShop]:
    """A running shop; one whose test failed is stopped, and the next test gets a fresh one.

    Data is not reset between tests: a reset takes seconds, and the audit judges all of it anyway.
    """
    name = str(request.param)
    failures = request.session.testsfailed
    yield lab.shop(name)
    if request.session.testsfailed > failures:
        lab.discard(name)
