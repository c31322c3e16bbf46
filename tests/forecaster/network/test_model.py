"""The wrapping of a core: NumPy, and properties that must hold, judge."""

import json
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecaster.inputs.spec import INPUT_OF_ROLE, NUMBER, UNSCALED, CovariateKinds, WindowSpec
from forecaster.network.heads import Point, Quantiles
from forecaster.network.model import SavedNetwork, compile_forward, compiles_with_xla, set_scaling
from forecaster.network.normalization import NORMALIZATIONS, InstanceNormalization
from forecaster.network.recurrent import RecurrentNetwork
from forecaster.training.loop import OutputError
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
from tests.helpers.fits import NAN, assert_same_weights, dense_core, same_weights

TWO_CHANNELS = replace(SPEC, channels=2)


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
    past, observed, location, scale = InstanceNormalization(method)(values)
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
    layer = InstanceNormalization(method)
    training = layer(values, training=True)
    assert all(np.isfinite(part).all() for part in training)
    for one, other in zip(training, layer(values), strict=True):
        np.testing.assert_array_equal(one[1], other[1])
    np.testing.assert_array_equal(layer(values)[2][0], NAN)


def test_a_small_variation_at_a_high_level_is_seen():
    small = np.random.default_rng(0).integers(-4, 5, (5, 50, 1)).astype(np.float32)
    past = InstanceNormalization("last")(small)[0]
    high = InstanceNormalization("last")(small + np.float32(2**20))
    np.testing.assert_array_equal(high[0], past)  # 2**20 + small is exact in float32


@pytest.fixture(scope="module", params=["standard", "last"])
def scaled_model(request):
    return compile_forward(built(RecurrentNetwork(units=4), normalization=request.param))


@given(
    st.floats(-1e6, 1e6, width=32, allow_subnormal=False),  # XLA takes those for 0
    arrays(bool, 10).filter(lambda missing: not missing.all()),
)
@settings(deadline=None)
def test_a_window_without_variation_forecasts_itself(scaled_model, constant, missing):
    window = np.where(missing, NAN, constant).reshape(1, 10, 1).astype(np.float32)
    np.testing.assert_array_equal(scaled_model({"past_values": window}), np.float32(constant))


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


def test_a_network_of_the_user():
    seen = []

    def network(spec):
        seen.append(spec)
        return dense_core()(spec)

    spec = WindowSpec(10, 5, channels=2, head_width=3)
    model = built(network, spec, output=Quantiles([0.1, 0.9]))
    assert seen == [spec]
    assert {name: tensor.shape for name, tensor in model.input.items()} == {
        "past_values": (None, 10, 2)
    }
    assert model.output_shape == (None, 5, 2, 3)


class Subclassed(keras.Model):
    """A network that has no shapes until it is called."""

    def __init__(self, spec):
        super().__init__()
        self.spec, self.dense = spec, keras.layers.Dense(spec.horizon * spec.width)

    def call(self, inputs):
        flat = keras.ops.reshape(inputs["past"], (-1, self.spec.input_length))
        return keras.ops.reshape(self.dense(flat), (-1, self.spec.horizon, self.spec.width))


def test_a_subclassed_network():
    model = built(Subclassed)
    assert model.output_shape == (None, 5, 1, 1)
    with pytest.raises(TypeError, match="`network` must make a model that Keras can write as its"):
        SavedNetwork.of(model)


def test_a_network_without_xla():
    """Keras's own attribute says so; the forward pass is then a plain graph."""

    def network(spec):
        core = dense_core()(spec)
        core.layers[-1].supports_jit = False
        return core

    plain, compiled = built(network), built()
    assert not compiles_with_xla(plain)
    assert compiles_with_xla(compiled)
    inputs = {"past_values": windows()}
    found, expected = (compile_forward(model)(inputs) for model in (plain, compiled))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_what_a_network_must_return():
    with pytest.raises(TypeError, match=r"`network` must return a keras.Model. Received: int."):
        built(lambda spec: 5)
    message = r"`network` must return a model with output shape \(None, 5, 1\): batch, horizon, "
    for other in (WindowSpec(10, 4), WindowSpec(10, 5, head_width=3)):
        with pytest.raises(ValueError, match=message):
            built(lambda spec, other=other: dense_core()(other))
    core = dense_core()(SPEC)
    built(lambda spec: core)
    with pytest.raises(ValueError, match="`network` must return a new model each time, because"):
        built(lambda spec: core)


@pytest.mark.parametrize(
    ("network", "kinds"),
    [
        (RecurrentNetwork("peephole_lstm", 3, 2, 0.2), KINDS),
        (RecurrentNetwork("peephole_lstm", 3, 2, 0.2), CovariateKinds()),
        (dense_core(0.1), CovariateKinds()),
        (dense_core(0.1), CovariateKinds((UNSCALED,), (UNSCALED,))),
    ],
)
def test_a_saved_network_is_the_same_one_with_fresh_weights(network, kinds):
    model, inputs = built(network, kinds=kinds), raw_inputs(kinds=kinds)
    saved = SavedNetwork(**json.loads(json.dumps(asdict(SavedNetwork.of(model)))))
    again = built(saved, kinds=kinds)
    assert_same_weights(again, model)  # seeds are part of the architecture
    model.set_weights([weight + 1 for weight in model.get_weights()])
    assert not same_weights(built(saved, kinds=kinds), model)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(answer(again, inputs), answer(model, inputs))


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


