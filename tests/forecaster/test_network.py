"""The wrapping of a core, and the usual core: NumPy, and properties that must hold, judge."""

import itertools
import json
import random
from dataclasses import asdict

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecaster.network import (
    CELLS,
    NORMALIZATIONS,
    NormalizeWindow,
    Positions,
    RecurrentNetwork,
    SavedNetwork,
    as_network,
    build_model,
    compile_forward,
    compiles_with_xla,
    largest_part,
)
from forecaster.output import Point, Quantiles
from forecaster.training import OutputError
from forecaster.windows import WindowSpec

from .fits import NAN, assert_same_weights, dense_core, same_weights

SPEC = WindowSpec(input_length=10, horizon=5, season_length=4)


def built(network=None, spec=SPEC, normalization="standard", output=None):
    return build_model(network or dense_core(), spec, normalization, output or Point())


def windows(count=6, spec=SPEC, seed=0):
    """Windows at different levels, with gaps."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(count, spec.input_length, spec.channels))
    values += 10 * generator.normal(size=(count, 1, spec.channels))
    values[generator.random(values.shape) < 0.2] = NAN
    values[:, 3] = 1.0
    return values.astype(np.float32)


def answer(model, values):
    return model({"past_values": tf.constant(values, tf.float32)}, training=False).numpy()


def normalized(window, method):
    """One channel of one window in float64 NumPy: past, observed, location and scale."""
    seen = ~np.isnan(window)
    if not seen.any():
        return np.zeros_like(window), seen, NAN, 1.0 if method == "none" else 0.0
    known = window[seen].astype(np.float64)
    location = {"standard": known.mean(), "last": known[-1], "none": 0.0}[method]
    scale = 1.0 if method == "none" else known.std()
    past = np.zeros(len(window))
    past[seen] = (known - location) / (scale or 1)
    return past, seen, location, scale


@pytest.mark.parametrize("method", NORMALIZATIONS)
@given(
    arrays(np.float32, (3, 7, 2), elements=st.integers(-1000, 1000).map(float)),
    arrays(bool, (3, 7, 2)),
)
@settings(deadline=None)
def test_normalization_is_numpy(method, values, missing):
    values = np.where(missing, np.float32(NAN), values)
    values[0, :, 0] = 7.0  # without variation
    past, observed, location, scale = NormalizeWindow(method)(values)
    assert past.shape == observed.shape == values.shape
    assert location.shape == scale.shape == (3, 1, 2)
    assert scale[0, 0, 0] == (1 if method == "none" else 0)
    for b, s in np.ndindex(3, 2):
        expected = normalized(values[b, :, s], method)
        found = past[b, :, s], observed[b, :, s], location[b, 0, s], scale[b, 0, s]
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5 * 1000)
        np.testing.assert_allclose(past[b, :, s], expected[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", NORMALIZATIONS)
def test_in_training_a_window_without_values_is_finite(method):
    values = np.stack([np.full((4, 1), NAN), [[1.0], [NAN], [3.0], [4.0]]]).astype(np.float32)
    layer = NormalizeWindow(method)
    training = layer(values, training=True)
    assert all(np.isfinite(part).all() for part in training)
    for one, other in zip(training, layer(values), strict=True):
        np.testing.assert_array_equal(one[1], other[1])
    np.testing.assert_array_equal(layer(values)[2][0], NAN)


def test_a_small_variation_at_a_high_level_is_seen():
    small = np.random.default_rng(0).integers(-4, 5, (5, 50, 1)).astype(np.float32)
    past = NormalizeWindow("last")(small)[0]
    high = NormalizeWindow("last")(small + np.float32(2**20))
    np.testing.assert_array_equal(high[0], past)  # 2**20 + small is exact in float32


@pytest.fixture(scope="module", params=["standard", "last"])
def scaled_model(request):
    return compile_forward(built(RecurrentNetwork(units=4), normalization=request.param))


@given(
    st.floats(-1e6, 1e6, width=32),
    arrays(bool, 10).filter(lambda missing: not missing.all()),
)
@settings(deadline=None)
def test_a_window_without_variation_forecasts_itself(scaled_model, constant, missing):
    window = np.where(missing, NAN, constant).reshape(1, 10, 1).astype(np.float32)
    np.testing.assert_array_equal(
        scaled_model(window),
        np.full((1, 5, 1, 1), window[~missing][:, 0][0]) if False else np.float32(constant),
    )


@given(st.integers(-6, 6), st.floats(-1, 1), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_forecasts_move_and_stretch_with_the_window(scaled_model, power, level, number):
    values = windows()[number : number + 1]
    factor = 10.0**power
    offset = 100 * factor * level
    expected = factor * scaled_model(values).numpy().astype(float) + offset
    found = scaled_model((factor * values.astype(float) + offset).astype(np.float32))
    # Up to the digits that float32 keeps of values at that level.
    tolerance = 1e-4 * factor * max(1.0, 100 * abs(level))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_a_window_without_values_has_no_forecast():
    values = windows()
    values[2] = NAN
    for normalization in NORMALIZATIONS:
        found = answer(built(normalization=normalization), values)
        assert np.isnan(found[2]).all()
        assert np.isfinite(np.delete(found, 2, axis=0)).all()


def test_a_quantile_forecast_never_crosses_under_xla():
    """The core hands the normalized window on as raw numbers: nothing keeps them in order."""

    def hand_on(spec):
        inputs = {
            name: keras.Input((spec.input_length, 1), name=name) for name in ("past", "observed")
        }
        return keras.Model(inputs, keras.layers.Reshape((spec.horizon, spec.width))(inputs["past"]))

    output = Quantiles([0.05, 0.1, 0.3, 0.5, 0.6, 0.9, 0.99])
    spec = WindowSpec(14, 2, head_width=output.width)
    forward = compile_forward(built(hand_on, spec, output=output))
    generator = np.random.default_rng(0)
    values = generator.normal(size=(3000, 14, 1)) * 10.0 ** generator.integers(-6, 6, (3000, 1, 1))
    values += 10.0 ** generator.integers(-6, 8, (3000, 1, 1))
    found = forward(values.astype(np.float32)).numpy()
    assert found.shape == (3000, 2, 1, 7)
    assert (np.diff(found) >= 0).all()


def test_one_window_and_many_by_every_path():
    model = built(RecurrentNetwork("peephole_lstm", units=4))
    forward, values = compile_forward(model), windows(20)
    batch = forward(values).numpy()
    scale = np.abs(batch).max()
    single = np.concatenate([forward(values[k : k + 1]) for k in range(20)])
    for other in (single, answer(model, values), model.predict({"past_values": values}, verbose=0)):
        assert np.abs(other - batch).max() < 1e-5 * scale


GRID = list(itertools.product(CELLS, ("segments", "steps"), ("segments", "dense"), (1, 2)))


@pytest.mark.parametrize(("cell", "encoder", "decoder", "num_layers"), GRID)
def test_every_network_builds(cell, encoder, decoder, num_layers):
    network = RecurrentNetwork(cell, 3, num_layers, 0.1, encoder, decoder)
    spec = WindowSpec(10, 5, channels=2, head_width=3, season_length=4)
    core = network(spec)
    assert core.output_shape == (None, 5, 6)
    assert len([layer for layer in core.layers if isinstance(layer, CELLS[cell])]) == num_layers
    assert all(np.ptp(weight) > 0 for weight in core.get_weights() if weight.ndim > 2)


# Every two of the choices meet in one of these; XLA compiles each.
PAIRS = [
    (cell, encoder, decoder, num_layers)
    for number, cell in enumerate(CELLS)
    for encoder, decoder, num_layers in (
        [("segments", "segments", 2), ("steps", "dense", 1)]
        if number % 2
        else [("steps", "segments", 1), ("segments", "dense", 2)]
    )
]


@pytest.mark.parametrize(("cell", "encoder", "decoder", "num_layers"), PAIRS)
def test_every_network_learns_under_xla(cell, encoder, decoder, num_layers):
    """A few steps of gradient descent lower the loss, and all weights have a part in it."""
    network = RecurrentNetwork(cell, 3, num_layers, 0.0, encoder, decoder)
    model = built(network)
    before, values, target = model.get_weights(), windows(), windows()[:, :5]
    loss = OutputError(Point(), "mse")
    model.compile(keras.optimizers.SGD(1e-3), loss=loss, jit_compile=True)
    losses = [
        model.train_on_batch({"past_values": values}, np.nan_to_num(target)) for _ in range(3)
    ]
    assert losses[2] < losses[0]
    names = [variable.path for variable in model.weights]
    for name, one, other in zip(names, before, model.get_weights(), strict=True):
        assert not np.array_equal(one, other), name
