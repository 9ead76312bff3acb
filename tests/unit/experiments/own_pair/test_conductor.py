"""Who has the turn, what counts, and when it is refused; the sides are played."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import pytest

from bench.errors import ShopbenchError
from bench.experiments.own_pair.load import OwnLoad
from bench.experiments.own_pair.turn_conductor import MOST_SILENT_TURNS, Conductor
from bench.experiments.own_pair.turns import check_answers
from bench.load.plan import TurnRows
from bench.stats.turns import judged

LOAD = OwnLoad((), Path("mine.py"), "")


class Played:
    """A side that answers at once; says in a common list who was asked for which visit."""

    def __init__(
        self, name: str, asked: list[tuple[str, int]], ms: float = 2.0, error: str = ""
    ) -> None:
        self.name, self.asked, self.ms, self.error = name, asked, ms, error
        self.requests = 1

    def take_turn(self, number: int, seed: int) -> TurnRows:
        self.asked.append((self.name, number))
        now = perf_counter()
        row = (now, now, now + self.ms / 1e3, 200, 2, "read", "V.t", self.error, number, "")
        rows = [row] * self.requests
        return TurnRows(rows, self.requests, 0, 0.001, 0.0001)


def conducted(a: Played, b: Played, seconds: float = 0.3) -> Conductor:
    conductor = Conductor({"a": a, "b": b}, [], seed=1)
    conductor.warm_up(0.1)
    conductor.measure(perf_counter() + seconds, lambda _: False)
    return conductor


def test_every_visit_is_made_on_both_sides_in_random_order() -> None:
    asked: list[tuple[str, int]] = []
    conducted(Played("a", asked), Played("b", asked), seconds=0.6)
    turns = [asked[at : at + 2] for at in range(0, len(asked), 2)]
    assert [number for turn in turns for _, number in turn] == [
        number for number in range(len(turns)) for _ in "ab"
    ]
    assert all({name for name, _ in turn} == {"a", "b"} for turn in turns)
    assert {turn[0][0] for turn in turns} == {"a", "b"}


def test_what_was_warmed_up_does_not_count() -> None:
    asked: list[tuple[str, int]] = []
    record = conducted(Played("a", asked), Played("b", asked, ms=3.0)).record
    assert 0 < record.turns < len(asked) / 2
    assert record.pairs["b"].visits == record.turns
    assert len(record.sides["a"].rows) == len(asked) / 2
    (found,) = judged([record.pairs["b"]], by_start=False)
    assert found.found.median_ms == pytest.approx((2.0, 3.0))


def test_it_ends_as_soon_as_enough_is_known() -> None:
    conductor = Conductor({"a": Played("a", []), "b": Played("b", [])}, [], seed=1)
    conductor.warm_up(0.0)
    begun = perf_counter()
    conductor.measure(begun + 30, lambda _: True)
    assert perf_counter() - begun < 3


def test_a_file_without_requests_is_given_up_and_said() -> None:
    sides = {name: Played(name, []) for name in "ab"}
    for side in sides.values():
        side.requests = 0
    conductor = Conductor(sides, [], seed=1)
    conductor.warm_up(0.0)
    assert len(sides["a"].asked) == MOST_SILENT_TURNS
    with pytest.raises(ShopbenchError, match="mine.py: its tasks make no request") as refused:
        check_answers(LOAD, conductor.record)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("errors", "said", "code"),
    [
        (("", "status 500"), "b answers nothing of mine.py rightly: status 500", 1),
        (("mine.py:3: KeyError: 'id'",) * 2, "mine.py:3: KeyError: 'id'", 2),
        (("", "mine.py:3: KeyError: 'id'"), "b answers nothing of mine.py rightly: mine.py:3", 1),
    ],
)
def test_a_side_without_a_right_answer_stops_the_run_in_one_line(
    errors: tuple[str, str], said: str, code: int
) -> None:
    conductor = Conductor(
        {name: Played(name, [], error=error) for name, error in zip("ab", errors, strict=True)},
        [],
        seed=1,
    )
    conductor.warm_up(0.05)
    with pytest.raises(ShopbenchError) as refused:
        check_answers(LOAD, conductor.record)
    assert said in refused.value.message
    assert refused.value.exit_code == code
