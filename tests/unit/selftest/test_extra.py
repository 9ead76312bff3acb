"""What a planted variant states of itself is a share of the requests and the CPU compared."""

from __future__ import annotations

import numpy as np
import pytest

from bench.experiments.selftest.extra import planted_values
from bench.experiments.values import Columns
from bench.journal import ComponentUsage
from tests.unit.report.factory import Plan, trial_entry

N = 100


@pytest.mark.parametrize("cpu_ms", [4.0, 0.0], ids=["CPU known", "CPU unknown"])
def test_a_stated_share_is_that_of_the_median_request_and_of_all_cpu(cpu_ms: float) -> None:
    inside = np.arange(N) >= 20  # the first 20 are the warm-up: their CPU counts, their time not
    response = np.linspace(4.0, 6.0, N)
    db = np.where(inside, 0.2 * response, 3.0)
    due = 20.0 * np.arange(N)
    columns = Columns(due, response, 0.5 * response, db, inside)
    found = values_of(columns, cpu_ms)
    shares = {"p50": pytest.approx(0.2)}
    if cpu_ms:
        shares["cpu"] = pytest.approx(db.mean() / cpu_ms)
    assert found.extra_share == shares


def test_a_server_that_states_nothing_has_no_share() -> None:
    unknown = np.full(N, np.nan)
    columns = Columns(np.arange(N) * 20.0, np.ones(N), unknown, unknown, np.ones(N, dtype=bool))
    assert values_of(columns, 4.0).extra_share == {}


@pytest.mark.parametrize("extra", [0.05, 0.2])
def test_the_share_of_the_median_is_what_a_server_without_the_extra_work_shows(
    extra: float,
) -> None:
    """Two servers of one arrival sequence; the one with extra work states it."""
    rng = np.random.default_rng(7)
    due = np.cumsum(rng.exponential(1000 / 60, 20_000))
    work = rng.gamma(30.0, 2.6 / 30, due.size)
    way = rng.uniform(0.3, 0.6, due.size)
    more = extra * work
    base, slower = (_responses(due, way, each) for each in (work, work + more))
    inside = np.ones(due.size, dtype=bool)
    stated = Columns(due, slower, work + more, more, inside)
    share = values_of(stated, 4.0).extra_share["p50"]
    assert 1 / (1 - share) == pytest.approx(np.median(slower) / np.median(base), rel=0.002)


def _responses(due, way, work):  # type: ignore[no-untyped-def]
    free, done = 0.0, []
    for at, needs in zip(due + way, work, strict=True):
        free = max(at, free) + needs
        done.append(free)
    return np.array(done) - due


def values_of(columns: Columns, cpu_ms: float):  # type: ignore[no-untyped-def]
    trial = trial_entry(
        Plan(requests=N),
        trial_id="t1",
        experiment="latency",
        block=0,
        position=0,
        deployment="monolith",
        mix="product_read",
        offered_rps=50.0,
        status="valid",
        usage={"shop": ComponentUsage(cpu_ms * N / 1000, 1 << 20)},
    )
    return planted_values([trial], [columns])[0]
