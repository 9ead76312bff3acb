"""Breaker, retry budget and bulkhead as state machines over a clock of our own."""

from microservices.chassis.resilience import (
    BREAKER_MIN_CALLS,
    BREAKER_OPEN_SECONDS,
    BREAKER_WINDOW_SECONDS,
    Breaker,
    Bulkhead,
    RetryBudget,
)


def _call(breaker: Breaker, now: float, succeeded: bool) -> None:
    generation = breaker.admit(now)
    assert generation is not None
    breaker.record(now, generation, succeeded)


def _opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(BREAKER_MIN_CALLS):
        _call(breaker, now, succeeded=False)
    return breaker


def test_a_breaker_opens_when_half_of_enough_calls_failed() -> None:
    breaker = Breaker()
    for number in range(BREAKER_MIN_CALLS):
        _call(breaker, 0.0, succeeded=number % 2 == 0)
    assert breaker.admit(0.5) is None


def test_a_breaker_stays_closed_at_thirty_percent_of_failures() -> None:
    breaker = Breaker()
    for number in range(500):
        _call(breaker, number / 100, succeeded=number % 10 >= 3)
    assert breaker.admit(5.0) is not None


def test_a_few_failures_do_not_open_a_breaker() -> None:
    breaker = Breaker()
    for _ in range(BREAKER_MIN_CALLS - 1):
        _call(breaker, 0.0, succeeded=False)
    assert breaker.admit(0.0) is not None


def test_failures_outside_the_window_are_forgotten() -> None:
    breaker = Breaker()
    for _ in range(BREAKER_MIN_CALLS - 1):
        _call(breaker, 0.0, succeeded=False)
    _call(breaker, BREAKER_WINDOW_SECONDS + 1, succeeded=False)
    assert breaker.admit(BREAKER_WINDOW_SECONDS + 1) is not None


def test_an_open_breaker_lets_one_probe_through_and_closes_on_its_success() -> None:
    breaker, later = _opened(), BREAKER_OPEN_SECONDS + 0.1
    probe = breaker.admit(later)
    assert probe is not None
    assert breaker.admit(later) is None
    breaker.record(later, probe, succeeded=True)
    assert breaker.admit(later) is not None


def test_a_failed_probe_opens_the_breaker_again() -> None:
    breaker, later = _opened(), BREAKER_OPEN_SECONDS + 0.1
    probe = breaker.admit(later)
    assert probe is not None
    breaker.record(later, probe, succeeded=False)
    assert breaker.admit(later) is None
    assert breaker.admit(later + BREAKER_OPEN_SECONDS) is not None


def test_an_abandoned_probe_does_not_block_the_next_one() -> None:
    breaker, later = _opened(), BREAKER_OPEN_SECONDS + 0.1
    probe = breaker.admit(later)
    assert probe is not None
    breaker.abandon(probe)
    assert breaker.admit(later) is not None


def test_an_outcome_from_before_the_opening_does_not_close_a_breaker() -> None:
    breaker = Breaker()
    early = breaker.admit(0.0)
    assert early is not None
    for _ in range(BREAKER_MIN_CALLS):
        _call(breaker, 0.0, succeeded=False)
    breaker.record(0.5, early, succeeded=True)
    assert breaker.admit(0.5) is None


def test_retries_are_at_most_a_tenth_of_the_calls_beyond_the_reserve() -> None:
    budget, retries = RetryBudget(), 0
    for _ in range(1000):
        budget.deposit()
        retries += budget.withdraw()
    assert 100 <= retries <= 106


def test_an_exhausted_budget_refuses_retries() -> None:
    budget = RetryBudget()
    while budget.withdraw():
        pass
    budget.deposit()
    assert not budget.withdraw()


def test_a_bulkhead_refuses_the_call_over_its_limit_until_one_ends() -> None:
    bulkhead = Bulkhead(2)
    assert bulkhead.enter()
    assert bulkhead.enter()
    assert not bulkhead.enter()
    bulkhead.leave()
    assert bulkhead.enter()
