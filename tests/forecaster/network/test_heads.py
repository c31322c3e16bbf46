"""Heads and their errors: against scikit-learn and NumPy."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, mean_squared_error

from forecaster.network.heads import Point, Quantiles, as_output

levels_lists = st.lists(st.floats(0.01, 0.99), min_size=1, max_size=7, unique=True)
# TensorFlow takes subnormal numbers for 0 in some operations and not in others.
single = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)


@given(st.data(), levels_lists)
@settings(deadline=None)
def test_quantiles_never_cross(data, levels):
    output = Quantiles(levels)
    raw = data.draw(arrays(np.float32, (2, 3, 1, output.width), elements=single))
    forecast = output.forecast(tf.constant(raw)).numpy()
    assert forecast.shape == raw.shape
    assert not np.isnan(forecast).any()
    assert (forecast[..., 1:] >= forecast[..., :-1]).all()
    np.testing.assert_array_equal(output.prediction(forecast), raw[..., output.levels.index(0.5)])


def test_quantiles_are_the_formula():
    output = Quantiles([0.1, 0.3, 0.5, 0.7, 0.8, 0.9])
    raw = np.random.default_rng(0).normal(size=(4, 2, 3, 6))
    found = output.forecast(tf.constant(raw)).numpy()
    step = np.log1p(np.exp(raw))
    median = raw[..., 2]
    expected = [
        median - step[..., 1] - step[..., 0],
        median - step[..., 1],
        median,
        median + step[..., 3],
        median + step[..., 3] + step[..., 4],
        median + step[..., 3] + step[..., 4] + step[..., 5],
    ]
    np.testing.assert_allclose(found, np.stack(expected, -1), rtol=1e-12)


@given(st.data(), levels_lists)
@settings(max_examples=50, deadline=None)
def test_pinball_is_that_of_scikit_learn(data, levels):
    output, numbers = Quantiles(levels), st.floats(-1e6, 1e6)
    target = data.draw(arrays(float, (2, 3, 2), elements=numbers))
    forecast = data.draw(arrays(float, (2, 3, 2, output.width), elements=numbers))
    found = np.asarray(output.error(target, forecast, "pinball"))
    assert found.shape == target.shape
    references = [
        mean_pinball_loss(target.ravel(), forecast[..., k].ravel(), alpha=level)
        for k, level in enumerate(output.levels)
    ]
    np.testing.assert_allclose(found.mean(), np.mean(references), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("loss", "reference"), [("mae", mean_absolute_error), ("mse", mean_squared_error)]
)
def test_errors_of_points(loss, reference):
    target, forecast = np.random.default_rng(0).normal(size=(2, 3, 4, 2))
    found = np.asarray(Point().error(target, forecast[..., None], loss))
    assert found.shape == target.shape
    np.testing.assert_allclose(found.mean(), reference(target.ravel(), forecast.ravel()))


def test_points_pass_through():
    raw = np.random.default_rng(0).normal(size=(3, 4, 2, 1))
    np.testing.assert_array_equal(Point().forecast(raw), raw)
    np.testing.assert_array_equal(Point().prediction(raw), raw[..., 0])


def test_errors_keep_the_precision_that_comes():
    for dtype in ("float32", "float64"):
        target, forecast = tf.ones((1, 2, 1), dtype), tf.zeros((1, 2, 1, 3), dtype)
        assert Quantiles([0.1, 0.9]).error(target, forecast, "pinball").dtype == dtype


def test_levels_are_sorted_and_the_median_is_added():
    assert Quantiles([0.9, 0.1]).levels == (0.1, 0.5, 0.9)
    assert Quantiles(np.array([0.5])).levels == (0.5,)
    assert Quantiles((0.25, 0.5)).width == 2
    assert Quantiles([0.9, 0.1]) == Quantiles([0.1, 0.5, 0.9])
    assert Quantiles(**dataclasses.asdict(Quantiles([0.2]))) == Quantiles([0.2])
    with pytest.raises(dataclasses.FrozenInstanceError):
        Quantiles([0.2]).levels = (0.3,)


@pytest.mark.parametrize(
    "levels", [[], [0.0], [1.0], [0.1, 0.1], [-0.1], [10, 90], [float("nan")], [float("inf")]]
)
def test_levels_outside_their_range(levels):
    with pytest.raises(ValueError, match=r"`levels` must be probabilities between 0 and 1, each"):
        Quantiles(levels)


@pytest.mark.parametrize("levels", [0.5, None, "0.5", ["a"], [True], [None], [[0.1, 0.9]]])
def test_levels_of_another_type(levels):
    with pytest.raises(TypeError, match=r"`levels` must be numbers. Received: levels="):
        Quantiles(levels)


def test_what_stands_for_an_output():
    assert as_output("point") == Point()
    assert as_output(quantiles := Quantiles([0.1])) is quantiles
    for output in ("quantiles", None, [0.1, 0.9], Quantiles):
        with pytest.raises(ValueError, match=r'`output` must be "point" or Quantiles\(\[...\]\)'):
            as_output(output)
