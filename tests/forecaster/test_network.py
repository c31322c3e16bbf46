"""The wrapping of a core, and the usual core: NumPy, and properties that must hold, judge."""

import itertools
import json
import math
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
    st.floats(-1e6, 1e6, width=32, allow_subnormal=False),  # XLA takes those for 0
    arrays(bool, 10).filter(lambda missing: not missing.all()),
)
@settings(deadline=None)
def test_a_window_without_variation_forecasts_itself(scaled_model, constant, missing):
    window = np.where(missing, NAN, constant).reshape(1, 10, 1).astype(np.float32)
    np.testing.assert_array_equal(scaled_model(window), np.float32(constant))


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


# Every choice with every other for five cells; the rest, whose states differ in number, once.
MAIN = ("simple_rnn", "lstm", "gru", "peephole_lstm", "coupled_lstm")
OTHERS = [cell for cell in CELLS if cell not in MAIN]
GRID = [
    *itertools.product(MAIN, ("segments", "steps"), ("segments", "dense"), (1, 2)),
    *itertools.product(OTHERS, ("segments",), ("segments",), (2,)),
]


@pytest.mark.parametrize(("cell", "encoder", "decoder", "num_layers"), GRID)
def test_every_network_builds(cell, encoder, decoder, num_layers):
    network = RecurrentNetwork(cell, 3, num_layers, 0.1, encoder, decoder)
    spec = WindowSpec(10, 5, channels=2, head_width=3, season_length=4)
    core = network(spec)
    assert core.output_shape == (None, 5, 6)
    assert len([layer for layer in core.layers if isinstance(layer, CELLS[cell])]) == num_layers


# Every two of the choices meet in one of these; XLA compiles each.
PAIRS = [
    (cell, encoder, decoder, num_layers)
    for number, cell in enumerate((*MAIN, "slstm", "min_lstm"))
    for encoder, decoder, num_layers in (
        [("segments", "segments", 2), ("steps", "dense", 1)]
        if number % 2
        else [("steps", "segments", 1), ("segments", "dense", 2)]
    )
]


@pytest.mark.slow
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


def random_weights(core):
    """Weights that a seed decides: all but biases and peepholes, which begin the same."""
    return [weight for weight in core.get_weights() if np.ptp(weight) > 0 and weight.ndim > 1]


@pytest.mark.parametrize("cell", CELLS)
def test_seeds_decide_the_weights(cell):
    network = RecurrentNetwork(cell, units=4, num_layers=3, dropout=0.5)
    spec = WindowSpec(input_length=12, horizon=8, season_length=4)
    core, again = network(spec), network(spec)
    # Variables too: the state of every source of random numbers, for dropout.
    for one, other in zip(core.variables, again.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other), one.path)
    other = network(WindowSpec(12, 8, season_length=4, seed=1))
    for one, another in zip(random_weights(core), random_weights(other), strict=True):
        assert np.abs(one - another).max() > 1e-3
    # No two layers share numbers, although those of the upper layers have one shape.
    for one, another in itertools.combinations(random_weights(core), 2):
        one, another = one.reshape(-1, one.shape[-1]), another.reshape(-1, another.shape[-1])
        rows, columns = np.minimum(one.shape, another.shape)
        assert np.abs(one[:rows, :columns] - another[:rows, :columns]).max() > 1e-3


def test_dropout_differs_between_layers():
    core = RecurrentNetwork(units=4, num_layers=2, dropout=0.5)(SPEC)
    layers = [layer for layer in core.layers if isinstance(layer, keras.layers.Dropout)]
    assert {layer.rate for layer in layers} == {0.5}
    # Between the two layers, in the encoder and in the decoder, and behind the decoder.
    assert len({layer.seed for layer in layers}) == len(layers) == 3


