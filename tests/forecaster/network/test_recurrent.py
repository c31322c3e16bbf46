"""The usual core: NumPy, and properties that must hold, judge."""

import itertools
import json
import math
import random
from functools import partial

import keras
import numpy as np
import pytest

from forecaster.inputs.spec import NUMBER, CovariateKinds, WindowSpec
from forecaster.network.cells import CELLS
from forecaster.network.core import Positions, core_inputs, default_segment_length
from forecaster.network.heads import Point
from forecaster.network.model import as_network, set_scaling
from forecaster.network.recurrent import RecurrentNetwork
from forecaster.training.loop import OutputError
from tests.helpers.cores import KINDS, SPEC, answer, built, raw_inputs, windows, with_random_weights
from tests.helpers.fits import dense_core

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
    for widths in ({}, {"past_covariates": 3, "future_covariates": 2, "static": 4}):
        spec = WindowSpec(10, 5, channels=2, head_width=3, season_length=4, **widths)
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
    check_learning(RecurrentNetwork(cell, 3, num_layers, 0.0, encoder, decoder), KINDS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoder", "decoder", "kinds"),
    [
        ("segments", "segments", KINDS),
        ("steps", "dense", CovariateKinds(static=(4,))),
        ("segments", "segments", CovariateKinds()),
    ],
)
def test_networks_learn_under_xla(encoder, decoder, kinds):
    check_learning(RecurrentNetwork("simple_rnn", 3, encoder=encoder, decoder=decoder), kinds)


def check_learning(network, kinds):
    """A few steps of gradient descent lower the loss, and all weights have a part in it."""
    model, inputs = built(network, kinds=kinds), raw_inputs(kinds=kinds)
    before = [weight.numpy() for weight in model.trainable_weights]
    target = np.nan_to_num(windows()[:, :5])
    loss = OutputError(Point(), "mse")
    model.compile(keras.optimizers.SGD(1e-3), loss=loss, jit_compile=True)
    losses = [model.train_on_batch(inputs, target) for _ in range(3)]
    assert losses[2] < losses[0]
    for weight, start in zip(model.trainable_weights, before, strict=True):
        assert not np.array_equal(weight.numpy(), start), weight.path


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


@pytest.mark.slow
@pytest.mark.parametrize("decoder", ["segments", "dense"])
def test_what_only_covariates_know_is_learned(decoder):
    """The target is a sum of four parts, one for each covariate; its own past is noise."""
    kinds = CovariateKinds(past=(NUMBER,), future=(NUMBER, 4), static=(5,))
    generator, count = np.random.default_rng(0), 768
    numbers = generator.normal(-3, 0.1, size=(count, 3))
    codes, static = generator.integers(4, size=(count, 3)), generator.integers(5, size=(count, 1))
    inputs = {
        "past_values": generator.normal(size=(count, 6, 1)),
        "past_covariates": generator.normal(50, 5, size=(count, 6, 1)),
        "future_covariates": np.stack([numbers, codes], -1),
        "static": static,
    }
    inputs = {name: values.astype(np.float32) for name, values in inputs.items()}
    parts = [
        (inputs["past_covariates"][:, 3:, 0] - 50) / 5,
        1.5 * np.abs(numbers + 3) / 0.1,
        np.array([0.0, -1.0, 2.0, 1.0])[codes],
        np.array([0.0, 1.0, -1.0, 2.0, -2.0])[static],
    ]
    target = sum(parts)[..., None]
    assert min(np.var(part) for part in parts) > 0.1 * np.var(target)

    network = RecurrentNetwork(units=16, decoder=decoder, segment_length=3)
    model = built(network, WindowSpec(6, 3), "none", kinds=kinds)
    set_scaling(model, {"past": ([50], [5]), "future": ([-3, 0], [0.1, 1])})
    loss = OutputError(Point(), "mse")
    model.compile(keras.optimizers.Adam(1e-2), loss=loss, steps_per_execution=16)
    train = {name: values[:512] for name, values in inputs.items()}
    model.fit(train, target[:512], epochs=10, batch_size=32, verbose=0)
    error = np.square(answer(model, inputs)[..., 0] - target)[512:]  # of windows never seen
    assert error.mean() < 0.05 * np.var(target)


@pytest.mark.parametrize(
    ("season", "length"),
    [(1, 1), (4, 4), (7, 7), (12, 12), (24, 24), (48, 48), (52, 26), (53, 1), (96, 48), (168, 42)],
)
def test_a_segment_is_a_season_or_a_part_of_it(season, length):
    assert default_segment_length(season) == length


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
