"""What every recurrent cell and layer must pass; a new one gets all of it in one line.

Each check takes a `Member`, which states what the cell or layer should compute.
"""

import json
import re
import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from .judge import (
    BATCH,
    FEATURES,
    TIME,
    UNITS,
    assert_close,
    fused,
    inputs,
    loaded,
    random_weights,
    run_reference,
    slope,
)

# Steps missing on the left, on the right, and in between.
MASK = np.array([[0, 0, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 1, 0, 1]], bool)
KINDS = ("kernel", "recurrent", "bias", "peephole")


def check_forward(member):
    """Eager, graph and XLA, in both precisions, from zero and from given states."""
    weights, x, states = random_weights(member, 1), inputs(), list(inputs(2, 2, BATCH, UNITS))
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-9)):
        layer = loaded(member, weights, dtype=dtype, return_sequences=True, return_state=True)
        for path in (layer, tf.function(layer), tf.function(layer, jit_compile=True)):
            for start in (None, states):
                found = path(tf.constant(x, dtype), initial_state=start)
                expected = run_reference(member.step, weights, x, start)
                for got, wanted in zip(found, expected, strict=True):
                    assert got.dtype == dtype
                    assert_close(got, wanted, tolerance)


def check_options(member):
    weights, x = random_weights(member, 2), inputs()
    for backwards in (False, True):
        outputs, h, c = run_reference(member.step, weights, x, backwards=backwards)
        for unroll in (False, True):
            options = {"go_backwards": backwards, "unroll": unroll}
            assert_close(loaded(member, weights, **options)(x), h, 1e-9)
            every = loaded(member, weights, return_sequences=True, **options)(x)
            assert_close(every, outputs, 1e-9)
            last, *states = loaded(member, weights, return_state=True, **options)(x)
            assert_close(last, h, 1e-9)
            assert_close(states, [h, c], 1e-9)


def check_masks(member):
    weights, x = random_weights(member, 3), inputs()
    flags = {"return_sequences": True, "return_state": True}
    for backwards in (False, True):
        for zero in (False, True):
            options = {"go_backwards": backwards, "zero_output_for_mask": zero}
            found = loaded(member, weights, **flags, **options)(x, mask=MASK)
            expected = run_reference(member.step, weights, x, None, MASK, backwards, zero)
            for got, wanted in zip(found, expected, strict=True):
                assert_close(got, wanted, 1e-9)


def check_gradients(member):
    """For all weights, inputs and initial states, under a mask."""
    weights, x, states = random_weights(member, 4), inputs(), inputs(5, 2, BATCH, UNITS)
    pull, pull_c = inputs(6, BATCH, TIME, UNITS), inputs(7, 1, BATCH, UNITS)[0]

    def loss():
        outputs, _, c = run_reference(member.step, weights, x, tuple(states), MASK)
        return (outputs * pull).sum() + (c * pull_c).sum()

    layer = loaded(member, weights, return_sequences=True, return_state=True)
    x_tensor, state_tensor = tf.constant(x), tf.constant(states)
    with tf.GradientTape() as tape:
        tape.watch([x_tensor, state_tensor])
        outputs, _, c = layer(x_tensor, initial_state=tf.unstack(state_tensor), mask=MASK)
        total = tf.reduce_sum(outputs * pull) + tf.reduce_sum(c * pull_c)
    assert_close(total, loss(), 1e-9)
    variables = [variable.value for variable in layer.trainable_variables]
    gradients = tape.gradient(total, [*variables, x_tensor, state_tensor])

    slopes = type(weights)(**{name: slope(loss, array) for name, array in vars(weights).items()})
    expected = [*fused(member.blocks, slopes, member.gates), slope(loss, x), slope(loss, states)]
    for gradient, wanted in zip(gradients, expected, strict=True):
        assert_close(gradient, wanted, 1e-7)


