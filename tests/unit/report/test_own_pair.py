"""The report on services of the user's own speaks of them and not of the shop."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.report.analysis import analyse
from bench.report.build import build_report
from bench.report.figures.style import file_name, look
from bench.report.naming import deployment_order, show_own
from tests.unit.report.factory import Plan, open_run

pytestmark = pytest.mark.usefixtures("unpainted")

NAMES = ("new", "old")  # not in the order of the alphabet, and the baseline is `old`
SETTINGS = {
    "deployments": ["old", "new"],
    "own_pair": {
        "urls": {"old": "http://127.0.0.1:9001", "new": "http://127.0.0.1:9002"},
        "locustfile": "mine.py",
        "locustfile_sha256": "ab" * 32,
        "pids": {"old": 11, "new": 12},
        "pinned_to_cpus": {"old": [0], "new": [0, 1]},
    },
    "probed": {"mixed": {"steps_per_visit": 1.25, "capacity_rps": {}, "visit_s": 0.01}},
}
PLAN = Plan(
    deployments=NAMES,
    ratios={"new": 1.2, "old": 1.0},
    settings=SETTINGS,
    blocks=8,
    requests=600,
)


@pytest.fixture(autouse=True)
def _shop_again() -> object:
    yield
    show_own(())


def test_the_first_url_is_the_denominator_and_at_most_eight_are_named(tmp_path: Path) -> None:
    analysis = analyse(open_run(tmp_path, PLAN))
    named = [(v.operation, v.metric) for v in analysis.named]
    assert named[:4] == [
        ("all", "response_time_ms_p50"),
        ("all", "cpu_ms_per_request"),
        ("product_read", "response_time_ms_p50"),
        ("product_list", "response_time_ms_p50"),
    ]
    assert len(named) == 5
    assert {(v.numerator, v.denominator) for v in analysis.verdicts} == {("new", "old")}
    p50 = analysis.named[0]
    assert p50.verdict == "supported"
    assert p50.estimate == pytest.approx(1.2, rel=0.04)
    assert p50.low is not None
    assert p50.low > 1


def test_two_that_are_alike_do_not_differ(tmp_path: Path) -> None:
    alike = replace(PLAN, ratios={"new": 1.0, "old": 1.0}, noise=0.005)
    words = {v.verdict for v in analyse(open_run(tmp_path, alike)).named}
    assert "supported" not in words


def test_without_cpu_there_is_no_question_on_cpu(tmp_path: Path) -> None:
    run = open_run(tmp_path, replace(PLAN, blocks=6))
    journal = json.loads((run / "journal.json").read_text())
    for trial in journal["trials"]:
        trial["usage"] = {}
    (run / "journal.json").write_text(json.dumps(journal))
    kinds = {v.metric for v in analyse(run).verdicts}
    assert "cpu_ms_per_request" not in kinds


def test_three_services_stay_within_holms_eight(tmp_path: Path) -> None:
    three = {**SETTINGS, "deployments": ["old", "new", "newer"]}
    plan = replace(PLAN, deployments=("old", "new", "newer"), settings=three, blocks=6)
    named = analyse(open_run(tmp_path, plan)).named
    assert len(named) == 8
    assert {v.denominator for v in named} == {"old"}


def test_the_page_names_the_services_and_leaves_the_shops_sections_out(tmp_path: Path) -> None:
    page = build_report(open_run(tmp_path, PLAN)).read_text()
    assert "<h1>old and new, measured</h1>" in page
    assert "uncontrolled unless pinned" in page
    assert "http://127.0.0.1:9002" in page
    for anchor in ("comparison", "ladder", "floor"):
        assert f'id="{anchor}"' not in page
        assert f'href="#{anchor}"' not in page
    text = re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.DOTALL)
    assert "onolith" not in text
    assert "icroservices" not in text
    summary = (tmp_path / "run" / "summary.md").read_text()
    assert "onolith" not in summary


def test_the_baseline_comes_first_and_looks_never_collide() -> None:
    show_own(("old", "new"))
    assert deployment_order(["new", "old"]) == ["old", "new"]
    assert look("old") != look("new")
    show_own(())
    assert deployment_order(["microservices", "monolith"]) == ["monolith", "microservices"]


def test_an_operation_may_be_called_anything() -> None:
    assert file_name("item_read") == "item_read"
    assert re.fullmatch(r"[A-Za-z0-9_-]+", file_name("/items/$1?x=<b>"))
    assert file_name("/a") != file_name("-a")
