"""The assembled model, against NumPy and properties that must hold for every window."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecaster.inputs.spec import INPUT_OF_ROLE, NUMBER, WindowSpec
from forecaster.network.heads import Quantiles
from forecaster.network.model import compile_forward, set_scaling
from forecaster.network.normalization import NORMALIZATIONS
from forecaster.network.recurrent import RecurrentNetwork
from tests.helpers.arrays import NAN
from tests.helpers.cores import (
    KINDS,
    SPEC,
    answer,
    built,
    encoded,
    raw_inputs,
    whole_core,
    windows,
    with_random_weights,
)
from tests.helpers.normalization import normalized

TWO_CHANNELS = replace(SPEC, channels=2)


@pytest.fixture(scope="module", params=["standard", "last"])
def scaled_model(request):
    return compile_forward(built(RecurrentNetwork(units=4), normalization=request.param))


@given(
    st.floats(-1e6, 1e6, width=32, allow_subnormal=False),  # XLA takes those for 0
    arrays(bool, 10).filter(lambda missing: not missing.all()),
)
@settings(deadline=None)
def test_a_window_without_variation_has_the_scale_1(scaled_model, constant, missing):
    window = np.where(missing, NAN, constant).reshape(1, 10, 1).astype(np.float32)
    at_zero = scaled_model({"past_values": 0 * window}).numpy()
    found = scaled_model({"past_values": window})
    np.testing.assert_allclose(found, at_zero + constant, rtol=1e-6, atol=1e-6)


@given(st.integers(-6, 6), st.floats(-1, 1), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_forecasts_move_and_stretch_with_the_window(scaled_model, power, level, number):
    values = windows()[number : number + 1]
    factor = 10.0**power
    offset = 100 * factor * level
    expected = factor * scaled_model({"past_values": values}).numpy().astype(float) + offset
    moved = (factor * values.astype(float) + offset).astype(np.float32)
    found = scaled_model({"past_values": moved})
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
    found = forward({"past_values": values.astype(np.float32)}).numpy()
    assert found.shape == (3000, 2, 1, 7)
    assert (np.diff(found) >= 0).all()


def test_one_window_and_many_by_every_path():
    model = built(RecurrentNetwork("peephole_lstm", units=4), kinds=KINDS)
    forward, inputs = compile_forward(model), raw_inputs(20)
    batch = forward(inputs).numpy()
    scale = np.abs(batch).max()
    one_by_one = [{name: each[k : k + 1] for name, each in inputs.items()} for k in range(20)]
    single = np.concatenate([forward(window) for window in one_by_one])
    for other in (single, answer(model, inputs), model.predict(inputs, verbose=0)):
        assert np.abs(other - batch).max() < 1e-5 * scale


def test_the_wrapped_model_is_numpy():
    """From raw inputs to forecasts of two channels together, in float64, with random weights."""
    model = with_random_weights(built(whole_core, TWO_CHANNELS, "last", kinds=KINDS))
    generator = np.random.default_rng(0)
    scaling = {
        group: (generator.normal(size=3), np.exp(generator.normal(size=3)))
        for group in INPUT_OF_ROLE
    }
    set_scaling(model, scaling)
    inputs = raw_inputs(5, TWO_CHANNELS)
    inputs["past_values"][2, :, 1] = NAN
    layers = {layer.name: layer for layer in model.layers}
    core = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    (kernel, bias), (last_kernel, last_bias) = (
        [np.asarray(weight, float) for weight in layer.weights]
        for layer in core.layers
        if isinstance(layer, keras.layers.Dense)
    )
    expected = np.empty((5, SPEC.horizon, 2))
    for b in range(5):
        channels = [normalized(inputs["past_values"][b, :, s], "last") for s in range(2)]
        past, observed, location, scale = (
            np.stack(part, -1) for part in zip(*channels, strict=True)
        )
        seen = [past.ravel(), observed.ravel()]
        for group, name in INPUT_OF_ROLE.items():
            tables = [np.asarray(table) for table in layers[f"encode_{group}"].tables]
            for row in np.atleast_2d(inputs[name][b]):
                kinds, flags = getattr(KINDS, group), group == "past"
                seen.append(encoded(row, kinds, *scaling[group], tables, flags))
        hidden = np.tanh(np.concatenate(seen) @ kernel + bias)
        raw = np.tanh(hidden @ last_kernel + last_bias).reshape(SPEC.horizon, 2)
        expected[b] = location + scale * raw
    assert np.isnan(expected[2, :, 1]).all()
    assert np.isfinite(expected[2, :, 0]).all()
    np.testing.assert_allclose(answer(model, inputs)[..., 0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float64"])
def test_the_units_keep_their_digits_under_any_dtype_policy(policy):
    before, model = keras.config.dtype_policy(), built(RecurrentNetwork(units=4), kinds=KINDS)
    keras.config.set_dtype_policy(policy)
    try:
        other = built(RecurrentNetwork(units=4), kinds=KINDS)
    finally:
        keras.config.set_dtype_policy(before)
    set_scaling(model, {group: np.full((2, 3), [[1e5], [1]]) for group in INPUT_OF_ROLE})
    other.set_weights(model.get_weights())
    inputs = raw_inputs(3)
    inputs["past_values"] += 1e5
    for group, name in INPUT_OF_ROLE.items():
        inputs[name][..., np.equal(getattr(KINDS, group), NUMBER)] += 1e5
    found, expected = answer(other, inputs), answer(model, inputs)
    assert found.dtype == np.float32
    # Between neighbours in bfloat16 lie 512 units at this level.
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.1)
