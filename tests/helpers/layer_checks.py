"""Checks that every recurrent cell and layer must pass; a new one gets all of them in one line.

Each check takes a `ReferenceCell`, which states what the cell or layer should compute. They run on
every backend of Keras.
"""

from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.argument_checks import (
    check_bad_arguments,
    check_bad_calls,
    check_config,
    check_regularizers_and_constraints,
)
from tests.helpers.backends import BACKEND, paths, value_and_gradients
from tests.helpers.model_checks import check_export, check_saved_file
from tests.helpers.reference_cells import (
    BATCH,
    FEATURES,
    TIME,
    UNITS,
    as_array,
    assert_close,
    inputs,
    slope,
)

# Steps missing on the left, on the right, and in between.
MASK = np.array([[0, 0, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 1, 0, 1]], bool)
BOTH = {"return_sequences": True, "return_state": True}


def check_forward(reference):
    """Check outputs, eager and compiled, in both precisions, from zero and from given states."""
    weights, x, states = reference.random_weights(1), inputs(), reference.random_states(2)
    zeros, given = (None, states), (states, None)
    for dtype, tolerance, starts in (("float32", 1e-5, zeros), ("float64", 1e-9, given)):
        layer = reference.loaded(weights, dtype=dtype, **BOTH)
        for path in paths(layer):
            # Compiling takes most of the time: one start for each precision.
            for start in starts if path is layer else starts[:1]:
                start = start and [state.astype(dtype) for state in start]
                found = path(keras.ops.convert_to_tensor(x, dtype), initial_state=start)
                for tensor in found:
                    assert keras.backend.standardize_dtype(tensor.dtype) == dtype
                assert_close(found, reference.run(weights, x, start), tolerance)


def check_options(reference):
    weights, x = reference.random_weights(2), inputs()
    for backwards in (False, True):
        outputs, *states = reference.run(weights, x, backwards=backwards)
        for unroll in (False, True):
            options = {"go_backwards": backwards, "unroll": unroll}
            assert_close(reference.loaded(weights, **options)(x), outputs[:, -1], 1e-9)
            every = reference.loaded(weights, return_sequences=True, **options)(x)
            assert_close(every, outputs, 1e-9)
            last = reference.loaded(weights, return_state=True, **options)(x)
            assert_close(last, [outputs[:, -1], *states], 1e-9)


def check_masks(reference):
    weights, x, states = reference.random_weights(3), inputs(), reference.random_states(2)
    for backwards in (False, True):
        for zero in (False, True):
            options = {"go_backwards": backwards, "zero_output_for_mask": zero}
            found = reference.loaded(weights, **BOTH, **options)(x, initial_state=states, mask=MASK)
            assert_close(found, reference.run(weights, x, states, MASK, backwards, zero), 1e-9)


def check_gradients(reference):
    """Check gradients of weights, inputs and initial states under a mask; compiled in float32."""
    weights, x, states = reference.random_weights(4), inputs(), reference.random_states(5)
    pulls = [
        np.random.default_rng(6).normal(size=values.shape) for values in reference.run(weights, x)
    ]
    cut = reference.with_cuts(weights, x, states, MASK)

    def expected_total():
        found = cut.run(weights, x, states, MASK)
        return sum((values * pull).sum() for values, pull in zip(found, pulls, strict=True))

    def found(dtype, compiled):
        layer = reference.loaded(weights, dtype=dtype, **BOTH)

        def total(x, *states):
            outputs = layer(x, initial_state=list(states), mask=MASK)
            weighed = [
                values * keras.ops.convert_to_tensor(pull, dtype)
                for values, pull in zip(outputs, pulls, strict=True)
            ]
            return sum(map(keras.ops.sum, weighed))

        arrays = [array.astype(dtype) for array in (x, *states)]
        return value_and_gradients(total, layer, arrays, compiled)

    total, gradients = found("float64", compiled=False)
    assert_close(total, expected_total(), 1e-9)
    watched = [*vars(weights).values(), x, *states]
    assert_close(gradients, [slope(expected_total, array) for array in watched], 1e-7)
    for compiled in (False, True):
        _, rounded = found("float32", compiled)
        assert_close(rounded, gradients, 1e-4)