@pytest.fixture(scope="module", params=["segments", "dense"])
def with_covariates(request):
    """A network of all kinds of covariates and two channels, whose weights are noise."""
    network = RecurrentNetwork(units=12, decoder=request.param)
    model = with_random_weights(built(network, TWO_CHANNELS, kinds=KINDS))
    return request.param, model, compile_forward(model)


def moved(forward, name, place):
    """(H,) which steps' forecasts move, in both channels, when one value of an input does."""
    inputs = raw_inputs(spec=TWO_CHANNELS)
    before = forward(inputs).numpy()
    [kind] = [
        getattr(KINDS, group)[place[-1]] for group in INPUT_OF_ROLE if INPUT_OF_ROLE[group] == name
    ]
    value = np.nan_to_num(inputs[name][..., *place])
    inputs[name][..., *place] = (value + 1) % kind if kind > 0 else value + 0.5
    difference = np.abs(forward(inputs).numpy() - before).max(axis=(0, -1))  # (H, S')
    np.testing.assert_array_equal(difference[:, 0] > 0, difference[:, 1] > 0)
    return difference[:, 0] > 0


def test_every_covariate_has_the_influence_that_it_may_have(with_covariates):
    decoder, _, forward = with_covariates
    for column in range(3):
        for step in range(SPEC.input_length):
            assert moved(forward, "past_covariates", (step, column)).all()
        assert moved(forward, "static", (column,)).all()
        for step in range(SPEC.horizon):
            # Segments have 4 steps, and each is asked with its own covariates.
            reached = np.arange(SPEC.horizon) // 4 == step // 4
            expected = reached if decoder == "segments" else np.ones(SPEC.horizon, bool)
            found = moved(forward, "future_covariates", (step, column))
            np.testing.assert_array_equal(found, expected)


def test_missing_covariates(with_covariates):
    _, model, forward = with_covariates
    set_scaling(model, {group: np.full((2, 3), 0.25) for group in INPUT_OF_ROLE})

    def forecast(name, column, value):
        inputs = raw_inputs(spec=TWO_CHANNELS)
        inputs[name][..., column] = value
        return forward(inputs).numpy()

    for group, name in INPUT_OF_ROLE.items():
        for column, kind in enumerate(getattr(KINDS, group)):
            if kind == UNSCALED:
                continue
            missing = forecast(name, column, NAN)
            assert np.isfinite(missing).all()
            if kind > 0:  # a category: as the reserved code, and as codes that there are not
                for code in (0, -1, kind, 1e9):
                    np.testing.assert_array_equal(forecast(name, column, code), missing)
                assert np.abs(forecast(name, column, 1) - missing).max() > 1e-3
            elif group == "past":  # a flag tells a missing number from one at the location
                assert np.abs(forecast(name, column, 0.25) - missing).max() > 1e-3
            else:
                np.testing.assert_array_equal(forecast(name, column, 0.25), missing)


def test_scaling_is_part_of_the_weights_and_is_not_trained():
    model, inputs = built(whole_core, kinds=KINDS), raw_inputs()
    fresh = model.get_weights()
    scaling = {group: np.array([[5.0, 6, 7], [2, 3, 4]]) for group in INPUT_OF_ROLE}
    set_scaling(model, scaling)
    kept = [weight.numpy() for weight in model.non_trainable_weights]
    model.compile("adam", loss=OutputError(Point(), "mse"))
    model.train_on_batch(inputs, np.zeros((6, 5, 1)))
    assert_same_weights([weight.numpy() for weight in model.non_trainable_weights], kept)
    again = built(whole_core, kinds=KINDS)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(answer(again, inputs), answer(model, inputs))
    again.set_weights(fresh)
    assert np.abs(answer(again, inputs) - answer(model, inputs)).max() > 1e-3
    set_scaling(built(), scaling)  # there is nothing to scale


def test_without_covariates_nothing_is_added():
    names = {weight.path.split("/")[0] for weight in built(RecurrentNetwork(units=3)).weights}
    with_them = built(RecurrentNetwork(units=3), kinds=KINDS)
    added = {"encode_past", "encode_future", "encode_static"}
    assert {weight.path.split("/")[0] for weight in with_them.weights} - names >= added
    assert not names & added


