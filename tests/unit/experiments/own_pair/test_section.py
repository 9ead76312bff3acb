"""The report on services of the user's own speaks of them and not of the shop."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from bench.experiments.own_pair.load import OwnLoad
from bench.experiments.own_pair.services import ExternalService
from bench.experiments.own_pair.trials import Measured, own_trial
from bench.load.generator import Target, rows_of_columns
from bench.load.rows import Row, to_columns
from bench.report.analysis import analyse
from bench.report.build import build_report
from bench.report.figures.style import file_name, look
from bench.report.naming import deployment_order, showing
from bench.results.journal import Loop, RunWriter, Verdict
from tests.unit.report.factory import Plan, facts

pytestmark = pytest.mark.usefixtures("unpainted")

NAMES = ("old", "new")  # not in the order of the alphabet; the baseline is `old`
SETTINGS = {
    "deployments": list(NAMES),
    "mixes": ["mine"],
    "own_pair": {
        "urls": {"old": "http://127.0.0.1:9001", "new": "http://127.0.0.1:9002"},
        "locustfile": "mine.py",
        "locustfile_sha256": "ab" * 32,
        "load": "turns",
        "restarts": {},
        "pids": {"old": 11},
        "pinned_to_cpus": {"old": [0]},
    },
}
LOAD = OwnLoad(
    tuple(ExternalService(name, Target("http://x", []), None) for name in NAMES),
    Path("mine.py"),
    "ab" * 32,
)


def rows(name: str, ratio: float, loop: Loop, error: str = "") -> list[Row]:
    """30 s of 20 turns a second, each of a read and a write; `ratio` of the second service."""
    rng = random.Random(f"{name}/{loop}")
    found: list[Row] = []
    for number in range(600):
        for place, operation in enumerate(("read", "write")):
            sent = number / 20 + place * 0.01
            took = 0.002 * (ratio if name == "new" else 1.0) * rng.lognormvariate(0, 0.1)
            text = error if name == "new" and operation == "write" else ""
            row = (sent, sent, sent + took, 200, 9, operation, "V.t", text, number, "")
            found.append(row)
    return found


def own_run(root: Path, ratio: float, *, loop: Loop = "rounds", error: str = "") -> Path:
    settings = {**SETTINGS, "own_pair": {**SETTINGS["own_pair"], "load": loop}}
    writer = RunWriter.create(root, "run", facts(Plan(), settings))
    for block in range(1 if loop == "rounds" else 7):
        for position, service in enumerate(LOAD.services):
            measured = Measured(
                block=block,
                position=position,
                seed=1,
                started_at="2026-01-01T00:00:00.000Z",
                loop=loop,
                window=(0.0, 30.0),
                generator_cpu=0.1,
                offered_rps=40.0 if loop == "open" else 0.0,
                facts={"turns": 610.0, "elsewhere": 3.0},
            )
            table = rows_of_columns(to_columns(rows(service.name, ratio, loop, error)))
            writer.add_trial(*own_trial(LOAD, service, measured, "mine", table))
    writer.finish()
    return writer.path


def verdicts(run: Path) -> dict[str, Verdict]:
    return {verdict.operation: verdict for verdict in analyse(run).verdicts}


def test_every_name_gets_a_verdict_over_the_first_url(tmp_path: Path) -> None:
    found = verdicts(own_run(tmp_path, 1.2))
    assert set(found) == {"read", "write"}
    for verdict in found.values():
        assert (verdict.numerator, verdict.denominator) == ("new", "old")
        assert verdict.verdict == "supported"
        assert verdict.estimate == pytest.approx(1.2, rel=0.03)
        assert verdict.n_blocks == 30


def test_two_that_are_alike_do_not_differ(tmp_path: Path) -> None:
    words = {each.verdict for each in verdicts(own_run(tmp_path, 1.0)).values()}
    assert "supported" not in words


def test_an_open_load_is_compared_by_pairs_of_stretches(tmp_path: Path) -> None:
    found = verdicts(own_run(tmp_path, 1.2, loop="open"))
    assert found["read"].metric == "response_time_ms_p50"
    assert found["read"].n_blocks == 7
    assert found["read"].estimate == pytest.approx(1.2, rel=0.03)


def test_wrong_answers_are_said_and_give_no_ratio(tmp_path: Path) -> None:
    found = verdicts(own_run(tmp_path, 1.2, error="status 500"))
    assert found["write"].estimate is None
    assert "0 and 600 of 600 (status 500)" in found["write"].note
    assert found["read"].verdict == "supported"


def test_the_page_names_the_services_and_leaves_the_shops_sections_out(tmp_path: Path) -> None:
    page = build_report(own_run(tmp_path, 1.2)).read_text()
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
    for told in (page, summary):
        assert re.search(r"new answers `read` [12]\d\.\d % slower than old", told)
        assert "10 of 610 visits made no request" in told
        assert "3 requests to other hosts are left out of the comparison" in told


def test_the_baseline_comes_first_and_looks_never_collide() -> None:
    with showing(("old", "new")):
        assert deployment_order(["new", "old"]) == ["old", "new"]
        assert look("old") != look("new")
    assert deployment_order(["microservices", "monolith"]) == ["monolith", "microservices"]


def test_an_operation_may_be_called_anything() -> None:
    assert file_name("item_read") == "item_read"
    assert re.fullmatch(r"[A-Za-z0-9_-]+", file_name("/items/$1?x=<b>"))
    assert file_name("/a") != file_name("-a")