def check_random_shapes(reference):
    sizes = st.integers(1, 6)

    @settings(max_examples=6, deadline=None, derandomize=True, database=None)
    @given(st.data(), st.tuples(sizes, sizes, sizes, sizes))
    def holds(data, shape):
        batch, time, features, units = shape
        weights = reference.random_weights(data.draw(st.integers(0, 999)), units, features)
        layer = reference.loaded(weights, units, features, return_sequences=True)
        assert layer.count_params() == sum(values.size for values in vars(weights).values())
        x = inputs(1, batch, time, features)
        expected = reference.run(weights, x, units=units)[0]
        assert_close(layer(x), expected, 1e-9)
        # Neither padding on the right nor the other rows of the batch change a row.
        row, length = data.draw(st.integers(0, batch - 1)), data.draw(st.integers(1, time))
        alone = layer(x[row : row + 1], mask=np.arange(time)[None] < length)
        assert_close(alone[:, :length], expected[row : row + 1, :length], 1e-9)

    holds()


def check_without_bias(reference):
    weights, x = reference.random_weights(24), inputs()
    if not hasattr(weights, "bias"):
        return
    weights.bias = np.zeros_like(weights.bias)
    others = {name: values for name, values in vars(weights).items() if name != "bias"}
    layer = reference.loaded(SimpleNamespace(**others), use_bias=False, return_sequences=True)
    assert_close(layer(x), reference.run(weights, x)[0], 1e-9)


def check_stateful(reference):
    weights, x = reference.random_weights(9), inputs()
    template = reference.loaded(weights, return_sequences=True)
    layer = reference.tested.from_config({**template.get_config(), "stateful": True})
    layer.build((BATCH, None, FEATURES))
    layer.set_weights(template.get_weights())
    expected = reference.run(weights, x)[0]
    for _ in range(2):
        parts = [as_array(layer(x[:, :2])), as_array(layer(x[:, 2:]))]
        assert_close(np.concatenate(parts, axis=1), expected, 1e-9)
        layer.reset_state()
    with pytest.raises(ValueError, match=r"(?s)Expected batch size: 3.*Received batch size: 2"):
        layer(x[:2])


def check_bidirectional(reference):
    ahead, back, x = reference.random_weights(10), reference.random_weights(11), inputs()
    both = keras.layers.Bidirectional(reference.loaded(ahead, **BOTH), dtype="float64")
    both.build((None, None, FEATURES))
    both.forward_layer.set_weights(list(vars(ahead).values()))
    both.backward_layer.set_weights(list(vars(back).values()))
    outputs, *states = reference.run(ahead, x)
    back_outputs, *back_states = reference.run(back, x, backwards=True)
    joined = np.concatenate([outputs, back_outputs[:, ::-1]], axis=-1)
    assert_close(both(x), [joined, *states, *back_states], 1e-9)


def check_time_distributed(reference):
    weights, x = reference.random_weights(25), inputs(batch=2 * BATCH)
    layer = keras.layers.TimeDistributed(reference.loaded(weights), dtype="float64")
    expected = reference.run(weights, x)[0][:, -1]
    # (B * 2, L, F) -> (B, 2, L, F), a sequence at each of 2 outer steps
    found = layer(x.reshape(BATCH, 2, TIME, FEATURES))
    assert_close(found, expected.reshape(BATCH, 2, -1), 1e-9)


def check_dropout(reference):
    """Check that all gates and steps share one mask for x and one for h, new for each batch."""
    weights, x = reference.random_weights(12), inputs()
    config = reference.tested(UNITS, **reference.arguments).get_config()
    rates = {"dropout": 0.3, "recurrent_dropout": 0.4}
    rates = {name: rate for name, rate in rates.items() if name in config}
    options = {**rates, "return_sequences": True}
    assert_close(
        reference.loaded(weights, seed=7, **options)(x), reference.run(weights, x)[0], 1e-9
    )

    layer = reference.loaded(weights, seed=7, **options)
    first, second = as_array(layer(x, training=True)), as_array(layer(x, training=True))
    source = keras.random.SeedGenerator(7)
    widths = (FEATURES, reference.state_sizes(UNITS)[0])
    masks = [
        as_array(keras.random.dropout(keras.ops.ones((BATCH, width), "float64"), rate, seed=source))
        for width, rate in zip(widths, rates.values(), strict=False)
    ]
    # To drop a value is to drop the row of the kernel that it meets; another one for each series.
    for row in range(BATCH):
        kernels = zip(("kernel", "recurrent_kernel"), masks, strict=False)
        dropped = {name: mask[row, :, None] * getattr(weights, name) for name, mask in kernels}
        expected = reference.run(SimpleNamespace(**vars(weights) | dropped), x[row : row + 1])[0]
        assert_close(first[row : row + 1], expected, 1e-9)
    again = reference.loaded(weights, seed=7, **options)(x, training=True)
    np.testing.assert_array_equal(as_array(again), first)
    other = as_array(reference.loaded(weights, seed=8, **options)(x, training=True))
    assert np.abs(second - first).max() > 0.01
    assert np.abs(other - first).max() > 0.01


