"""One built run shared by the tests that only look at it."""

from pathlib import Path

import pytest

from bench.report.analysis import Analysis, analyse
from bench.report.build import build_report
from tests.unit.report.factory import Plan, make_run


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two mixes, two loads, a floor, and its whole report."""
    plan = Plan(
        mixes=("mixed", "product_read"), loads=(50.0, 150.0), requests=600, blocks=6, floor=True
    )
    run = make_run(tmp_path_factory.mktemp("built"), plan)
    build_report(run)
    return run


@pytest.fixture(scope="session")
def analysis(built: Path) -> Analysis:
    """The same run, analysed."""
    return analyse(built)
