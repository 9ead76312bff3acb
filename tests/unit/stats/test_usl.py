"""The scalability law: planted coefficients, bounds, refusals, the band, extrapolation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats.errors import StatisticsError, TooFewSamples
from bench.stats.usl import Usl, fit_usl, usl_band

SIZES = np.arange(1.0, 9.0)


@given(
    rate=st.floats(5, 2_000),
    contention=st.floats(0, 0.3),
    coherency=st.floats(0, 0.02),
)
def test_planted_coefficients_are_found(rate: float, contention: float, coherency: float) -> None:
    truth = Usl(rate, contention, coherency, 8.0)
    found = fit_usl(SIZES, truth.at(SIZES))
    assert found.at(SIZES) == pytest.approx(truth.at(SIZES), rel=0.01)
    assert found.at([16.0]) == pytest.approx(truth.at([16.0]), rel=0.05)


def test_better_than_linear_is_bounded_to_linear() -> None:
    found = fit_usl(SIZES, 10 * SIZES**1.2)
    assert found.contention == pytest.approx(0.0, abs=1e-6)
    assert found.coherency == pytest.approx(0.0, abs=1e-6)


def test_five_levels_are_too_few_however_often_they_are_measured() -> None:
    sizes = np.repeat(np.arange(1.0, 6.0), 3)
    with pytest.raises(TooFewSamples, match="6 sizes, there are 5"):
        fit_usl(sizes, 10 * sizes)


@pytest.mark.parametrize(("sizes", "values"), [(SIZES, SIZES[:-1]), (SIZES, SIZES - 1)])
def test_what_cannot_be_fitted_is_refused(sizes: np.ndarray, values: np.ndarray) -> None:
    with pytest.raises(StatisticsError):
        fit_usl(sizes, values)


def test_beyond_twice_the_largest_it_is_extrapolation() -> None:
    law = Usl(10.0, 0.0, 0.0, 6.0)
    assert law.extrapolated([6.0, 12.0, 12.1, 24.0]) == [False, False, True, True]


def test_the_band_holds_the_mean_of_the_fits_and_widens_with_their_spread() -> None:
    fits = [Usl(rate, 0.05, 0.0, 8.0) for rate in (9.0, 10.0, 11.0)]
    band = usl_band(fits, SIZES)
    assert band.middle == pytest.approx(Usl(10.0, 0.05, 0.0, 8.0).at(SIZES))
    assert (band.low < band.middle).all()
    assert (band.high > band.middle).all()
    with pytest.raises(TooFewSamples):
        usl_band(fits[:1], SIZES)
