"""Paired rounds by the real load process: the same request to every side, in random order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from bench.load.generator import LoadProcess, Rounds, Target, result_rows
from bench.load.plan import Result
from tests.unit.load.conftest import heard

TOKENS = [f"token-{number}" for number in range(10)]
SHORT = Rounds("order", 7, gap_s=0.01, warmup_s=0.3, measured_s=0.7)
NOBODY = "http://127.0.0.1:7699"


def contents(url: str) -> list[tuple[str, str, str]]:
    return [(each["path"], each["body"], each["token"]) for each in heard(url)]


def of_round(results: list[Result]) -> list[list[float]]:
    """When each side was sent the request of each round."""
    by_round = [dict(zip(r.visit, r.sent_s, strict=True)) for r in results]
    return [[sent[number] for sent in by_round] for number in sorted(by_round[0])]


def test_every_side_gets_the_same_requests(load: LoadProcess, serve: Callable[..., str]) -> None:
    urls = [serve(), serve(), serve()]
    targets = [Target(url, [f"{token}-{n}" for token in TOKENS]) for n, url in enumerate(urls)]
    results = load.run_rounds(targets, SHORT)
    seen = [contents(url) for url in urls]
    assert len(seen[0]) == results[0].planned > 20
    for number, side in enumerate(seen):
        same = [(path, body, f"Bearer {token}") for path, body, token in seen[0]]
        assert [(path, body) for path, body, _ in side] == [(p, b) for p, b, _ in same]
        # the same customer with the token that this side knows
        assert [token.removesuffix(f"-{number}") for *_, token in side] == [
            token.removesuffix("-0") for *_, token in seen[0]
        ]
    keys = [each["key"] for url in urls for each in heard(url)]
    assert len(set(keys)) == len(keys)  # an order of its own in each


def test_the_seed_decides_what_is_sent(load: LoadProcess, serve: Callable[..., str]) -> None:
    urls = [serve(), serve(), serve()]
    for url, seed in zip(urls, (7, 7, 8), strict=True):
        load.run_rounds(
            [Target(url, TOKENS)], msgspec.structs.replace(SHORT, seed=seed, max_rounds=15)
        )
    first, again, other = map(contents, urls)
    assert first == again != other
    assert len({body for _, body, _ in first}) > 10


def test_rows_are_those_of_the_journal_with_the_round_as_visit(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    results = load.run_rounds([Target(serve(), TOKENS), Target(serve(), TOKENS)], SHORT)
    for result in results:
        rows = result_rows(result).to_pylist()
        assert [row["visit"] for row in rows] == list(range(result.planned))
        assert {(row["operation"], row["journey"], row["error"]) for row in rows} == {
            ("order", "order", "")
        }
        assert all(row["due_s"] == row["sent_s"] < row["done_s"] for row in rows)
        assert 0 <= rows[0]["sent_s"] < 0.3 < rows[-1]["sent_s"] < 1.1
        assert result.skipped == result.abandoned == result.unfinished == 0
        assert 0 < result.generator_cpu < 1


def test_one_request_is_under_way_at_a_time_and_a_pause_lies_between(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    targets = [Target(serve("--delay-ms", "5"), TOKENS) for _ in range(3)]
    results = load.run_rounds(targets, SHORT)
    spans = sorted(span for r in results for span in zip(r.sent_s, r.done_s, strict=True))
    gaps = [after[0] - before[1] for before, after in pairwise(spans)]
    assert min(gaps) > 0.0018
    rounds = of_round(results)
    assert all(max(one) < min(following) for one, following in pairwise(rounds))


def test_the_order_within_a_round_is_random(load: LoadProcess, serve: Callable[..., str]) -> None:
    url = serve()
    quick = msgspec.structs.replace(SHORT, operation="product_read", gap_s=0.0, pause_s=0.0)
    results = load.run_rounds([Target(url, TOKENS)] * 3, quick)
    orders = [tuple(np.argsort(sent)) for sent in of_round(results)]
    assert len(orders) > 40
    assert len(set(orders)) == 6
    assert max(orders.count(order) for order in set(orders)) < 0.4 * len(orders)


def test_gaps_between_rounds_are_exponential(load: LoadProcess, serve: Callable[..., str]) -> None:
    wide = Rounds("product_read", 3, gap_s=0.02, warmup_s=0.0, measured_s=3.0, pause_s=0.0)
    (result,) = load.run_rounds([Target(serve(), TOKENS)], wide)
    gaps = np.asarray(result.sent_s[1:]) - np.asarray(result.done_s[:-1])
    assert np.mean(gaps) == pytest.approx(0.02, rel=0.35)
    assert np.std(gaps) > 0.5 * np.mean(gaps)


def test_a_side_that_fails_does_not_stop_the_others(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    targets = [
        Target(serve("--status", "500", "--body", "{}"), TOKENS),
        Target(serve(), TOKENS),
        Target(NOBODY, TOKENS),
    ]
    wrong, right, gone = load.run_rounds(targets, SHORT)
    assert set(wrong.error) == {"status 500"}
    assert set(right.error) == {""}
    assert set(zip(gone.error, gone.status, strict=True)) == {("refused", 0)}
    assert len(wrong.visit) == len(right.visit) == len(gone.visit) == right.planned


def test_the_bare_handlers_prefix_and_a_limit_on_rounds_hold(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    url = serve()
    few = msgspec.structs.replace(SHORT, operation="product_read", max_rounds=4)
    whole, bare = load.run_rounds([Target(url, TOKENS), Target(url, TOKENS, "/floor")], few)
    assert whole.planned == len(bare.visit) == 4
    prefixes = sorted(each["path"].partition("/products/")[0] for each in heard(url))
    assert prefixes == ["/api/v1"] * 4 + ["/floor"] * 4


def test_several_load_processes_leave_rounds_to_one(serve: Callable[..., str]) -> None:
    with LoadProcess(workers=2) as crowd:
        few = msgspec.structs.replace(SHORT, max_rounds=3)
        (result,) = crowd.run_rounds([Target(serve(), TOKENS)], few)
        assert result.visit == [0, 1, 2]
