"""The fast path gives the numbers and gradients of the plain path, and when it is taken."""

import gc

import keras
import numpy as np
import pytest

from custom_layers import (
    LSTM1997,
    CoupledLSTM,
    LayerNormLSTM,
    LinearCandidateLSTM,
    LinearOutputLSTM,
    NoForgetGateLSTM,
    NoInputGateLSTM,
    NoOutputGateLSTM,
    NoPeepholeLSTM,
    PeepholeLSTM,
)
from tests.helpers.backends import BACKEND
from tests.helpers.reference_cells import assert_close, inputs

if BACKEND != "tensorflow":
    pytest.skip("the fast path is TensorFlow's", allow_module_level=True)

import tensorflow as tf

from custom_layers import fast_tensorflow

LAYERS = (
    LSTM1997,
    CoupledLSTM,
    LinearCandidateLSTM,
    LinearOutputLSTM,
    NoForgetGateLSTM,
    NoInputGateLSTM,
    NoOutputGateLSTM,
    NoPeepholeLSTM,
    PeepholeLSTM,
)
EVERYTHING = {"return_sequences": True, "return_state": True}
ANY_SHAPE = tf.TensorSpec((None, None, 2), "float64")


@pytest.fixture
def runs(monkeypatch):
    """A list that grows by one each time the fast path is built into a graph."""
    runs, run = [], fast_tensorflow.run

    def recorded(*arguments):
        runs.append(arguments)
        return run(*arguments)

    monkeypatch.setattr(fast_tensorflow, "run", recorded)
    return runs


def built(layer_class, units=4, **options):
    """A layer in which every weight has values of its own, peepholes too."""
    layer = layer_class(units, **{"dtype": "float64", "seed": 1, **options})
    layer.build((None, None, 2))
    rng = np.random.default_rng(3)
    layer.set_weights([rng.normal(size=weight.shape) * 0.6 for weight in layer.weights])
    return layer


def trained_step(layer, signature=ANY_SHAPE, **call):
    """A graph: inputs -> outputs in training, then the gradients of a function of all of them."""

    @tf.function(input_signature=[signature])
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = tf.nest.flatten(layer(x, training=True, **call))
            total = tf.add_n([tf.reduce_sum(tf.sin((k + 2) * y)) for k, y in enumerate(outputs)])
        variables = [variable.value for variable in layer.trainable_variables]
        gradients = tape.gradient(total, [x, *variables], unconnected_gradients="zero")
        return [*outputs, *gradients]

    return step


def check_same(layer_class, runs, x=None, tolerance=1e-9, **options):
    fast, plain = (built(layer_class, use_fast_path=use, **options) for use in (True, False))
    x = inputs(batch=4, time=9).astype(fast.dtype) if x is None else x
    signature = tf.TensorSpec((None, None, 2), fast.dtype)
    found = trained_step(fast, signature)(x)
    assert len(runs) == 1
    assert_close(found, trained_step(plain, signature)(x), tolerance)
    assert len(runs) == 1


@pytest.mark.parametrize("layer_class", LAYERS)
def test_same_numbers_and_gradients(layer_class, runs):
    check_same(layer_class, runs, **EVERYTHING)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"go_backwards": True, "return_sequences": True},
        {"use_bias": False},
        {"peepholes": ("output",)},
        {"peepholes": ("input", "forget"), "return_state": True},
        {"truncate_gradient": True, **EVERYTHING},
        {"dropout": 0.4},
        {"activation": "linear", "output_activation": "sigmoid", "recurrent_activation": "tanh"},
    ],
    ids=lambda options: "-".join(options) or "last",
)
def test_same_with_every_option(options, runs):
    check_same(PeepholeLSTM, runs, **options)


@pytest.mark.slow
def test_same_in_float32(runs):
    check_same(PeepholeLSTM, runs, dtype="float32", tolerance=1e-4, **EVERYTHING)


@pytest.mark.slow
@pytest.mark.parametrize(("batch", "time"), [(1, 6), (3, 30)])
def test_any_batch_and_length(batch, time, runs):
    check_same(PeepholeLSTM, runs, inputs(batch=batch, time=time), **EVERYTHING)


@pytest.mark.slow
def test_same_from_a_given_state(runs):
    states = [tf.constant(values) for values in np.random.default_rng(5).normal(size=(2, 5, 4))]
    x = inputs(batch=5, time=9)

    def found(use_fast_path):
        layer = built(PeepholeLSTM, use_fast_path=use_fast_path)

        @tf.function
        def step(*states):
            with tf.GradientTape() as tape:
                tape.watch(states)
                total = tf.reduce_sum(tf.sin(layer(x, initial_state=states, training=True)))
            return [total, *tape.gradient(total, states)]

        return step(*states)

    assert_close(found(True), found(False), 1e-9)
    assert len(runs) == 1


