"""The layers of the usual core, their formula and their seeds: against loops in NumPy."""

import itertools
import json
import math
import random
from functools import partial

import keras
import numpy as np
import pytest

from forecaster.inputs.spec import WindowSpec
from forecaster.network.cells import CELLS
from forecaster.network.core import Positions, core_inputs, default_segment_length
from forecaster.network.recurrent import RecurrentNetwork
from tests.helpers.cores import SPEC, with_random_weights


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


def test_seeds_are_drawn_in_one_order():
    """Without covariates: so an artifact's weights, and a fit's results, stay what they are."""
    spec = WindowSpec(9, 6, head_width=2, season_length=3, seed=11)
    core = RecurrentNetwork("gru", units=4, num_layers=2)(spec)
    glorot, square = keras.initializers.GlorotUniform, keras.initializers.Orthogonal
    narrow = partial(keras.initializers.RandomNormal, stddev=0.05)
    expected = {
        0: ("dense", glorot, (3 * 2, 4)),
        1: ("gru", glorot, (4, 12)),
        2: ("gru", square, (4, 12)),
        3: ("gru", glorot, (4, 12)),
        4: ("gru", square, (4, 12)),
        # 5 and 6: dropout in the encoder
        7: ("positions", narrow, (2, 1, 4)),
        # 8 and 9: dropout in the decoder
        10: ("dense", glorot, (4, 3 * 2)),
    }
    seeds = np.random.default_rng(11).integers(2**31, size=11)
    kinds = {"dense": keras.layers.Dense, "gru": keras.layers.GRU, "positions": Positions}
    for kind, layer in kinds.items():
        found = [w for each in core.layers if type(each) is layer for w in each.get_weights()]
        found = [weight for weight in found if np.ptp(weight) > 0]  # no biases
        drawn = [
            initializer(seed=int(seeds[number]))(shape)
            for number, (name, initializer, shape) in expected.items()
            if name == kind
        ]
        for one, other in zip(found, drawn, strict=True):
            np.testing.assert_array_equal(one, other)
    dropouts = [layer for layer in core.layers if isinstance(layer, keras.layers.Dropout)]
    assert {layer.seed for layer in dropouts} <= {int(seed) for seed in seeds[[5, 6, 8, 9]]}


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


WIDTHS = {"past_covariates": 3, "future_covariates": 2, "static": 4}
COVARIATE_ROLES = [
    {name: WIDTHS[name] for name in names}
    for count in range(1, 4)
    for names in itertools.combinations(WIDTHS, count)
]


def formula(network, spec, weights, inputs):
    """The docstring's formula, step by step in float64, with kernels found by their shapes."""
    (cell, cell_recurrent, cell_bias), positions, dense = weights
    length, units, batch = network.segment_length, network.units, len(inputs["past"])
    count = math.ceil(spec.horizon / length)
    static = inputs.get("static", np.zeros((batch, 0)))
    future = inputs.get("future_covariates", np.zeros((batch, spec.horizon, 0)))

    def linear(value, width):
        kernel, *bias = dense[value.shape[1], width]
        return value @ kernel + (bias[0] if bias else 0)

    def run(value, state):
        return np.tanh(value @ cell + state @ cell_recurrent + cell_bias)

    names = [name for name in ("past", "observed", "past_covariates") if name in inputs]
    steps = np.concatenate([inputs[name] for name in names], -1)
    state = np.zeros((batch, units))
    pieces = spec.input_length // (length if network.encoder == "segments" else 1)
    for piece in np.split(steps, pieces, axis=1):
        entered = np.concatenate([piece.reshape(batch, -1), static], -1)
        if network.encoder == "segments":
            entered = np.maximum(linear(entered, units), 0)
        state = run(entered, state)
    if network.decoder == "dense":
        known = np.concatenate([state, static, future.reshape(batch, -1)], -1)
        forecast = linear(known, spec.horizon * spec.width)
        forecast = forecast.reshape(batch, spec.horizon, spec.width)
    else:
        rows = np.zeros((batch, count * length, future.shape[2]))
        rows[:, : spec.horizon] = future
        answers = []
        for position, segment in zip(positions, np.split(rows, count, axis=1), strict=True):
            question = np.repeat(position, batch, axis=0)
            if future.shape[2]:
                question = question + linear(segment.reshape(batch, -1), question.shape[1])
            if static.shape[1]:
                question = question + linear(static, question.shape[1])
            answer = linear(run(question, state), length * spec.width)
            answers.append(answer.reshape(batch, length, spec.width))
        forecast = np.concatenate(answers, axis=1)[:, : spec.horizon]
    if future.shape[2]:
        seen = linear(np.concatenate([state, static], -1), units)
        for step in range(spec.horizon):
            hidden = np.maximum(seen + linear(future[:, step], units), 0)
            forecast[:, step] += linear(hidden, spec.width)
    return forecast


@pytest.mark.parametrize("widths", COVARIATE_ROLES)
@pytest.mark.parametrize("decoder", ["segments", "dense"])
@pytest.mark.parametrize("encoder", ["segments", "steps"])
def test_covariates_go_in_where_the_formula_says(encoder, decoder, widths):
    network = RecurrentNetwork("simple_rnn", 5, 1, 0.0, encoder, decoder, segment_length=3)
    spec = WindowSpec(6, 7, channels=2, head_width=2, **widths)
    core = with_random_weights(network(spec))
    weights = {
        kind: [
            [np.asarray(weight, float) for weight in layer.weights]
            for layer in core.layers
            if type(layer) is kind
        ]
        for kind in (keras.layers.SimpleRNN, Positions, keras.layers.Dense)
    }
    [cell], positions, dense = weights.values()
    dense = {layer[0].shape: layer for layer in dense}
    assert len(dense) == len(weights[keras.layers.Dense])  # no two have one shape
    generator = np.random.default_rng(1)
    inputs = {
        name: generator.normal(size=(4, *tensor.shape[1:])).astype(np.float32)
        for name, tensor in core.input.items()
    }
    assert set(inputs) == {"past", "observed", *widths}
    positions = positions[0][0] if positions else None
    expected = formula(network, spec, (cell, positions, dense), inputs)
    np.testing.assert_allclose(core(inputs), expected, rtol=1e-4, atol=1e-5)


def test_inputs_of_a_core():
    spec = WindowSpec(6, 7, channels=2, **WIDTHS)
    assert {name: tensor.shape[1:] for name, tensor in core_inputs(spec).items()} == {
        "past": (6, 2),
        "observed": (6, 2),
        "past_covariates": (6, 3),
        "future_covariates": (7, 2),
        "static": (4,),
    }
    assert set(core_inputs(WindowSpec(6, 7, static=1))) == {"past", "observed", "static"}


@pytest.mark.parametrize(
    ("season", "length"),
    [(1, 1), (4, 4), (7, 7), (12, 12), (24, 24), (48, 48), (52, 26), (53, 1), (96, 48), (168, 42)],
)
def test_a_segment_is_a_season_or_a_part_of_it(season, length):
    assert default_segment_length(season) == length


def test_positions_come_back_from_their_config():
    layer = Positions(3, 4, seed=5, name="p")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
    state = np.zeros((2, 7), np.float32)
    questions = layer(state)
    assert questions.shape == (6, 1, 4)
    np.testing.assert_array_equal(questions[:3], questions[3:])  # the same for each window
    np.testing.assert_array_equal(again(state), questions)
