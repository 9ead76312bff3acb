"""Money: a fixed part that requests share, one for each request, and copies beyond the capacity."""

from dataclasses import replace

import pytest

from bench.experiments.footprint.money import Costs, course
from bench.report.prices import Prices

PRICES = Prices("example", "2025-01-01", "USD", vcpu_hour=3.6, gib_hour=1.0)
# 1 GiB and 0.1 core: 1.36 an hour; 10 ms a request: 10 for a million
SMALL = Costs("monolith", 1.0, 0.1, 0.01, capacity_rps=50.0)


def test_the_fixed_part_is_shared_by_the_requests_of_an_hour() -> None:
    assert SMALL.standing_hour(PRICES) == pytest.approx(1.36)
    assert SMALL.million(PRICES, 1.0) == pytest.approx(1.36 * 1e6 / 3600 + 10.0)
    assert SMALL.million(PRICES, 50.0) == pytest.approx(1.36 * 1e6 / 3600 / 50 + 10.0)


@pytest.mark.parametrize(("rps", "copies"), [(0.1, 1), (50.0, 1), (50.1, 2), (166.7, 4)])
def test_beyond_the_capacity_there_are_more_copies(rps: float, copies: int) -> None:
    assert SMALL.copies(rps) == copies
    fixed = copies * 1.36 * 1e6 / 3600 / rps
    assert SMALL.fixed_million(PRICES, rps) == pytest.approx(fixed)


def test_requests_cost_as_much_as_the_standing_shop() -> None:
    rps = SMALL.even_rps(PRICES)
    assert SMALL.fixed_million(PRICES, rps) == pytest.approx(10.0, rel=1e-6)


def test_dearer_at_rest_and_cheaper_by_request_crosses_once() -> None:
    other, small = replace(SMALL, memory_gib=2.0, cpu_s_per_request=0.005), SMALL
    other, small = replace(other, capacity_rps=1e9), replace(small, capacity_rps=1e9)
    found = course(other, small, PRICES)
    assert (found.idle > 1, found.busy) == (True, pytest.approx(0.5))
    assert found.alike_rps is None  # it goes on to half
    rps = found.even_rps
    assert rps is not None
    assert other.million(PRICES, rps) == pytest.approx(small.million(PRICES, rps))


def test_as_dear_by_request_stops_mattering() -> None:
    other = Costs("microservices", 2.0, 0.1, 0.01, 1e9)
    found = course(other, SMALL, PRICES)
    assert found.even_rps is None
    rps = found.alike_rps
    assert rps is not None
    small = Costs("monolith", 1.0, 0.1, 0.01, 1e9)
    assert other.million(PRICES, rps) / small.million(PRICES, rps) == pytest.approx(1.1)


def test_dearer_throughout_never_stops_mattering() -> None:
    found = course(Costs("microservices", 2.0, 0.2, 0.02, 50.0), SMALL, PRICES)
    assert (found.alike_rps, found.even_rps) == (None, None)