def check_mixed_precision(reference):
    weights, x = reference.random_weights(15), inputs()
    layer = reference.loaded(weights, dtype="mixed_float16")
    output = layer(x)
    assert keras.backend.standardize_dtype(output.dtype) == "float16"
    assert {variable.dtype for variable in layer.weights} == {"float32"}
    assert_close(output, reference.run(weights, x)[0][:, -1], 0.01)


def check_trace(reference):
    """Check that `trace` gives the values of the formula, without dropout."""
    weights, x, states = reference.random_weights(26), inputs(), reference.random_states(2)
    layer = reference.loaded(weights, dropout=0.5)
    backwards = reference.loaded(weights, go_backwards=True)
    found = {
        (False, False): layer.trace(x),
        (True, False): layer.trace(x, initial_state=states, mask=MASK),
        (True, True): backwards.trace(x, initial_state=states, mask=MASK),
    }
    values = reference.values or (lambda *step: {"hidden": reference.step(*step)[0]})
    shown = values(weights, x[:, 0], states)
    assert list(layer.trace(x)) == list(shown) or reference.values is None
    for (from_states, reverse), trace in found.items():
        start, mask = (states, MASK) if from_states else (None, None)
        for name in shown:
            watching = replace(
                reference,
                step=lambda *step, name=name: (values(*step)[name], reference.step(*step)[1]),
            )
            expected = watching.run(weights, x, start, mask, reverse)[0]
            assert_close(trace[name], expected, 1e-9)


def check_step(reference):
    weights, x, states = (
        reference.random_weights(20),
        inputs(time=1)[:, 0],
        reference.random_states(21),
    )
    output, new_states = reference.step(weights, x, tuple(states))
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-9)):
        cell = reference.loaded(weights, dtype=dtype)
        given = [state.astype(dtype) for state in states]
        assert_close(cell(x, given), [output, list(new_states)], tolerance)


def check_under_rnn(reference):
    """Check a cell under `keras.layers.RNN`, and two in `keras.layers.StackedRNNCells`."""
    x, first = inputs(), reference.random_weights(22)
    outputs, *states = reference.run(first, x)
    width = outputs.shape[-1]
    second = reference.random_weights(23, features=width)
    top, *top_states = reference.run(second, outputs)
    cells = [reference.loaded(first), reference.loaded(second, features=width)]

    single = keras.layers.RNN(cells[0], return_sequences=True, dtype="float64")
    assert_close(single(x), outputs, 1e-9)
    stack = keras.layers.StackedRNNCells(cells, dtype="float64")
    stacked = keras.layers.RNN(stack, dtype="float64", **BOTH)
    assert_close(stacked(x), [top, states, top_states], 1e-9)


# For a layer that differs from one that passes all checks in its data only.
VARIANT_CHECKS = (
    check_forward,
    check_options,
    check_masks,
    check_gradients,
    check_without_bias,
    check_dropout,
    check_trace,
    check_config,
    check_regularizers_and_constraints,
    check_bad_arguments,
    check_bad_calls,
)

LAYER_CHECKS = (
    *VARIANT_CHECKS,
    check_random_shapes,
    check_stateful,
    check_bidirectional,
    check_time_distributed,
    check_mixed_precision,
    check_saved_file,
    *([check_export] if BACKEND == "tensorflow" else []),
)

CELL_CHECKS = (
    check_step,
    check_under_rnn,
    check_config,
    check_regularizers_and_constraints,
    check_bad_arguments,
)
