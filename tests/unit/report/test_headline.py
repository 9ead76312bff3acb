"""Every result in plain words, whatever its kind, and how far to trust it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.experiments.latency.findings import Findings
from bench.experiments.latency.ladder import decomposition, ladders
from bench.experiments.latency.words import trust_line
from bench.report.analysis import Analysis, analyse
from bench.report.quality import trust_words
from tests.unit.report.factory import PAIR, Rounds, gates, make_run, pair_run

SPLIT = "Splitting the same code into five processes makes "
WHOLE = "Going from the Django monolith to the aiohttp services makes "


def made(tmp_path: Path, **changes: object) -> Analysis:
    return analyse(make_run(tmp_path, pair_run(**changes)))


def said(analysis: Analysis) -> list[str]:
    return list(analysis.words.sentences[1:])


def trust(analysis: Analysis) -> str:
    return analysis.words.trust


def test_the_architecture_comes_first_then_the_frameworks(analysis: Analysis) -> None:
    lines = said(analysis)
    assert [line.startswith(SPLIT) for line in lines] == [True, True, False, False]
    assert all(line.startswith(WHOLE) for line in lines[2:])


def test_the_sentence_names_operations_sizes_and_intervals(analysis: Analysis) -> None:
    time, cpu = said(analysis)[:2]
    assert time.startswith(f"{SPLIT}a product read take 2.2")
    assert "an order 1.59 times as long [1.56, 1.62]" in time
    assert "the mix of them 2.0" in time
    assert cpu.startswith(f"{SPLIT}a product read cost 2.1")
    assert "an order 2.99 times the CPU [2.9" in cpu


def test_a_single_operation_is_a_whole_sentence(tmp_path: Path) -> None:
    lines = said(made(tmp_path, operations=("order",), scatter=0.002))
    assert lines[0].startswith(f"{WHOLE}an order take 1.60 times as long [1.")
    assert lines[0].endswith("].")


def test_no_difference_is_said_as_a_finding(tmp_path: Path) -> None:
    found = made(tmp_path, slower={**PAIR, "microservices": 1.0}, scatter=0.002)
    assert (
        "a product read take no more and no less than before (×1.00, within 3 %)"
        in (said(found)[0])
    )


def test_what_is_not_decided_stands_there_with_its_reason(tmp_path: Path) -> None:
    found = made(tmp_path, slower={**PAIR, "microservices": 1.02}, scatter=0.05)
    line = next(x for x in said(found) if x.startswith("Not decided"))
    assert line.startswith("Not decided, microservices against monolith: time of ")
    assert "time of an order, ×1.0" in line
    assert line.endswith("interval holds 1 and reaches beyond ±3%.")


def test_metrics_with_one_reason_share_a_line(tmp_path: Path) -> None:
    lines = said(made(tmp_path, starts=1))
    assert len(lines) == 1
    assert lines[0].count("time of ") == lines[0].count("CPU of ") == 4
    assert lines[0].endswith(": 1 start, an interval takes 2.")


def test_a_server_that_fails_says_so_with_share_and_example(tmp_path: Path) -> None:
    lines = said(made(tmp_path, wrong={"microservices": 2}))
    line = next(x for x in lines if "time of an order" in x)
    assert "microservices answered 12 of 576 (2.1 %) wrongly, for example: status 500" in line
    assert "take" not in line
    assert any(f"{WHOLE}a product read cost" in x or "no more and no less" in x for x in lines)


def test_without_an_even_bench_no_verdict_is_said(tmp_path: Path) -> None:
    lines = said(made(tmp_path, slower={**PAIR, "monolith#2": 1.05}))
    assert not any(" take " in line for line in lines)
    assert any("the same code against itself came out ×1.0" in line for line in lines)


def test_a_smoke_run_claims_nothing_on_the_first_screen(tmp_path: Path) -> None:
    plan = Rounds(pair_run(starts=1).made, profile="smoke", counted=False)
    words = analyse(make_run(tmp_path, plan)).words
    assert words.answer.startswith("Nothing is claimed")


def test_the_trust_line_has_starts_seconds_and_the_second_instance(analysis: Analysis) -> None:
    line = trust(analysis)
    assert line == "6 starts, 192 s measured; same code against itself within 0.6 %."
    whole = trust_line(analysis.data.once(Findings))
    assert whole.startswith("6 starts of 5 deployments together; 192 s of rounds; ")
    assert "other programs used 0.02 cores" in whole
    assert "the same code against itself: a product read ×0.99" in whole


def test_a_busy_machine_is_named_as_the_reason_for_wide_intervals(tmp_path: Path) -> None:
    line = trust(made(tmp_path, foreign_cores=0.6))
    assert "busy machine: other programs used 0.60 cores, intervals are wide" in line


def test_the_line_of_trust_says_how_many_trials_are_invalid_and_why(tmp_path: Path) -> None:
    data = made(tmp_path, status=lambda deployment, start: "invalid")
    assert trust(data) == "48 of 48 trials invalid."
    failed = [replace(t, gates=gates("invalid")) for t in data.trials]
    assert trust_words(data.data.journal, failed) == ["48 of 48 trials invalid (foreign cpu)"]


def test_the_product_of_the_steps_stands_beside_the_whole(analysis: Analysis) -> None:
    time, cpu = decomposition(ladders(analysis.data.once(Findings)))
    assert time.startswith("Where it comes from (the mix of requests, time): framework")
    assert "the whole, compared directly, is ×1.5" in time
    assert re.search(r"multiply to within \d\.\d % of its whole; farthest: \w+", time), time
    assert "CPU per request" in cpu


def test_without_all_four_there_is_no_product(tmp_path: Path) -> None:
    assert decomposition(ladders(made(tmp_path).data.once(Findings))) == []


@pytest.mark.parametrize("place", ["report.html", "summary.md"])
def test_the_second_instance_is_only_in_the_line_of_trust(built: Path, place: str) -> None:
    text = (built / place).read_text(encoding="utf-8").partition("All settings of the run")[0]
    assert "monolith#2" not in text
    assert "the same code against itself" in text
    assert not any("monolith#2" in f.read_text() for f in (built / "figures").glob("*.svg"))
