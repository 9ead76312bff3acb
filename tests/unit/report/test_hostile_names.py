"""A run that somebody else made: none of its texts is more than text, wherever it is shown."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from bench.errors import ShopbenchError
from bench.experiments.floor.findings import source_path
from bench.report.analysis import analyse
from bench.report.build import build_report
from bench.report.claims_output import write_claims_page
from bench.report.compare import compare_runs
from bench.report.console import show_results
from bench.report.export import export_csv
from bench.report.figures.style import Figure, drawing, inline_svg, save, svg_text
from bench.report.merged_runs import picture_of_runs
from bench.report.page import figures_of, render_page
from bench.report.summary import render_summary
from bench.report.summary_table import inert, markdown_table
from bench.results.journal import CorruptResults, RunReader
from tests.unit.audit.sound_shop import sound_shop
from tests.unit.experiments.capacity.capacity_runs import capacity_run
from tests.unit.experiments.consistency.test_section import ARMS, END, kills_of, run_with
from tests.unit.experiments.failure.fault_runs import write_run
from tests.unit.report.factory import Plan, make_run, open_run, pair_run
from tests.unit.report.hostile import (
    ATTACK,
    CONTROL,
    Site,
    change_texts,
    markdown_faults,
    page_faults,
    rename_rows,
    svg_faults,
    texts_of,
)

# What chooses a section, a state or a file: changed, it is another run or none.
CHOOSES = (
    *("experiment", "status", "loop", "outcome", "kind", "phase", "profile", "_at", "_id"),
    *("rows_file", "settings.deployments[]"),
)
NAMES = ("usage", "machine", "versions", "shares", "gaps_s")  # dictionaries by name
BLANK = '<svg viewBox="0 0 1 1"></svg>'

RUNS: dict[str, Callable[[Path], Path]] = {
    "rounds": lambda root: make_run(root, pair_run(starts=2, operations=("order", "overview"))),
    "load": lambda root: open_run(
        root,
        Plan(blocks=1, requests=200, deployments=ARMS, mixes=("mixed", "order"), failed_every=9),
    ),
    "capacity": lambda root: capacity_run(
        root, {"monolith": [400.0], "microservices": [600.0]}, loads=(100.0, 200.0)
    ),
    "failure": write_run,
    "consistency": lambda root: run_with(
        root, {name: [*kills_of(20), *END] for name in ARMS}, sound_shop()
    ),
}


def plant_names(run: Path) -> int:
    """Add an attack to every name and remark of a run, the same name alike; how many there are."""
    found = texts_of(json.loads((run / "journal.json").read_text()))
    kept, changed = set(), set()
    for (where, what), texts in found.items():
        chooses = where.endswith(CHOOSES) if what == "value" else not where.endswith(NAMES)
        (kept if chooses else changed).update(texts)
    names = {text: f"{text}{ATTACK}m{at}" for at, text in enumerate(sorted(changed - kept))}
    change_texts(run / "journal.json", lambda _, text: names.get(text, text))
    rename_rows(run, names)
    return len(names)


def told(run: Path) -> str:
    shown = io.StringIO()
    show_results(run, Console(file=shown, width=140, highlight=False))
    return shown.getvalue()


@pytest.mark.parametrize("kind", RUNS)
def test_attacks_in_all_names_at_once_are_only_read(kind: str, tmp_path: Path) -> None:
    """Report, drawings, summary, console, comparison, claims and CSV of a run full of them."""
    sound = RUNS[kind](tmp_path / "sound")
    run = tmp_path / "run" / "run"
    shutil.copytree(sound, run)
    assert plant_names(run) > 15
    page = build_report(run).read_text()
    assert page_faults(page) == []
    assert page.count("evil()") > 100
    assert markdown_faults((run / "summary.md").read_text()) == []
    drawings = list((run / "figures").glob("*.svg"))
    assert drawings
    assert [fault for path in drawings for fault in svg_faults(path.read_text())] == []
    assert CONTROL.findall(told(run)) == []
    compared = compare_runs([sound, run], tmp_path / "compared.html")
    assert page_faults(compared.page.read_text(), scripts=0) == []
    assert CONTROL.findall(compared.agreement.line) == []
    claims = write_claims_page(picture_of_runs([run]), tmp_path / "claims.html")
    assert page_faults(claims.read_text(), scripts=0) == []
    written = export_csv(run, tmp_path / "csv", rows=True)
    assert {path.parent for path in written} <= {tmp_path / "csv", tmp_path / "csv" / "rows"}
    assert sorted(each.name for each in (tmp_path / "run").iterdir()) == ["run"]


def changes_of(run: Path) -> list[tuple[Site, str]]:
    """Every site of the journal: its values together, its keys one by one."""
    found = texts_of(json.loads((run / "journal.json").read_text()))
    values = [(site, "") for site in found if site[1] == "value"]
    return values + [(site, text) for site in found if site[1] == "key" for text in found[site]]


def shown(run: Path, deeply: bool) -> str:
    """What is live of a run, on the page and in the summary, or its refusal."""
    try:
        RunReader(run)
        if not deeply:
            return ""
        analysis = analyse(run)
    except ShopbenchError as exc:
        return f"refused {exc.exit_code}: {exc.message}"
    figures = figures_of(analysis)
    page = render_page(analysis, {figure.name: BLANK for figure in figures})
    return "".join([*page_faults(page), *markdown_faults(render_summary(analysis, figures))])


@pytest.mark.usefixtures("unpainted")
def test_an_attack_in_any_one_text_is_refused_in_one_line_or_only_read(tmp_path: Path) -> None:
    run = make_run(tmp_path, pair_run(starts=1, operations=("order",)))
    sound = (run / "journal.json").read_text()
    said = []
    for changed, only in changes_of(run):
        (run / "journal.json").write_text(sound)

        def attack(site: Site, text: str, changed: Site = changed, only: str = only) -> str:
            return text + ATTACK if site == changed and only in ("", text) else text

        change_texts(run / "journal.json", attack)
        free = changed[1] == "value" or changed[0].startswith((".settings", ".machine"))
        said.append(shown(run, free))
    refusals = [text for text in said if text]
    assert [text for text in refusals if not text.startswith("refused 3: ")] == []
    assert [text for text in refusals if CONTROL.search(text) or len(text) > 600] == []
    assert min(len(refusals), said.count("")) > 20


def test_attacks_in_the_verdicts_are_only_read(tmp_path: Path) -> None:
    run = make_run(tmp_path, pair_run(starts=2, operations=("order",)))
    build_report(run)
    kept = ("verdict", "id", "experiment", "row", "deployment", "claims[]")
    change_texts(
        run / "verdicts.json",
        lambda site, text: text if site[1] == "key" or site[0].endswith(kept) else text + ATTACK,
    )
    claims = write_claims_page(picture_of_runs([run]), tmp_path / "claims.html").read_text()
    assert page_faults(claims, scripts=0) == []
    assert "evil()" in claims
    assert CONTROL.findall(told(run)) == []


@pytest.mark.parametrize(
    "settings",
    [{"slo": {"error_share": 0.1}}, {"slo": {"error_share": "x"}}, {"capacity_searches": [{}]}],
)
def test_settings_of_another_shape_are_one_line(tmp_path: Path, settings: dict[str, Any]) -> None:
    run = capacity_run(tmp_path, {"monolith": [400.0], "microservices": [600.0]}, loads=(9.0,))
    path = run / "journal.json"
    known = json.loads(path.read_text())
    path.write_text(json.dumps({**known, "settings": {**known["settings"], **settings}}))
    with pytest.raises(CorruptResults) as caught:
        analyse(run)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("name", ['x" onload="evil()', "../../x", "a/b", "x" * 999, "<b>", "\0"])
def test_a_figure_of_any_name_is_a_file_in_its_folder_and_an_id(name: str, tmp_path: Path) -> None:
    with drawing(2, 1) as (canvas, (axis,)):
        axis.set_title("x")
    figure = Figure(name, "x", "", canvas)
    assert page_faults(inline_svg(svg_text(figure), figure), scripts=0) == []
    folder = tmp_path / "figures"
    folder.mkdir()
    save(figure, folder, svg_text(figure))
    assert [each.parent for each in tmp_path.rglob("*.*")] == [folder, folder]


def test_a_run_shows_no_file_of_this_tree_but_code() -> None:
    assert source_path("bench/files.py")
    for name in ("README.md", ".git", "requirements.lock", "../x.py", "/etc/x.py", "", "a\0.py"):
        assert source_path(name) is None


def test_links_and_tags_of_a_text_do_not_live_in_markdown() -> None:
    for text in (ATTACK.split("\x1b")[0], "[x]: javascript:evil()", "> 1. [x]: <y>", "<!-- x"):
        assert markdown_faults(f"# {inert(text)}\n\n- {inert(text)}\n\n{inert(text)} [x]\n") == []
    for text in ("0.5 < p", "[1.2, 1.3] (95 %)", "a | b", "`x` **y**"):
        assert inert(text) == text


def test_a_cell_holds_its_text_and_no_more() -> None:
    cells = ["a|b", "a\\|b", "a\\\\|b", "\\", "<b>c</b>"]
    table = MarkdownIt("commonmark").enable("table").render(markdown_table(["h"] * 5, [cells]))
    assert table.count("<td>") == len(cells)
    found = [part.partition("</td>")[0] for part in table.split("<td>")[1:]]
    assert found == ["a|b", "a\\|b", "a\\\\|b", "\\", "&lt;b&gt;c&lt;/b&gt;"]


def test_csv_files_are_not_written_through_links(tmp_path: Path) -> None:
    run = make_run(tmp_path, pair_run(starts=1, operations=("order",)))
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "kept").write_text("kept")
    for place, target in (("rows", precious), ("trials.csv", precious / "kept")):
        out = tmp_path / f"out-{place}"
        out.mkdir()
        (out / place).symlink_to(target)
        with pytest.raises(ShopbenchError, match=f"{place}: is a link, which is not followed"):
            export_csv(run, out, rows=True)
    assert [each.read_text() for each in precious.iterdir()] == ["kept"]
