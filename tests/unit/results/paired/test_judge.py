"""The words that paired rounds get, and when enough starts were made."""

import pytest

from bench.results.paired.judge import FAMILIES, all_enough, answers_of, questions_of, sentence
from bench.results.paired.rounds import MIX
from tests.unit.results.paired.made import rounds_with

FOUR = {"monolith": 1.0, "monolith#2": 1.0, "modular": 0.8, "modular-split": 0.85}


def test_eight_metrics_are_named_in_each_family_and_all_six_pairs_are_asked() -> None:
    questions = questions_of(rounds_with({**FOUR, "microservices": 1.6}, starts=1))
    for top, bottom in FAMILIES:
        assert sum(q.family == f"{top}:{bottom}" for q in questions) == 8
    assert len({(q.numerator, q.denominator) for q in questions}) == 6
    assert not any("#" in q.numerator + q.denominator for q in questions)


def test_a_planted_difference_is_supported_and_said_in_plain_words() -> None:
    answers = answers_of(rounds_with({**FOUR, "microservices": 1.6}))
    order = next(a for a in answers if a.question.id == "order/microservices:monolith/time")
    assert order.decision.word == "supported"
    assert sentence(order).startswith("An order takes microservices 1.6")
    assert all_enough(answers)


def test_equal_shops_are_not_called_different() -> None:
    answers = answers_of(
        rounds_with({**FOUR, "microservices": 1.0, "modular-split": 1.0}, scatter=0.003)
    )
    words = {a.decision.word for a in answers if a.question.family}
    assert words == {"no difference shown"}


def test_a_server_that_fails_gives_no_time_but_a_finding() -> None:
    answers = answers_of(rounds_with({**FOUR, "microservices": 1.6}, wrong={"microservices": 2}))
    order = next(a for a in answers if a.question.id == "order/microservices:monolith/time")
    assert order.ratio is None
    assert "microservices answered 12 of 576 (2.1 %) wrongly" in order.decision.reason
    cpu = next(a for a in answers if a.question.id == "order/microservices:monolith/cpu")
    assert cpu.ratio is not None


def test_no_verdict_is_given_where_the_same_code_differs_from_itself() -> None:
    answers = answers_of(rounds_with({**FOUR, "monolith#2": 1.05, "microservices": 1.6}))
    order = next(a for a in answers if a.question.id == f"{MIX}/microservices:monolith/time")
    assert order.decision.word == "invalid"
    assert "same code against itself came out ×1.0" in order.decision.reason


def test_a_start_has_no_interval_and_so_no_word() -> None:
    answers = answers_of(rounds_with({**FOUR, "microservices": 1.6}, starts=1))
    assert {a.decision.word for a in answers} == {"inconclusive"}
    assert not all_enough(answers)


@pytest.mark.parametrize("dearer", [1.0, 1.3])
def test_cpu_is_judged_as_time_is(dearer: float) -> None:
    rounds = rounds_with({**FOUR, "microservices": 1.6}, dearer={"microservices": dearer})
    order = next(
        a for a in answers_of(rounds) if a.question.id == "order/microservices:monolith/cpu"
    )
    assert order.narrow is not None
    assert order.narrow.estimate == pytest.approx(dearer, rel=1e-6)
