"""Rebuilds everything a reader gets from a run's journal and raw rows alone.

Neighbours: `analysis` computes, `page` and `summary` form, `results.journal` stores.
"""

import shutil
from pathlib import Path

from bench.errors import ShopbenchError
from bench.files import replace_file
from bench.report.analysis import Analysis, analyse, shown
from bench.report.comparison import run_cells
from bench.report.environment import surroundings_of
from bench.report.figures.style import save, svg_text
from bench.report.page import figures_of, render_page
from bench.report.summary import render_summary
from bench.results.journal import write_verdicts

PAGE, SUMMARY, FIGURES = "report.html", "summary.md", "figures"


def build_report(run_dir: Path) -> Path:
    """Write verdicts.json, summary.md, figures/ and report.html of a run; return the page.

    Raises CorruptResults for damaged results and ShopbenchError where nothing can be written,
    each with one line.
    """
    return write_report(analyse(run_dir))


def write_report(analysis: Analysis) -> Path:
    """Write all files of an analysed run; earlier figures are replaced as a whole."""
    with shown(analysis):
        return _written(analysis)


def _written(analysis: Analysis) -> Path:
    run_dir = analysis.data.path
    figures = figures_of(analysis)
    svgs = {figure.name: svg_text(figure) for figure in figures}
    try:
        write_verdicts(
            run_dir,
            analysis.verdicts,
            run_cells(analysis),
            analysis.words,
            surroundings_of(analysis.data.journal),
        )
        shutil.rmtree(run_dir / FIGURES, ignore_errors=True)
        (run_dir / FIGURES).mkdir()
        for figure in figures:
            save(figure, run_dir / FIGURES, svgs[figure.name])
        write_text(run_dir / SUMMARY, render_summary(analysis, figures))
        write_text(run_dir / PAGE, render_page(analysis, svgs))
    except OSError as exc:
        raise ShopbenchError(f"cannot write the report in {run_dir}: {exc.strerror}", 3) from exc
    return run_dir / PAGE


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises ShopbenchError (3)."""
    replace_file(path, text.encode(), sync=False)
