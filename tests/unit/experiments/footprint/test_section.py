"""What the report says of a shop that hardly anybody visits."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bench.claims import registry
from bench.errors import CorruptResults
from bench.experiments.footprint.records import Start
from bench.experiments.footprint.section import sections
from bench.report.analysis import analyse
from bench.report.build import build_report
from bench.report.comparison import comparison, picture_of
from bench.report.section import Section
from bench.results.dataset import load_run
from tests.unit.experiments.footprint.footprint_runs import (
    MONOLITH,
    PARTS,
    SERVICES,
    footprint_run,
    load_of,
    settings_of,
)

pytestmark = pytest.mark.usefixtures("unpainted")
PAIR = "footprint/microservices:monolith"
CLAIMED = {f"{PAIR}/{name}" for name in ("idle_pss_mib", "idle_cpu_ms_per_s", "cold_start_s")}


def shown(run: Path) -> Section:
    (found,) = sections(load_run(run))
    return found


def words(run: Path) -> dict[str, str]:
    return {verdict.id: verdict.verdict for verdict in shown(run).verdicts}


def as_monolith(start: Start) -> Start:
    """Whatever the services hold, the monolith holds as much."""
    parts = {"all": sum(PARTS[MONOLITH].values())}
    bytes_ = {name: round(mib * 2**20 * (1 + 0.01 * start.number)) for name, mib in parts.items()}
    return replace(start, idle=replace(start.idle, pss_bytes=bytes_))


def test_twice_the_memory_is_found_and_decides_the_claim(tmp_path: Path) -> None:
    found = analyse(footprint_run(tmp_path))
    by_id = {verdict.id: verdict for verdict in found.verdicts}
    memory = by_id[f"{PAIR}/idle_pss_mib"]
    assert memory.estimate == pytest.approx(2.0)
    assert (memory.verdict, memory.n_blocks) == ("supported", 6)
    assert {each.id for each in found.verdicts if each.claims == ("small-shop",)} == CLAIMED
    (result,) = [r for r in picture_of(found).results if r.claim.id == "small-shop"]
    assert result.word == "supported"
    assert result.claim.pair == f"{memory.numerator}:{memory.denominator}"
    assert f"claim: {result.claim.direction};" in memory.rule


def test_the_first_screen_gets_memory_and_start_of_both_arms(tmp_path: Path) -> None:
    tiles = {tile.title: tile for tile in shown(footprint_run(tmp_path)).tiles}
    memory = tiles["Memory when nobody asks"]
    assert memory.microservices == pytest.approx(2 * memory.monolith)
    assert (memory.unit, memory.word) == ("MiB", "more")
    assert "Cold start" in tiles


def test_every_pattern_of_the_claim_meets_one_verdict(tmp_path: Path) -> None:
    (claim,) = [each for each in registry().claims if each.experiment == "footprint"]
    assert set(claim.answers) == CLAIMED <= words(footprint_run(tmp_path)).keys()


def test_equal_memory_is_no_difference(tmp_path: Path) -> None:
    found = words(footprint_run(tmp_path, settings_of(change=as_monolith)))
    assert found[f"{PAIR}/idle_pss_mib"] == "no difference shown"


def test_a_rehearsal_is_in_no_number(tmp_path: Path) -> None:
    heavy = [replace(start, counted=False) for start in _starts(settings_of())][:2]
    told = settings_of()
    huge = msgspec.to_builtins([replace(s, number=99, up_s=1e6, cold_start_s=1e6) for s in heavy])
    found = shown(footprint_run(tmp_path, {**told, "starts": [*huge, *told["starts"]]}))
    cold = next(v for v in found.verdicts if v.metric == "cold_start_s")
    assert cold.estimate == pytest.approx(1.6 / 0.7)


def test_five_starts_decide_nothing(tmp_path: Path) -> None:
    assert set(words(footprint_run(tmp_path, settings_of(starts=5))).values()) == {"inconclusive"}


def test_smoke_claims_nothing(tmp_path: Path) -> None:
    found = shown(footprint_run(tmp_path, profile="smoke"))
    assert {v.verdict for v in found.verdicts} == {"inconclusive"}
    assert all("claims nothing" in v.note for v in found.verdicts)


def test_a_start_that_cannot_say_its_cold_start_has_no_ratio(tmp_path: Path) -> None:
    def silent(start: Start) -> Start:
        return replace(start, cold_start_s=None) if start.number == 2 else start

    found = shown(footprint_run(tmp_path, settings_of(change=silent)))
    cold = next(v for v in found.verdicts if v.metric == "cold_start_s")
    assert (cold.n_blocks, cold.verdict) == (5, "inconclusive")
    assert "1 starts without a value" in cold.note


def test_both_arms_have_a_cell_in_the_row_of_complexity(tmp_path: Path) -> None:
    rows = comparison(picture_of(analyse(footprint_run(tmp_path))))
    (row,) = [each for each in rows if each.row.id == "complexity"]
    cells = {
        arm: next(e.text for e in entries if e.source == "footprint")
        for arm, entries in row.cells.items()
    }
    assert cells[MONOLITH] == (
        "6 processes of the operating system, 150 MiB, 2.0 ms of CPU a second when idle, "
        "serves 0.70 s after its start"
    )
    assert cells[SERVICES].startswith("12 processes of the operating system, 300 MiB, 8.0 ms")


def test_money_says_where_the_difference_stops_mattering(tmp_path: Path) -> None:
    lines = " ".join(shown(footprint_run(tmp_path)).context["lines"])
    assert "microservices costs ×2.1" in lines
    assert "they cost the same at" in lines  # planted: dearer at rest, cheaper for each request
    assert "2 copies of the whole deployment are counted" in lines


def test_an_invalid_load_gives_no_money(tmp_path: Path) -> None:
    loads = msgspec.to_builtins([load_of(MONOLITH, half=True, valid=False)])
    found = shown(footprint_run(tmp_path, settings_of(loads=loads)))
    assert not found.context["money"]


def test_what_is_missing_says_why(tmp_path: Path) -> None:
    told = settings_of(images_note="no engine; `docker compose build` makes them", stopped="late")
    notes = shown(footprint_run(tmp_path, told)).context["notes"]
    assert notes == ["Late.", "No engine; `docker compose build` makes them."]


def test_a_broken_record_is_one_line(tmp_path: Path) -> None:
    run = footprint_run(tmp_path, {"starts": [{"deployment": "monolith"}]})
    with pytest.raises(CorruptResults, match=r"settings\.footprint: .* missing"):
        sections(load_run(run))


def test_the_page_shows_it(tmp_path: Path) -> None:
    run = footprint_run(tmp_path)
    page = build_report(run).read_text(encoding="utf-8")
    for part in (
        'id="footprint"',
        "A fresh start at rest",
        "What each arm is made of",
        "2.00 times",
    ):
        assert part in page
    assert sections(load_run(footprint_run(tmp_path / "none", {}))) == []


def _starts(told: object) -> list[Start]:
    return msgspec.convert(told["starts"], list[Start])  # type: ignore[index]
