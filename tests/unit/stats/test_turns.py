"""Turns of two services: what matches, what is left out, and what is said of each name."""

from __future__ import annotations

import random
import re

import pytest

from bench.stats.turn_words import UNITS, Telling, verdict_lines
from bench.stats.turns import (
    OTHERS,
    Answer,
    Start,
    diverged_share,
    enough_turns,
    judged,
    name_ratios,
)

TELLING = Telling("a", "b", UNITS[False])


def answers(*names: str, at_s: float = 0.0, ms: float = 2.0, error: str = "") -> list[Answer]:
    return [Answer(name, at_s, ms, error) for name in names]


def turns(
    ratio: float, *, seconds: int = 30, names: tuple[str, ...] = ("a",), seed: int = 1
) -> Start:
    """20 turns a second whose second side takes `ratio` times as long, with 10 % of noise."""
    rng = random.Random(seed)
    start = Start()
    for number in range(seconds * 20):
        at_s, name = number / 20, rng.choice(names)
        mine = 2.0 * rng.lognormvariate(0, 0.1)
        other = 2.0 * ratio * rng.lognormvariate(0, 0.1)
        start.add([Answer(name, at_s, mine, "")], [Answer(name, at_s, other, "")])
    return start


def test_a_planted_difference_is_found_and_its_size() -> None:
    (found,) = judged([turns(1.08)], by_start=False)
    assert found.decision.word == "supported"
    assert found.found.ratio is not None
    assert found.found.ratio.estimate == pytest.approx(1.08, rel=0.02)
    assert enough_turns([turns(1.08)], by_start=False)


def test_equal_services_are_not_called_different() -> None:
    drawn = (turns(1.0, seed=seed) for seed in range(8))
    words = [judged([start], by_start=False)[0].decision.word for start in drawn]
    assert "supported" not in words
    assert words.count("no difference shown") >= 7


def test_a_visit_that_went_another_way_is_left_out_and_counted() -> None:
    start = turns(1.0)
    start.add(answers("a", "b"), answers("a", "c"))
    start.add(answers("a", "b"), answers("a"))
    assert start.diverged == 2
    assert start.example == "request 2: b on the first, c on the second"
    assert set(start.names) == {"a"}
    assert diverged_share([start]) == pytest.approx(2 / 602)


def test_above_a_hundredth_of_diverged_visits_nothing_is_judged() -> None:
    start = turns(1.5)
    for _ in range(7):
        start.add(answers("a"), answers("b"))
    (found,) = judged([start], by_start=False)
    assert found.decision.word == "invalid"
    assert "went differently" in found.decision.reason


def test_a_visit_that_ends_with_a_wrong_answer_counts_up_to_there() -> None:
    start = Start()
    start.add(answers("a", "b", "c"), [*answers("a"), *answers("b", error="status 500")])
    assert (start.diverged, start.cut_short) == (0, 1)
    assert [len(start.names[name].at_s) for name in ("a", "b")] == [1, 1]
    assert "c" not in start.names


def test_visits_without_a_request_are_counted() -> None:
    start = turns(1.0)
    start.add([], [])
    assert (start.silent, start.diverged) == (1, 0)


def test_wrong_answers_are_a_finding_and_give_no_time() -> None:
    start = turns(1.0)
    for number in range(10):
        start.add(answers("a"), answers("a", at_s=number, error="status 503"))
    (found,) = judged([start], by_start=False)
    assert found.found.ratio is None
    assert found.found.failing
    assert (found.found.first_wrong, found.found.second_wrong) == (0, 10)
    assert found.found.example == "status 503"


def test_one_wrong_answer_in_thousands_counts_as_infinitely_slow() -> None:
    start = turns(1.0, seconds=60)
    start.add(answers("a"), answers("a", error="timeout"))
    (found,) = name_ratios([start], by_start=False)
    assert not found.failing
    assert found.ratio is not None
    assert found.ratio.estimate == pytest.approx(1.0, rel=0.02)


