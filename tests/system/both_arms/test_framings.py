"""Broken and unusual HTTP to both arms: alike, or as the table says; no 5xx, no hidden effect."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.contract.server_answers import CLOSED, load_server_answers
from tests.system.both_arms.framings import ODDITIES, Framing, generated, status_of
from tests.system.both_arms.pair import Arm, new_key

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

SEED, FEW, MANY = 7, 2 * len(ODDITIES), 500
AT_ONCE = 4
SHOWN = 30


def told_by(arm: Arm, framings: list[Framing]) -> list[int]:
    def one(framing: Framing) -> int:
        payload = framing.written(arm.customer, new_key())
        return status_of(arm.url, payload, shut=framing.shut)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, framings))


def difference(framing: Framing, statuses: dict[str, int]) -> str:
    """What is wrong with the answers; empty if nothing is."""
    if max(statuses.values()) >= 500:
        return "a 5xx"
    if not framing.row:
        return "" if len(set(statuses.values())) == 1 else "not alike"
    row = load_server_answers()[framing.row]
    wrong = [name for name, status in statuses.items() if status not in row.allowed(name)]
    return f"not in the table for {', '.join(wrong)}" if wrong else ""


def compare(pair: tuple[Arm, Arm], count: int) -> None:
    framings = list(generated(SEED, count))
    before = [arm.effects() for arm in pair]
    told = {arm.name: told_by(arm, framings) for arm in pair}
    wrong = Counter[str]()
    for number, framing in enumerate(framings):
        statuses = {name: answers[number] for name, answers in told.items()}
        if problem := difference(framing, statuses):
            wrong[f"{framing.name}: {problem} {statuses} {framing.head.headers!r:.120}"] += 1
    assert not wrong, "\n".join(f"{n}x {text}" for text, n in wrong.most_common(SHOWN))
    for arm, then in zip(pair, before, strict=True):
        deposits = arm.effects().since(then).entries / 2
        answered = told[arm.name].count(201)
        unknown = told[arm.name].count(CLOSED)  # the key tells what became of them
        assert answered <= deposits <= answered + unknown, arm.name


def test_every_oddity_twice(pair: tuple[Arm, Arm]) -> None:
    compare(pair, FEW)


@pytest.mark.slow
def test_five_hundred_framings(pair: tuple[Arm, Arm]) -> None:
    compare(pair, MANY)


def test_every_row_of_the_table_is_tried() -> None:
    rows = {framing.row for framing in generated(SEED, MANY) if framing.row}
    assert rows == set(load_server_answers())
