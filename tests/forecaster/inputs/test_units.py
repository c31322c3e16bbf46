"""Units of windows: what the network sees does not depend on level and scale."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecaster.inputs.units import Units
from tests.helpers.arrays import NAN

windows = arrays(np.float64, (2, 5, 2), elements=st.integers(-50, 50).map(float) | st.just(NAN))
many = settings(max_examples=100, deadline=None)


def units(past, spread=3.0):
    return Units.of(past, np.full((len(past), 1, past.shape[2]), spread))


@given(windows, st.integers(-(2**40), 2**40), st.integers(-300, 300))
@many
def test_the_network_sees_the_same_at_any_level_and_scale(past, level, exponent):
    factor = 2.0**exponent
    own = units(past)
    moved = units(factor * (past + level), spread=3.0 * factor)
    np.testing.assert_array_equal(moved.past(factor * (past + level)), own.past(past))
    answer = np.full((2, 4, 2, 1), 0.25)
    expected = factor * (own.restored(answer) + level)
    observed = ~np.isnan(past).all(1)
    found = moved.restored(answer)
    np.testing.assert_allclose(found.swapaxes(1, 2)[observed], expected.swapaxes(1, 2)[observed])


@given(windows)
@many
def test_past_values_are_distances_to_the_last_one_in_ranges(past):
    found = units(past).past(past)
    for b, s in np.ndindex(2, 2):
        known = past[b, :, s][~np.isnan(past[b, :, s])]
        if len(known):
            width = np.ptp(known) or 1.0
            np.testing.assert_allclose(found[b, :, s], (past[b, :, s] - known[-1]) / width)
        else:
            assert np.isnan(found[b, :, s]).all()


@given(windows)
@many
def test_what_is_scaled_is_restored(past):
    own = units(past)
    future = np.arange(12.0).reshape(2, 3, 2)
    found = own.restored(own.scaled(future)[..., None])[..., 0]
    np.testing.assert_allclose(found, future, atol=1e-12)


def test_equal_values_take_the_spread_of_their_series():
    past = np.array([[4.0, NAN, 4.0], [0.3, 0.3, 0.1 + 0.2], [NAN, NAN, NAN]])[..., None]
    own = units(past, spread=2.0)
    assert own.unit.ravel().tolist() == [2, 2, 2]
    np.testing.assert_array_equal(own.past(past)[:, :, 0], 0 * past[:, :, 0])
    assert own.restored(np.ones((3, 1, 1, 1))).ravel() == pytest.approx([6, 2.3, 2])


def test_nothing_that_varies_leaves_the_last_value():
    own = units(np.full((1, 4, 1), 7.0), spread=0.0)
    assert own.restored(np.ones((1, 2, 1, 1))).ravel().tolist() == [7, 7]
    assert own.scaled(np.array([[[9.0]]])).ravel().tolist() == [2]