def test_beyond_twenty_names_the_others_are_taken_together() -> None:
    names = tuple(f"/items/{number}" for number in range(120))
    found = name_ratios([turns(1.2, seconds=100, names=names)], by_start=False)
    assert len(found) == 21
    assert found[-1].name == OTHERS
    assert found[-1].members == 100
    assert found[-1].ratio is not None
    assert found[-1].ratio.estimate == pytest.approx(1.2, rel=0.03)


def test_a_rare_name_gets_longer_clusters() -> None:
    start = Start()
    for number in range(40):
        start.add(answers("a", at_s=number * 1.5), answers("a", at_s=number * 1.5, ms=2.2))
    (found,) = name_ratios([start], by_start=False)
    assert found.ratio is not None
    assert 10 <= found.ratio.n_blocks <= 14
    assert found.ratio.estimate == pytest.approx(1.1)


def test_with_restarts_the_start_is_the_unit_and_six_are_needed() -> None:
    starts = [turns(1.1, seconds=5, seed=seed) for seed in range(6)]
    (found,) = judged(starts, by_start=True)
    assert found.found.ratio is not None
    assert found.found.ratio.n_blocks == 6
    assert found.decision.word == "supported"
    (few,) = judged(starts[:5], by_start=True)
    assert few.decision.word == "inconclusive"
    assert not enough_turns(starts[:5], by_start=True)


def test_too_few_turns_say_so_in_one_line_for_all_names() -> None:
    start = turns(1.0)
    start.add(answers("rare"), answers("rare"))
    start.add(answers("rarer"), answers("rarer"))
    found = judged([start], by_start=False)
    assert [each.decision.word for each in found][1:] == ["inconclusive"] * 2
    assert found[1].found.reason == "1 requests are too few for an interval"
    lines = verdict_lines(TELLING, [start], by_start=False)
    assert lines[1:] == ["too few requests for an interval: `rare` (1), `rarer` (1)"]


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (1.08, r"b answers `a` [789]\.\d % slower than a \(2\.\d+ ms against"),
        (0.9, r"b answers `a` (9|10|11)\.\d % faster than a"),
        (3.0, r"b answers `a` (2\.9|3\.0)\d times as slowly as a"),
        (1.0, r"b and a answer `a` alike, within 3 %"),
    ],
)
def test_a_result_is_said_as_a_person_would(ratio: float, said: str) -> None:
    (line,) = verdict_lines(TELLING, [turns(ratio, seconds=100)], by_start=False)
    assert re.match(said, line)
    assert line.endswith("one start of yours)")


def test_wrong_answers_and_what_was_left_out_are_said() -> None:
    start = turns(1.0)
    for _ in range(10):
        start.add(answers("a"), answers("a", error="status 503"))
    start.add([], [])
    lines = verdict_lines(TELLING, [start], by_start=False)
    assert lines[0] == "b answered 10 of 610 `a` wrongly (status 503): no time is compared"
    assert "1 of 611 visits made no request" in lines


@pytest.mark.parametrize(("client_ms", "told"), [(0.1, False), (1.0, True), (5.0, False)])
def test_the_clients_own_time_is_taken_out_beside_where_it_is_much(
    client_ms: float, told: bool
) -> None:
    telling = Telling("a", "b", UNITS[False], client_ms)
    (line,) = verdict_lines(telling, [turns(1.2, seconds=60)], by_start=False)
    without = re.search(r"without the client's own 1 ms ×(\d\.\d+)", line)
    assert bool(without) == told
    if without:  # (2.4 - 1) / (2 - 1)
        assert float(without[1]) == pytest.approx(1.4, abs=0.05)


def test_levels_are_plain_numbers_that_a_file_can_hold() -> None:
    names = ("a", "b", "c")
    for verdict in judged([turns(1.05, seconds=60, names=names)], by_start=False):
        assert verdict.found.ratio is not None
        assert type(verdict.found.ratio.level) is float
