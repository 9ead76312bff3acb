"""The first screen: one sentence, trust, tiles; and that nothing on the page is empty."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench.report.analysis import Analysis, analyse
from bench.report.build import build_report
from bench.report.tiles import Tile, state_of
from tests.unit.experiments.capacity.capacity_runs import SATURATED, capacity_run
from tests.unit.experiments.consistency import test_section as consistency
from tests.unit.experiments.failure.fault_runs import Losses, write_run
from tests.unit.experiments.network import test_section as network
from tests.unit.experiments.scaling.scaling_runs import scaling_run
from tests.unit.experiments.topologies import test_section as topologies
from tests.unit.report.factory import PAIR, Rounds, make_run, pair_run

pytestmark = pytest.mark.usefixtures("unpainted")
SPLIT = "On this machine, splitting this shop into services makes an order take "
WHOLE = "going from the Django monolith to these services (framework included) makes an order "
FOUND = {"monolith": [200.0, 210.0, 190.0], "microservices": [100.0, 105.0, 95.0]}


def made(tmp_path: Path, **changes: object) -> Analysis:
    return analyse(make_run(tmp_path, pair_run(operations=("order",), **changes)))


def faults(tmp_path: Path, repetitions: int = 3) -> Analysis:
    return analyse(write_run(tmp_path, Losses(repetitions=repetitions)))


def test_one_sentence_says_the_architecture_first_then_the_whole_way(analysis: Analysis) -> None:
    answer = analysis.words.answer
    assert re.match(SPLIT + r"1\.\d\d times as long and cost 2\.\d\d times the CPU; ", answer)
    assert answer.count(".") == len(re.findall(r"\d\.\d", answer)) + 1
    assert f"; {WHOLE}take 1.5" in answer


def test_what_is_not_decided_is_said_in_the_same_sentence(tmp_path: Path) -> None:
    found = made(tmp_path, slower={**PAIR, "microservices": 1.02}, scatter=0.05)
    answer = found.words.answer
    assert answer.startswith(f"On this machine, {WHOLE}cost ")
    assert re.search(r", while its time \(×1\.0\d \[0\.\d\d, 1\.\d\d\]\) is not decided\.$", answer)


def test_from_one_start_nothing_is_decided_and_the_sentence_says_why(tmp_path: Path) -> None:
    answer = made(tmp_path, starts=1).words.answer
    assert answer.startswith("On this machine, what going from the Django monolith to these")
    assert "is not decided: its time and its CPU (1 start, an interval takes 2)." in answer


def test_no_difference_takes_as_long_as_before(tmp_path: Path) -> None:
    found = made(tmp_path, slower={**PAIR, "microservices": 1.0}, scatter=0.002)
    assert "makes an order take as long as before" in found.words.answer


def test_a_broken_part_is_told_in_visits_of_a_hundred(tmp_path: Path) -> None:
    answer = faults(tmp_path).words.answer
    assert re.fullmatch(
        r"On this machine, while \w+ (is|hangs)\D*, the services lose \d+ of 100 visits and the "
        r"monolith \d+( \(not decided\))?\.",
        answer,
    )


def test_one_repetition_says_that_it_was_measured_once(tmp_path: Path) -> None:
    analysis = faults(tmp_path, 1)
    assert analysis.words.answer.endswith(" (measured once).")
    assert [tile.word for tile in analysis.tiles] == ["not decided"]


def test_the_tiles_hold_absolutes_ratio_and_a_word(analysis: Analysis) -> None:
    order = analysis.tiles[1]
    assert [tile.title for tile in analysis.tiles] == [
        "Time of a read", "Time of an order", "Time of the overview", "CPU of a request",
    ]  # fmt: skip
    assert order.microservices / order.monolith == pytest.approx(1.6, rel=0.05)
    assert (order.word, order.widths[1]) == ("slower", 100.0)
    assert re.fullmatch(r"×1\.\d+ \[1\.\d+, 1\.\d+\], 6 starts", order.evidence)


def test_capacity_and_money_are_tiles(tmp_path: Path) -> None:
    analysis = analyse(capacity_run(tmp_path, FOUND, saturated=SATURATED))
    load = analysis.tiles[0]
    assert (load.title, load.unit, load.word) == ("Load carried, mixed", "requests/s", "less")
    assert load.evidence.endswith("3 searches")


def test_visits_served_under_a_fault_are_a_tile(tmp_path: Path) -> None:
    (tile,) = faults(tmp_path).tiles
    assert tile.title == "Visits served while something is broken"
    assert 0 <= tile.monolith <= tile.microservices <= 100
    assert "3 repetitions" in tile.evidence


def test_a_smoke_run_has_numbers_but_decides_nothing(tmp_path: Path) -> None:
    plan = Rounds(pair_run(starts=1).made, profile="smoke", counted=False)
    assert {t.word for t in analyse(make_run(tmp_path, plan)).tiles} == {"not decided"}


def test_a_tile_says_who_has_more_and_draws_the_larger_one_whole() -> None:
    tile = Tile("Memory", 100.0, 250.0, "MiB", ("less", "more"), "×2.5")
    assert (tile.word, tile.widths) == ("more", (40.0, 100.0))
    assert replace(tile, microservices=50.0).word == "less"
    assert replace(tile, microservices=100.0).word == "no difference"
    assert replace(tile, state=state_of("no difference shown")).word == "no difference"
    assert replace(tile, state=state_of("inconclusive")).word == "not decided"
    assert replace(tile, monolith=0.0, microservices=0.0).widths == (0.0, 0.0)


RUNS: dict[str, Callable[[Path], Path]] = {
    "rounds": lambda path: make_run(path, Rounds(floor=True)),
    "one start": lambda path: make_run(path, pair_run(starts=1, operations=("order",))),
    "invalid": lambda path: make_run(path, pair_run(status=lambda deployment, start: "invalid")),
    "one deployment": lambda path: make_run(path, pair_run(slower={"users|orders": 1.0})),
    "smoke": lambda path: make_run(path, replace(pair_run(starts=1), profile="smoke")),
    "capacity": lambda path: capacity_run(path, FOUND, saturated=SATURATED),
    "nothing saturated": lambda path: capacity_run(path, FOUND),
    "faults": lambda path: write_run(path, Losses(repetitions=3)),
    "a fault once": lambda path: write_run(path, Losses(repetitions=1)),
    "network": network.write_run,
    "topologies": topologies.write_run,
    "scaling": scaling_run,
    "consistency": lambda path: consistency.run_with(
        path, {"monolith": consistency.END}, consistency.sound_shop()
    ),
}
EMPTY = (
    r"<(ul|ol|dl|tbody|figure|table|details|section|summary|h[1-4]|dd|p)( [^>]*)?>\s*</\1>",
    r"<tr>\s*</tr>", r"×–", r"– –", r"–, –", r"[Nn]ot built", r">\s*none\s*<", r"none in this",
)  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_nothing_on_a_page_is_empty_or_not_built(name: str, tmp_path: Path) -> None:
    page = build_report(RUNS[name](tmp_path))
    texts = [page.read_text(encoding="utf-8"), (page.parent / "summary.md").read_text("utf-8")]
    found = [m[0] for text in texts for each in EMPTY for m in re.finditer(each, text)]
    assert found == []
    assert texts[0].count("<figure ") == texts[0].count('href="data:text/csv')