def test_a_model_with_covariates_goes_into_a_saved_model(with_covariates, tmp_path):
    """As artifact.py writes it: named inputs, any batch, and no operation that only XLA has."""
    _, model, _ = with_covariates
    set_scaling(model, {group: np.full((2, 3), 0.5) for group in INPUT_OF_ROLE})
    signature = [
        tf.TensorSpec(tensor.shape, tf.float32, name=name) for name, tensor in model.input.items()
    ]
    names = list(model.input)

    def serve(*tensors):
        return {"forecast": model(dict(zip(names, tensors, strict=True)), training=False)}

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serving_default", serve, input_signature=signature)
    archive.write_out(tmp_path / "model", verbose=False)
    served = tf.saved_model.load(tmp_path / "model").signatures["serving_default"]
    graph = served.graph.as_graph_def()
    functions = [node for function in graph.library.function for node in function.node_def]
    assert not [node.op for node in (*graph.node, *functions) if node.op.startswith("Xla")]
    for count in (4, 6):
        inputs = raw_inputs(count, TWO_CHANNELS)
        found = served(**{name: tf.constant(values) for name, values in inputs.items()})
        np.testing.assert_allclose(found["forecast"], answer(model, inputs), rtol=1e-5, atol=1e-5)


def test_seeds_of_embeddings_are_their_own():
    kinds = CovariateKinds((6,), (6,), (6,))

    def tables(seed):
        model = built(whole_core, replace(SPEC, seed=seed), kinds=kinds)
        return [
            w.numpy()[1:] for w in model.weights if w.path.startswith("encode_") and w.trainable
        ]

    assert_same_weights(tables(0), tables(0))
    everything = [*tables(0), *tables(1)]
    for number, table in enumerate(everything):
        for other in everything[:number]:
            assert np.abs(table - other).max() > 1e-3


PLAIN_ONLY = CovariateKinds(past=(UNSCALED, UNSCALED), future=(UNSCALED,))


def test_a_network_of_the_user_may_leave_plain_covariates_out():
    """Features of time come without being asked for."""
    model, without = built(dense_core(), kinds=PLAIN_ONLY), built(dense_core())
    assert set(model.input) == {"past_values", "past_covariates", "future_covariates"}
    inputs = raw_inputs(kinds=PLAIN_ONLY)
    expected = answer(without, inputs["past_values"])
    np.testing.assert_array_equal(answer(model, inputs), expected)
    # Another graph, so that the last bit may differ, and on some processors does.
    compiled = compile_forward(model)(inputs)
    np.testing.assert_allclose(compiled, expected, rtol=1e-5, atol=1e-5)
    set_scaling(model, {"past": np.ones((2, 2)), "future": np.ones((2, 1))})
    assert_same_weights(model, without)
    model.compile("adam", loss=OutputError(Point(), "mse"), jit_compile=True)
    model.train_on_batch(inputs, np.zeros((6, 5, 1)))


@pytest.mark.parametrize(
    ("kinds", "name", "shape"),
    [
        (CovariateKinds(static=(UNSCALED, 3)), "static", r"\(4,\)"),
        (CovariateKinds(past=(NUMBER,)), "past_covariates", r"\(10, 2\)"),
        (CovariateKinds(past=(UNSCALED,), future=(NUMBER,)), "future_covariates", r"\(5, 1\)"),
    ],
)
def test_a_network_must_take_the_covariates_of_the_user(kinds, name, shape):
    message = f"`network` must take the input '{name}', because there are such covariates. .*"
    message += f"with the inputs 'past', 'observed'. Add keras.Input\\({shape}, name='{name}'\\)"
    with pytest.raises(ValueError, match=message):
        built(dense_core(), kinds=kinds)
    assert built(whole_core, kinds=kinds).output_shape == (None, 5, 1, 1)
    assert built(Subclassed, kinds=kinds).output_shape == (None, 5, 1, 1)  # it says nothing


@pytest.mark.parametrize("as_list", [False, True])
def test_a_network_must_not_take_what_there_is_not(as_list):
    def network(spec):
        core = whole_core(replace(spec, static=3))
        return keras.Model([*core.input.values()], core.output) if as_list else core

    message = (
        "`network` must take no other inputs than 'past', 'observed', 'past_covariates', which"
    )
    with pytest.raises(ValueError, match=message + ".* with the input 'static'"):
        built(network, kinds=CovariateKinds(past=(NUMBER,)))
    kinds = CovariateKinds(static=(NUMBER,) * 3)
    assert built(network, kinds=kinds).output_shape == (None, 5, 1, 1)


def test_a_network_of_the_user_may_take_less():
    """Keras would hand a dictionary with other keys on by their order."""

    def network(spec):
        inputs = keras.Input((spec.input_length, 1), name="past")
        return keras.Model({"past": inputs}, keras.layers.Cropping1D((5, 0))(inputs))

    values = windows()
    found = answer(built(network, normalization="none"), values)
    np.testing.assert_array_equal(found[..., 0], np.nan_to_num(values[:, 5:]))


class Unregistered(keras.layers.Layer):
    """A layer whose argument its config does not hold."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor


@pytest.mark.parametrize("layer", [lambda: Unregistered(2), lambda: keras.layers.Lambda(abs)])
def test_a_network_that_cannot_be_saved(layer):
    def network(spec):
        core = dense_core()(spec)
        return keras.Model(core.input, layer()(core.output))

    with pytest.raises(TypeError, match="`network` must make a model that Keras can write as its"):
        SavedNetwork.of(built(network))


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


def test_the_layer_comes_back_from_its_config():
    layer = InstanceNormalization("last", name="n")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is InstanceNormalization
    assert again.get_config() == layer.get_config()
