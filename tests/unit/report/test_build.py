"""The whole report from journal and rows: files, self-containment, and damage."""

import json
import re
import shutil
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bench.errors import ShopbenchError
from bench.report.build import build_report
from bench.report.page import AFTER, BEFORE, CLAIMS
from bench.results.journal import CorruptResults, RunReader
from tests.unit.report.factory import Rounds, make_run, pair_run

LOADS = {"src", "srcset", "poster", "data", "action", "background"}
ONE = pair_run(starts=1, operations=("order",))
VOID = {"meta", "link", "br", "input", "img", "hr", "path", "use", "rect"}


class Scanner(HTMLParser):
    """Collects what a page would load, its ids, and tags left open."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in LOADS or (tag == "link" and name == "href"):
                self.loads.append(value or "")
            if tag == "a" and name == "href":
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def scan(page: Path) -> Scanner:
    scanner = Scanner()
    scanner.feed(page.read_text(encoding="utf-8"))
    return scanner


def test_every_file_is_there(built: Path) -> None:
    assert {p.name for p in built.iterdir()} == {
        "journal.json", "rows", "verdicts.json", "summary.md", "figures", "report.html",
    }  # fmt: skip
    names = {p.stem for p in (built / "figures").glob("*.svg")}
    assert names == {p.stem for p in (built / "figures").glob("*.png")}
    assert len(names) > 8
    assert all(p.stat().st_size > 2000 for p in (built / "figures").iterdir())


def test_the_page_loads_nothing_and_is_well_formed(built: Path) -> None:
    scanner = scan(built / "report.html")
    text = (built / "report.html").read_text(encoding="utf-8")
    assert set(scanner.loads) <= {"data:,"}
    assert not scanner.open
    assert len(set(scanner.ids)) == len(scanner.ids)
    assert not re.search(r"https?://|@import|url\((?!#)", text)


def test_every_link_of_the_page_leads_somewhere(built: Path) -> None:
    scanner = scan(built / "report.html")
    for link in scanner.links:
        if link.startswith("#"):
            assert link[1:] in scanner.ids
        elif link.startswith("data:text/csv;"):
            assert b"\n" in b64decode(link.partition(",")[2])
        else:
            assert (built / link).exists(), link


def test_the_sections_come_in_their_order(built: Path) -> None:
    ids = scan(built / "report.html").ids
    middle = ("ratios", "ladder", "time", "distribution", "percentiles", "cpu")
    claims, after = ([name for name, _ in each] for each in (CLAIMS, AFTER))
    names = (*(name for name, _ in BEFORE), *middle, *claims, "floor", *after)
    places = [ids.index(name) for name in names]
    assert places == sorted(places)


def test_the_verdicts_are_stored_and_summarised(built: Path) -> None:
    verdicts = RunReader(built).verdicts
    summary = (built / "summary.md").read_text(encoding="utf-8")
    assert len(verdicts) > 50
    assert "supported" in summary
    assert RunReader(built).words.sentences[0] in summary
    assert RunReader(built).words.trust in summary
    assert "What this does not show" in summary
    for line in summary.splitlines():
        assert not line.startswith("|") or line.endswith("|")


def test_rebuilding_gives_the_same_from_journal_and_rows_alone(built: Path, tmp_path: Path) -> None:
    copy = tmp_path / built.name
    copy.mkdir()
    shutil.copy(built / "journal.json", copy)
    shutil.copytree(built / "rows", copy / "rows")
    build_report(copy)
    for name in ("verdicts.json", "summary.md"):
        assert (copy / name).read_bytes() == (built / name).read_bytes()
    assert {p.name for p in (copy / "figures").iterdir()} == {
        p.name for p in (built / "figures").iterdir()
    }


def test_a_tiny_smoke_run_has_a_page_that_claims_nothing(tmp_path: Path) -> None:
    run = make_run(tmp_path, Rounds(ONE.made, profile="smoke", counted=False))
    text = build_report(run).read_text(encoding="utf-8")
    assert "claims nothing" in text
    assert 'class="word supported"' not in text


def test_a_run_of_one_deployment_and_no_cpu_still_has_a_page(tmp_path: Path) -> None:
    run = make_run(tmp_path, pair_run(slower={"users|orders": 1.0}, starts=1))
    edit(run, lambda journal: [t.update(usage={}, sql=None) for t in journal["trials"]])
    text = build_report(run).read_text(encoding="utf-8")
    assert "Nothing could be judged in this run" in text
    assert "figure-cpu" not in text


def test_invalid_trials_are_drawn_only_with_a_warning(tmp_path: Path) -> None:
    run = make_run(tmp_path, pair_run(starts=1, status=lambda deployment, start: "invalid"))
    text = build_report(run).read_text(encoding="utf-8")
    assert "drawn from invalid trials" in text
    assert "Contains invalid trials, for orientation only." in text
    assert "No ratio could be given" in text
    assert not (run / "figures" / "forest-named.svg").exists()


def test_hostile_text_in_a_journal_stays_text(tmp_path: Path) -> None:
    run = make_run(tmp_path, ONE)
    edit(run, lambda journal: journal.update(notes=["<script>alert(1)</script>"]))
    text = build_report(run).read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert(1)" not in text


def edit(run: Path, change) -> None:  # type: ignore[no-untyped-def]
    journal = json.loads((run / "journal.json").read_text(encoding="utf-8"))
    change(journal)
    (run / "journal.json").write_text(json.dumps(journal), encoding="utf-8")


def break_journal(run: Path) -> None:
    (run / "journal.json").write_text('{"schema_version": 1, "trials": [')


def break_rows(run: Path) -> None:
    next((run / "rows").iterdir()).write_bytes(b"no parquet")


def lose_rows(run: Path) -> None:
    next((run / "rows").iterdir()).unlink()


def break_floor(run: Path) -> None:
    edit(run, lambda journal: journal["settings"].update(floor=[{"arm": 3}]))


def break_time(run: Path) -> None:
    edit(run, lambda journal: journal["trials"][0].update(measured_s=0.0))


@pytest.mark.parametrize("damage", [break_journal, break_rows, lose_rows, break_floor, break_time])
def test_damage_is_one_clear_line(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    run = make_run(tmp_path, ONE)
    damage(run)
    with pytest.raises(CorruptResults) as caught:
        build_report(run)
    assert "\n" not in caught.value.message
    assert str(run) in caught.value.message or "trial" in caught.value.message
    assert not (run / "report.html").exists()


def test_a_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ShopbenchError, match="no run folder"):
        build_report(tmp_path / "nowhere")


def test_what_an_experiment_counted_is_no_setting_to_read(tmp_path: Path) -> None:
    """Half a page of JSON stood among the settings."""
    counted = {"lines": {f"module_{number}.py": number for number in range(500)}}
    run = make_run(tmp_path, Rounds(settings={"counted": counted, "short": {"a": 1}}))
    page = build_report(run).read_text(encoding="utf-8")
    assert "module_499.py" not in page
    assert "see journal.json" in page