def check_random_shapes(member):
    sizes = st.integers(1, 6)

    @settings(max_examples=25, deadline=None, derandomize=True, database=None)
    @given(st.data(), st.tuples(sizes, sizes, sizes, sizes), st.sets(st.sampled_from(member.gates)))
    def holds(data, shape, peepholes):
        batch, time, features, units = shape
        weights = random_weights(member, data.draw(st.integers(0, 999)), units, features, peepholes)
        layer = loaded(member, weights, units, features, peepholes, return_sequences=True)
        width = len(member.blocks) * units
        assert layer.count_params() == width * (features + units + 1) + len(peepholes) * units
        x = inputs(1, batch, time, features)
        expected, _, _ = run_reference(member.step, weights, x)
        assert_close(layer(x), expected, 1e-9)
        # Neither padding on the right nor the other rows of the batch change a row.
        row, length = data.draw(st.integers(0, batch - 1)), data.draw(st.integers(1, time))
        alone = layer(x[row : row + 1], mask=np.arange(time)[None] < length)
        assert_close(alone[:, :length], expected[row : row + 1, :length], 1e-9)

    holds()


def check_becomes_lstm(member):
    """Without peepholes, and with peepholes of weight zero; with other activations too."""
    weights, x = random_weights(member, 8, peepholes=()), inputs()
    for activations in ({}, {"activation": "softsign", "recurrent_activation": "hard_sigmoid"}):
        lstm = keras.layers.LSTM(UNITS, return_sequences=True, dtype="float64", **activations)
        lstm.build((None, None, FEATURES))
        lstm.set_weights(fused("ifgo", member.as_lstm(weights)))
        for peepholes in ((), member.gates):
            options = {"peepholes": peepholes, "return_sequences": True, **activations}
            assert_close(loaded(member, weights, **options)(x), lstm(x), 1e-12)


def check_without_bias(member):
    weights, x = random_weights(member, 24), inputs()
    for letter in member.blocks:
        setattr(weights, f"b_{letter}", np.zeros(UNITS))
    kernel, recurrent_kernel, _, peephole_kernel = fused(member.blocks, weights, member.gates)
    layer = member.tested(UNITS, use_bias=False, dtype="float64")
    layer.build((None, None, FEATURES))
    layer.set_weights([kernel, recurrent_kernel, peephole_kernel])
    assert_close(layer(x), run_reference(member.step, weights, x)[1], 1e-9)


def check_stateful(member):
    weights, x = random_weights(member, 9), inputs()
    template = loaded(member, weights, return_sequences=True)
    layer = member.tested.from_config({**template.get_config(), "stateful": True})
    layer.build((BATCH, None, FEATURES))
    layer.set_weights(template.get_weights())
    expected, _, _ = run_reference(member.step, weights, x)
    for _ in range(2):
        parts = [layer(x[:, :2]), layer(x[:, 2:])]
        assert_close(np.concatenate(parts, axis=1), expected, 1e-9)
        layer.reset_state()


def check_bidirectional(member):
    ahead, back, x = random_weights(member, 10), random_weights(member, 11), inputs()
    layer = loaded(member, ahead, return_sequences=True, return_state=True)
    both = keras.layers.Bidirectional(layer, dtype="float64")
    both.build((None, None, FEATURES))
    both.forward_layer.set_weights(fused(member.blocks, ahead, member.gates))
    both.backward_layer.set_weights(fused(member.blocks, back, member.gates))
    outputs, *states = run_reference(member.step, ahead, x)
    back_outputs, *back_states = run_reference(member.step, back, x, backwards=True)
    got, *got_states = both(x)
    assert_close(got, np.concatenate([outputs, back_outputs[:, ::-1]], axis=-1), 1e-9)
    assert_close(got_states, [*states, *back_states], 1e-9)


def check_dropout(member):
    """One mask for x and one for h, for all gates and steps, new for every batch."""
    weights, x = random_weights(member, 12), inputs()
    rates = {"dropout": 0.3, "recurrent_dropout": 0.4, "return_sequences": True}
    inference = loaded(member, weights, seed=7, **rates)(x)
    assert_close(inference, run_reference(member.step, weights, x)[0], 1e-9)

    layer = loaded(member, weights, seed=7, **rates)
    first, second = layer(x, training=True), layer(x, training=True)
    source = keras.random.SeedGenerator(7)
    x_mask = np.asarray(keras.random.dropout(np.ones((BATCH, FEATURES)), 0.3, seed=source))
    h_mask = np.asarray(keras.random.dropout(np.ones((BATCH, UNITS)), 0.4, seed=source))

    def masked_step(w, x, h, c):
        return member.step(w, x * x_mask, h * h_mask, c)

    assert_close(first, run_reference(masked_step, weights, x)[0], 1e-9)
    np.testing.assert_array_equal(loaded(member, weights, seed=7, **rates)(x, training=True), first)
    other = loaded(member, weights, seed=8, **rates)(x, training=True)
    assert np.abs(second - first).max() > 0.01
    assert np.abs(other - first).max() > 0.01