def test_no_global_random_source_has_a_part(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("Python's global random source was asked")

    for name in ("randint", "random", "seed", "getrandbits"):
        monkeypatch.setattr(random, name, refuse)
    before = np.random.get_state()
    for cell in CELLS:
        RecurrentNetwork(cell, units=2, num_layers=2, dropout=0.5)(SPEC)
    after = np.random.get_state()
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("length", range(1, 11))
def test_segments_are_padded_on_the_left(length):
    """The last segment ends with the newest step; steps keep their order."""
    network = RecurrentNetwork("simple_rnn", 2, segment_length=length, decoder="dense")
    core = network(WindowSpec(input_length=10, horizon=3))
    weights = [[np.asarray(w, float) for w in layer.weights] for layer in core.layers]
    (kernel, bias), (inner, recurrent, cell_bias), head = filter(None, weights)
    assert kernel.shape == (length * 2, 2)

    past, observed = np.random.default_rng(length).normal(size=(2, 4, 10, 1)).astype(np.float32)
    count = math.ceil(10 / length)
    steps = np.zeros((4, count * length, 2))
    steps[:, -10:] = np.concatenate([past, observed], -1)
    state = np.zeros((4, 2))
    for segment in np.split(steps, count, axis=1):
        entered = np.maximum(segment.reshape(4, -1) @ kernel + bias, 0)
        state = np.tanh(entered @ inner + state @ recurrent + cell_bias)
    expected = state @ head[0] + head[1]
    found = core({"past": past, "observed": observed})
    np.testing.assert_allclose(found[..., 0], expected, rtol=1e-4, atol=1e-5)


def test_the_segments_of_the_horizon_are_asked_in_parallel():
    """A slow loop over segments, each from the encoder's last states and a position of its own."""
    spec = WindowSpec(input_length=6, horizon=7, channels=2, head_width=2)
    core = RecurrentNetwork("simple_rnn", 3, num_layers=2, segment_length=3)(spec)
    weights = {
        kind: [
            [np.asarray(w, float) for w in layer.weights]
            for layer in core.layers
            if type(layer) is kind
        ]
        for kind in (keras.layers.Dense, keras.layers.SimpleRNN, Positions)
    }
    (entry, head), cells, [[positions]] = weights.values()

    def run(value, states):
        for number, (kernel, recurrent, bias) in enumerate(cells):
            value = states[number] = np.tanh(value @ kernel + states[number] @ recurrent + bias)
        return value

    past, observed = np.random.default_rng(0).normal(size=(2, 4, 6, 2)).astype(np.float32)
    states, steps = [np.zeros((4, 3))] * 2, np.concatenate([past, observed], -1)
    for segment in np.split(steps, 2, axis=1):
        run(np.maximum(segment.reshape(4, -1) @ entry[0] + entry[1], 0), states)
    answers = []
    for position in positions:  # (1, width)
        value = run(np.repeat(position, 4, axis=0), list(states))
        answers.append((value @ head[0] + head[1]).reshape(4, 3, 4))
    expected = np.concatenate(answers, axis=1)[:, :7]
    found = core({"past": past, "observed": observed})
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("season", "length"),
    [(1, 1), (4, 4), (7, 7), (12, 12), (24, 24), (48, 48), (52, 26), (53, 1), (96, 48), (168, 42)],
)
def test_a_segment_is_a_season_or_a_part_of_it(season, length):
    assert largest_part(season) == length


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
    found, expected = (compile_forward(model)(windows()) for model in (plain, compiled))
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


def test_what_stands_for_a_network():
    assert as_network("gru") == RecurrentNetwork(cell="gru")
    network = RecurrentNetwork(units=3)
    assert as_network(network) is network
    assert as_network(dense_core) is dense_core
    with pytest.raises(ValueError, match=r"`cell` must be one of 'simple_rnn', 'lstm', 'gru', "):
        as_network("gruu")
    for wrong in (5, None, dense_core()(SPEC)):
        with pytest.raises(TypeError, match="`network` must be a cell's name, a RecurrentNetwork"):
            as_network(wrong)


@pytest.mark.parametrize(
    ("field", "wrong", "kind", "message"),
    [
        ("units", 0, ValueError, "`units` must be at least 1. Received: units=0."),
        ("units", 2.0, TypeError, "`units` must be an integer. Received: units=2.0."),
        ("num_layers", True, TypeError, "`num_layers` must be an integer."),
        ("dropout", 1, ValueError, "`dropout` must be at least 0 and below 1."),
        ("dropout", "0", TypeError, "`dropout` must be a number."),
        ("encoder", "step", ValueError, "`encoder` must be one of 'segments', 'steps'."),
        ("decoder", None, ValueError, "`decoder` must be one of 'segments', 'dense'."),
        ("segment_length", 0, ValueError, "`segment_length` must be at least 1."),
    ],
)
def test_bad_fields(field, wrong, kind, message):
    with pytest.raises(kind, match=message):
        RecurrentNetwork(**{field: wrong})


def test_layers_come_back_from_their_config():
    for layer in (Positions(3, 4, seed=5, name="p"), NormalizeWindow("last", name="n")):
        config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
        again = keras.saving.deserialize_keras_object(config)
        assert type(again) is type(layer)
        assert again.get_config() == layer.get_config()
    state, positions = np.zeros((2, 7), np.float32), Positions(3, 4, seed=5)
    questions = positions(state)
    assert questions.shape == (6, 1, 4)
    np.testing.assert_array_equal(questions[:3], questions[3:])  # the same for each window
    again = Positions.from_config(positions.get_config())
    np.testing.assert_array_equal(again(state), questions)


@pytest.mark.parametrize("network", [RecurrentNetwork("peephole_lstm", 3, 2, 0.2), dense_core(0.1)])
def test_a_saved_network_is_the_same_one_with_fresh_weights(network):
    model = built(network)
    saved = SavedNetwork(**json.loads(json.dumps(asdict(SavedNetwork.of(model)))))
    again = built(saved)
    assert_same_weights(again, model)  # seeds are part of the architecture
    model.set_weights([weight + 1 for weight in model.get_weights()])
    assert not same_weights(built(saved), model)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(answer(again, windows()), answer(model, windows()))


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
    before, model = keras.config.dtype_policy(), built(RecurrentNetwork(units=4))
    keras.config.set_dtype_policy(policy)
    try:
        other = built(RecurrentNetwork(units=4))
    finally:
        keras.config.set_dtype_policy(before)
    other.set_weights(model.get_weights())
    values = windows(3) + np.float32(1e5)
    found, expected = answer(other, values), answer(model, values)
    assert found.dtype == np.float32
    # Between neighbours in bfloat16 lie 512 units at this level.
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.1)
