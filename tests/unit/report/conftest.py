"""One built run shared by the tests that only look at it."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from bench.report.analysis import Analysis, analyse
from bench.report.build import build_report
from bench.report.figures.style import Canvas
from tests.unit.report.factory import Rounds, make_run


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Paired rounds of all four deployments, a floor, and its whole report."""
    run = make_run(tmp_path_factory.mktemp("built"), Rounds(floor=True))
    build_report(run)
    return run


@pytest.fixture(scope="session")
def analysis(built: Path) -> Analysis:
    """The same run, analysed."""
    return analyse(built)


@pytest.fixture(scope="module")
def unpainted() -> Iterator[None]:
    """For tests of words: figures are composed as ever, only their rendering is left out.

    Rendering is most of a report's time; test_build.py, test_figures.py and the sections' own
    tests render.
    """

    def savefig(_: Canvas, file: IO[str] | IO[bytes], *, format: str, **_options: object) -> None:
        file.write('<svg viewBox="0 0 1 1"></svg>' if format == "svg" else b"")  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Canvas, "savefig", savefig)
        yield