def check_training(member):
    """Eager, graph and XLA take the same steps, and learn; training with dropout is seeded."""
    x = inputs(13, 32).astype("float32")
    y = x.sum(axis=1)

    def trained(dropout, **options):
        weights = random_weights(member, 14)
        layer = loaded(member, weights, dtype="float32", dropout=dropout, seed=1)
        dense = keras.layers.Dense(FEATURES, kernel_initializer="ones")
        model = keras.Sequential([keras.Input((TIME, FEATURES)), layer, dense])
        model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse", **options)
        losses = model.fit(x, y, batch_size=32, epochs=6, shuffle=False, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
        return np.concatenate([values.ravel() for values in model.get_weights()])

    eager = trained(0.0, run_eagerly=True)
    assert_close(trained(0.0, jit_compile=False), eager, 1e-5)
    assert_close(trained(0.0, jit_compile=True), eager, 1e-5)
    # XLA draws other random numbers than TensorFlow, so it is compared with itself.
    dropped = trained(0.3, jit_compile=True)
    np.testing.assert_array_equal(trained(0.3, jit_compile=True), dropped)
    assert np.abs(dropped - eager).max() > 0.001


def check_mixed_precision(member):
    weights, x = random_weights(member, 15), inputs()
    layer = loaded(member, weights, dtype="mixed_float16")
    output = layer(x)
    assert output.dtype == "float16"
    assert {variable.dtype for variable in layer.weights} == {"float32"}
    assert_close(output, run_reference(member.step, weights, x)[1], 0.01)


def check_config(member):
    """Every argument is in the config with its value, comes back, and is in the docstring."""
    arguments = {"units": 5, "peepholes": ["output"], "use_bias": False, "unit_forget_bias": False}
    arguments |= {"activation": "softsign", "recurrent_activation": "hard_sigmoid", "seed": 3}
    arguments |= {"dropout": 0.1, "recurrent_dropout": 0.2, "name": "mine", "trainable": False}
    for kind in KINDS:
        arguments[f"{kind}_initializer"] = keras.initializers.RandomNormal(seed=4)
        arguments[f"{kind}_regularizer"] = keras.regularizers.L2(0.5)
        arguments[f"{kind}_constraint"] = keras.constraints.MaxNorm(3)
    if issubclass(member.tested, keras.layers.RNN):
        flags = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll")
        arguments |= {flag: True for flag in (*flags, "zero_output_for_mask")}
        arguments["activity_regularizer"] = keras.regularizers.L1(0.1)
    layer = member.tested(**arguments, dtype="float64")
    config = json.loads(json.dumps(layer.get_config()))
    assert set(config) == {*arguments, "dtype"}
    for name, value in arguments.items():
        assert config[name] == value or config[name]["config"] == value.get_config()
        assert re.search(rf"\b{name}\b", member.tested.__doc__), name
    again = member.tested.from_config(config)
    assert again.get_config() == layer.get_config()
    assert again.dtype == "float64"


def check_regularizers_and_constraints(member):
    arguments = {f"{kind}_regularizer": keras.regularizers.L2(k) for k, kind in enumerate(KINDS)}
    arguments |= {
        f"{kind}_constraint": keras.constraints.MaxNorm(k) for k, kind in enumerate(KINDS)
    }
    weights = random_weights(member, 16)
    layer = loaded(member, weights, **arguments)
    values = fused(member.blocks, weights, member.gates)
    assert_close(layer.losses, [k * (value**2).sum() for k, value in enumerate(values)], 1e-6)
    assert [variable.constraint.max_value for variable in layer.trainable_variables] == [0, 1, 2, 3]


def check_saved_file(member):
    """Loading a .keras file needs no `custom_objects`."""
    weights, x = random_weights(member, 17), inputs()
    layer = loaded(member, weights, return_sequences=True, dropout=0.2, dtype="float32")
    both = keras.layers.Bidirectional(member.tested(3, return_sequences=True))
    cells = keras.layers.RNN([layer.cell_class(3), layer.cell_class(2)])
    model = keras.Sequential([keras.Input((None, FEATURES)), layer, both, cells])
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        again = keras.saving.load_model(f"{folder}/model.keras")
    np.testing.assert_array_equal(again(x), model(x))
    assert_close(again.layers[0](x), run_reference(member.step, weights, x)[0], 1e-5)


def check_export(member):
    """A SavedModel takes batches and sequences of any length."""
    weights = random_weights(member, 18)
    layer = loaded(member, weights, dtype="float32", dropout=0.2, recurrent_dropout=0.2)
    model = keras.Sequential([keras.Input((None, FEATURES)), layer])
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        saved = tf.saved_model.load(folder)
    for batch, time in ((1, 7), (4, 3)):
        x = inputs(19, batch, time)
        expected = run_reference(member.step, weights, x)[1]
        assert_close(saved.serve(tf.constant(x, "float32")), expected, 1e-5)


def check_bad_arguments(member):
    for units in (0, -1, 2.0, True, "8", None):
        with pytest.raises(ValueError, match=r"`units` must be a positive int. Received: units="):
            member.tested(units)
    for peepholes in (("inptu",), ("candidate",), ("output", "output"), [None]):
        with pytest.raises(ValueError, match=r"`peepholes` must name gates out of \('input'"):
            member.tested(4, peepholes=peepholes)
    for peepholes in ("output", "", 3, True):
        with pytest.raises(TypeError, match="`peepholes` must be a sequence of gate names"):
            member.tested(4, peepholes=peepholes)
    for name in ("dropout", "recurrent_dropout"):
        for rate in (-0.1, 1.0, 20, float("nan")):
            with pytest.raises(ValueError, match=rf"`{name}` must be in \[0, 1\). Received"):
                member.tested(4, **{name: rate})
    with pytest.raises(ValueError, match="Unrecognized keyword arguments"):
        member.tested(4, use_cudnn=True)


def check_step(member):
    weights = random_weights(member, 20)
    x, (h, c) = inputs(time=1)[:, 0], inputs(21, 2, BATCH, UNITS)
    expected_h, expected_c = member.step(weights, x, h, c)
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-9)):
        output, states = loaded(member, weights, dtype=dtype)(x, [h, c])
        assert_close(output, expected_h, tolerance)
        assert_close(states, [expected_h, expected_c], tolerance)