@pytest.mark.slow
def test_same_fit_and_the_same_bits_again(runs):
    x = inputs(batch=24, time=8).astype("float32")

    def fitted(**options):
        layer = built(PeepholeLSTM, dtype="float32", **options)
        model = keras.Sequential(
            [keras.Input((8, 2)), layer, keras.layers.Dense(1, use_bias=False)]
        )
        model.layers[-1].set_weights([np.ones((4, 1))])
        model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", steps_per_execution=3)
        model.fit(x, x[:, -1, :1], batch_size=8, epochs=3, shuffle=False, verbose=0)
        return model.get_weights()

    fast = fitted()
    assert runs
    assert_close(fast, fitted(use_fast_path=False), 1e-4)
    for first, second in zip(fast, fitted(), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.slow
def test_two_layers_learn_through_each_other(runs):
    """The gradient of the inputs of the second layer trains the first."""
    x = inputs(batch=6, time=7)

    def gradients(use):
        first = built(PeepholeLSTM, use_fast_path=use, return_sequences=True)
        second = keras.Sequential([CoupledLSTM(3, use_fast_path=use, dtype="float64")])
        second.build((None, None, 4))
        second.set_weights([np.full(w.shape, 0.3) for w in second.weights])

        @tf.function
        def step(x):
            with tf.GradientTape() as tape:
                total = tf.reduce_sum(tf.sin(second(first(x, training=True), training=True)))
            return tape.gradient(total, [variable.value for variable in first.trainable_variables])

        return step(x)

    assert_close(gradients(True), gradients(False), 1e-9)
    assert len(runs) == 2


@pytest.mark.parametrize(
    ("layer_class", "options"),
    [
        (PeepholeLSTM, {"use_fast_path": False}),
        (PeepholeLSTM, {"unroll": True}),
        (PeepholeLSTM, {"recurrent_dropout": 0.1}),
        (PeepholeLSTM, {"activation": "softsign"}),
        (PeepholeLSTM, {"dtype": "mixed_bfloat16"}),
        (LayerNormLSTM, {}),
    ],
)
def test_what_it_does_not_know_takes_the_plain_path(layer_class, options, runs):
    layer = built(layer_class, **options)
    assert not layer.compiles_itself
    trained_step(layer, tf.TensorSpec((3, 5, 2), "float64"))(inputs())
    assert runs == []


def test_mask_inference_eager_calls_and_short_sequences_take_the_plain_path(runs):
    layer, x = built(PeepholeLSTM), inputs()
    assert layer.compiles_itself
    trained_step(layer, mask=tf.constant(np.ones((3, 5), bool)))(x)
    trained_step(layer, tf.TensorSpec((3, 1, 2), "float64"))(x[:, :1])
    tf.function(layer)(x)
    layer(x, training=True)
    assert runs == []


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "alone"), [(6, False), (8, True), (None, True)])
def test_few_steps_are_faster_inside_of_another_computation(steps, alone, runs):
    layer = PeepholeLSTM(3)
    layer.build((None, steps, 2))
    assert layer.compiles_itself == alone
    x = inputs(time=steps or 9).astype("float32")
    trained_step(layer, tf.TensorSpec((3, steps, 2), "float32"))(x)
    assert len(runs) == 1


def test_formula_that_is_changed_is_not_taken_for_the_known_one(runs):
    class LouderCell(PeepholeLSTM.cell_class):
        def _hidden(self, o, c):
            return 2 * super()._hidden(o, c)

    class Louder(PeepholeLSTM):
        cell_class = LouderCell

    trained_step(built(Louder))(inputs())
    assert runs == []


def test_switch_is_part_of_the_config():
    layer = PeepholeLSTM(3, use_fast_path=False)
    assert PeepholeLSTM.from_config(layer.get_config()).use_fast_path is False
    assert "use_fast_path" in PeepholeLSTM.__doc__


def test_training_steps_share_a_graph_and_leave_none_behind():
    """TensorFlow keeps the graph around a custom gradient as long as the process lives."""

    def train():
        layer = PeepholeLSTM(2)

        @tf.function(autograph=False)
        def step(x):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(layer(x, training=True))
            return tape.gradient(loss, layer.trainable_variables)

        assert all(np.isfinite(gradient).all() for gradient in step(tf.ones((4, 5, 3))))

    def graphs_left():
        train()
        gc.collect()
        return sum("FuncGraph" in str(type(part)) for part in gc.get_objects())

    assert graphs_left() == graphs_left() > 0
