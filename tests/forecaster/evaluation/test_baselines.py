"""The seasonal naive forecast against a loop that anyone can check."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecaster.evaluation.baselines import seasonal_naive

NAN = np.nan


def slow_naive(values, cutoffs, horizon, season_length):
    forecast = np.full((len(cutoffs), len(values), horizon), NAN)
    for c, cutoff in enumerate(cutoffs):
        for s, series in enumerate(values):
            for h in range(horizon):
                row = cutoff + h
                while row >= cutoff:
                    row -= season_length
                candidates = [*range(row, -1, -season_length), *range(cutoff - 1, -1, -1)]
                observed = [series[r] for r in candidates if not np.isnan(series[r])]
                forecast[c, s, h] = observed[0] if observed else NAN
    return forecast


@st.composite
def problems(draw):
    """Series that are ramps with gaps, and cutoffs, horizons and seasons of every relation."""
    n, length = draw(st.integers(1, 3)), draw(st.integers(1, 20))
    values = np.arange(n * length, dtype=float).reshape(n, length)
    values[draw(arrays(bool, values.shape))] = NAN
    cutoffs = np.array(draw(st.lists(st.integers(0, length), min_size=1, max_size=4)))
    return values, cutoffs, draw(st.integers(1, 9)), draw(st.integers(1, 25))


@given(problems())
def test_is_the_slow_loop(problem):
    np.testing.assert_array_equal(seasonal_naive(*problem), slow_naive(*problem))


@given(problems(), st.floats(allow_nan=True))
@settings(max_examples=50)
def test_never_reads_the_future(problem, other):
    values, cutoffs, horizon, season_length = problem
    for cutoff in cutoffs:
        changed = values.copy()
        changed[:, cutoff:] = other
        before, after = (
            seasonal_naive(v, np.array([cutoff]), horizon, season_length) for v in (values, changed)
        )
        np.testing.assert_array_equal(before, after)


def test_repeats_the_last_season_for_long_horizons():
    ramp = np.arange(10.0)[None]
    forecast = seasonal_naive(ramp, np.array([10, 7]), horizon=7, season_length=3)
    np.testing.assert_array_equal(forecast[:, 0], [[7, 8, 9, 7, 8, 9, 7], [4, 5, 6, 4, 5, 6, 4]])


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([1, 2, 3, 4, NAN, 6], [4, 2, 6]),  # one season further back
        ([NAN, 2, 3, NAN, 5, 6], [6, 5, 6]),  # in no season: the last value observed
        ([NAN, NAN, NAN, 7, NAN, NAN], [7, 7, 7]),
        ([NAN] * 6, [NAN] * 3),
    ],
)
def test_what_stands_in_for_a_missing_value(series, expected):
    forecast = seasonal_naive(np.array([series], float), np.array([6]), 3, season_length=3)
    np.testing.assert_array_equal(forecast[0, 0], expected)


def test_less_than_a_season_is_known():
    # Row 0 lies a season (of 4) before step 3; for the others there is only the last value.
    forecast = seasonal_naive(np.array([[5.0, 6.0]]), np.array([2]), 5, season_length=4)
    np.testing.assert_array_equal(forecast[0, 0], [6, 6, 5, 6, 6])


def test_leaves_the_values_alone():
    values = np.array([[1.0, NAN, 3.0, NAN]])
    values.flags.writeable = False
    forecast = seasonal_naive(values, np.array([4]), 2, season_length=2)
    forecast[:] = 0  # a forecast that is not a view of the values
    np.testing.assert_array_equal(values, [[1, NAN, 3, NAN]])