def check_under_rnn(member):
    """Alone under `keras.layers.RNN`, and two in `keras.layers.StackedRNNCells`."""
    first, second = random_weights(member, 22), random_weights(member, 23, features=UNITS)
    cells = [loaded(member, first), loaded(member, second, features=UNITS)]
    x = inputs()
    hidden, *states = run_reference(member.step, first, x)
    top, *top_states = run_reference(member.step, second, hidden)

    single = keras.layers.RNN(cells[0], return_sequences=True, dtype="float64")
    assert_close(single(x), hidden, 1e-9)
    stack = keras.layers.StackedRNNCells(cells, dtype="float64")
    stacked = keras.layers.RNN(stack, return_sequences=True, return_state=True, dtype="float64")
    output, *found = stacked(x)
    assert_close(output, top, 1e-9)
    assert_close(found, [states, top_states], 1e-9)


# NumPy passes `copy` to `__array__`, which TensorFlow's variables do not take yet.
NUMPY_COPY = "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"

LAYER_CHECKS = (
    check_forward,
    check_options,
    check_masks,
    check_gradients,
    check_random_shapes,
    check_becomes_lstm,
    check_without_bias,
    check_stateful,
    check_bidirectional,
    check_dropout,
    check_training,
    check_mixed_precision,
    check_config,
    check_regularizers_and_constraints,
    pytest.param(check_saved_file, marks=pytest.mark.filterwarnings(NUMPY_COPY)),
    check_export,
    check_bad_arguments,
)
CELL_CHECKS = (
    check_step,
    check_under_rnn,
    check_config,
    check_regularizers_and_constraints,
    check_bad_arguments,
)
