"""What every recurrent cell and layer must pass; a new one gets all of it in one line.

Each check takes a `Member`, which states what the cell or layer should compute. They run on
whichever backend Keras has; what TensorFlow alone has is at the end.
"""

import json
import re
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .backends import BACKEND, compile_options, compiling, paths, value_and_gradients
from .judge import BATCH, FEATURES, TIME, UNITS, as_array, assert_close, inputs, slope

# Steps missing on the left, on the right, and in between.
MASK = np.array([[0, 0, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 1, 0, 1]], bool)
FLAGS = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll")
BOTH = {"return_sequences": True, "return_state": True}


def check_forward(member):
    """Eager and compiled, in both precisions, from zero and from given states."""
    weights, x, states = member.random_weights(1), inputs(), member.random_states(2)
    zeros, given = (None, states), (states, None)
    for dtype, tolerance, starts in (("float32", 1e-5, zeros), ("float64", 1e-9, given)):
        layer = member.loaded(weights, dtype=dtype, **BOTH)
        for path in paths(layer):
            # Compiling takes most of the time: one start for each precision.
            for start in starts if path is layer else starts[:1]:
                start = start and [state.astype(dtype) for state in start]
                found = path(keras.ops.convert_to_tensor(x, dtype), initial_state=start)
                for tensor in found:
                    assert keras.backend.standardize_dtype(tensor.dtype) == dtype
                assert_close(found, member.run(weights, x, start), tolerance)


def check_options(member):
    weights, x = member.random_weights(2), inputs()
    for backwards in (False, True):
        outputs, *states = member.run(weights, x, backwards=backwards)
        for unroll in (False, True):
            options = {"go_backwards": backwards, "unroll": unroll}
            assert_close(member.loaded(weights, **options)(x), outputs[:, -1], 1e-9)
            every = member.loaded(weights, return_sequences=True, **options)(x)
            assert_close(every, outputs, 1e-9)
            last = member.loaded(weights, return_state=True, **options)(x)
            assert_close(last, [outputs[:, -1], *states], 1e-9)


def check_masks(member):
    weights, x, states = member.random_weights(3), inputs(), member.random_states(2)
    for backwards in (False, True):
        for zero in (False, True):
            options = {"go_backwards": backwards, "zero_output_for_mask": zero}
            found = member.loaded(weights, **BOTH, **options)(x, initial_state=states, mask=MASK)
            assert_close(found, member.run(weights, x, states, MASK, backwards, zero), 1e-9)


def check_gradients(member):
    """For all weights, inputs and initial states, under a mask; compiled ones in float32."""
    weights, x, states = member.random_weights(4), inputs(), member.random_states(5)
    pulls = [
        np.random.default_rng(6).normal(size=values.shape) for values in member.run(weights, x)
    ]
    judge = member.with_cuts(weights, x, states, MASK)

    def reference():
        found = judge.run(weights, x, states, MASK)
        return sum((values * pull).sum() for values, pull in zip(found, pulls, strict=True))

    def found(dtype, compiled):
        layer = member.loaded(weights, dtype=dtype, **BOTH)

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
    assert_close(total, reference(), 1e-9)
    watched = [*vars(weights).values(), x, *states]
    assert_close(gradients, [slope(reference, array) for array in watched], 1e-7)
    for compiled in (False, True):
        _, rounded = found("float32", compiled)
        assert_close(rounded, gradients, 1e-4)


def check_random_shapes(member):
    sizes = st.integers(1, 6)

    @settings(max_examples=6, deadline=None, derandomize=True, database=None)
    @given(st.data(), st.tuples(sizes, sizes, sizes, sizes))
    def holds(data, shape):
        batch, time, features, units = shape
        weights = member.random_weights(data.draw(st.integers(0, 999)), units, features)
        layer = member.loaded(weights, units, features, return_sequences=True)
        assert layer.count_params() == sum(values.size for values in vars(weights).values())
        x = inputs(1, batch, time, features)
        expected = member.run(weights, x, units=units)[0]
        assert_close(layer(x), expected, 1e-9)
        # Neither padding on the right nor the other rows of the batch change a row.
        row, length = data.draw(st.integers(0, batch - 1)), data.draw(st.integers(1, time))
        alone = layer(x[row : row + 1], mask=np.arange(time)[None] < length)
        assert_close(alone[:, :length], expected[row : row + 1, :length], 1e-9)

    holds()


def check_without_bias(member):
    weights, x = member.random_weights(24), inputs()
    if not hasattr(weights, "bias"):
        return
    weights.bias = np.zeros_like(weights.bias)
    others = {name: values for name, values in vars(weights).items() if name != "bias"}
    layer = member.loaded(SimpleNamespace(**others), use_bias=False, return_sequences=True)
    assert_close(layer(x), member.run(weights, x)[0], 1e-9)


def check_stateful(member):
    weights, x = member.random_weights(9), inputs()
    template = member.loaded(weights, return_sequences=True)
    layer = member.tested.from_config({**template.get_config(), "stateful": True})
    layer.build((BATCH, None, FEATURES))
    layer.set_weights(template.get_weights())
    expected = member.run(weights, x)[0]
    for _ in range(2):
        parts = [as_array(layer(x[:, :2])), as_array(layer(x[:, 2:]))]
        assert_close(np.concatenate(parts, axis=1), expected, 1e-9)
        layer.reset_state()
    with pytest.raises(ValueError, match=r"(?s)Expected batch size: 3.*Received batch size: 2"):
        layer(x[:2])


def check_bidirectional(member):
    ahead, back, x = member.random_weights(10), member.random_weights(11), inputs()
    both = keras.layers.Bidirectional(member.loaded(ahead, **BOTH), dtype="float64")
    both.build((None, None, FEATURES))
    both.forward_layer.set_weights(list(vars(ahead).values()))
    both.backward_layer.set_weights(list(vars(back).values()))
    outputs, *states = member.run(ahead, x)
    back_outputs, *back_states = member.run(back, x, backwards=True)
    joined = np.concatenate([outputs, back_outputs[:, ::-1]], axis=-1)
    assert_close(both(x), [joined, *states, *back_states], 1e-9)


def check_time_distributed(member):
    weights, x = member.random_weights(25), inputs(batch=2 * BATCH)
    layer = keras.layers.TimeDistributed(member.loaded(weights), dtype="float64")
    expected = member.run(weights, x)[0][:, -1]
    # (B * 2, L, F) -> (B, 2, L, F), a sequence at each of 2 outer steps
    found = layer(x.reshape(BATCH, 2, TIME, FEATURES))
    assert_close(found, expected.reshape(BATCH, 2, -1), 1e-9)


def check_dropout(member):
    """One mask for x and one for h, for all gates and steps, new for every batch."""
    weights, x = member.random_weights(12), inputs()
    config = member.tested(UNITS, **member.arguments).get_config()
    rates = {"dropout": 0.3, "recurrent_dropout": 0.4}
    rates = {name: rate for name, rate in rates.items() if name in config}
    options = {**rates, "return_sequences": True}
    assert_close(member.loaded(weights, seed=7, **options)(x), member.run(weights, x)[0], 1e-9)

    layer = member.loaded(weights, seed=7, **options)
    first, second = as_array(layer(x, training=True)), as_array(layer(x, training=True))
    source = keras.random.SeedGenerator(7)
    widths = (FEATURES, member.state_sizes(UNITS)[0])
    masks = [
        as_array(keras.random.dropout(keras.ops.ones((BATCH, width), "float64"), rate, seed=source))
        for width, rate in zip(widths, rates.values(), strict=False)
    ]
    # To drop a value is to drop the row of the kernel that it meets; another one for each series.
    for row in range(BATCH):
        kernels = zip(("kernel", "recurrent_kernel"), masks, strict=False)
        dropped = {name: mask[row, :, None] * getattr(weights, name) for name, mask in kernels}
        expected = member.run(SimpleNamespace(**vars(weights) | dropped), x[row : row + 1])[0]
        assert_close(first[row : row + 1], expected, 1e-9)
    again = member.loaded(weights, seed=7, **options)(x, training=True)
    np.testing.assert_array_equal(as_array(again), first)
    other = as_array(member.loaded(weights, seed=8, **options)(x, training=True))
    assert np.abs(second - first).max() > 0.01
    assert np.abs(other - first).max() > 0.01


def check_training(member):
    """Eager and compiled training take the same steps, the same values dropped, and learn.

    XLA draws other random numbers than TensorFlow: training with it is a test of its own. Both take
    long to compile, so that one member passes them for all, whose gradients are checked above.
    """
    eager = trained(member, dropout=0.3, run_eagerly=True)
    for options in compile_options()[:1] or [{"run_eagerly": True}]:
        assert_close(trained(member, dropout=0.3, **options), eager, 1e-5)


def trained(member, dropout=0.0, **options):
    """What a model says after some training steps; the loss must have fallen.

    Weights are not compared: one that changes nothing, such as the bias of SLSTM's input gate, has
    a gradient of rounding errors, of which Adam makes steps of full length.
    """
    x = inputs(13, 32).astype("float32")
    layer = member.loaded(member.random_weights(14), dtype="float32", dropout=dropout, seed=1)
    dense = keras.layers.Dense(FEATURES, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((TIME, FEATURES)), layer, dense])
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss="mse", **options)
    fit = {"batch_size": 32, "epochs": 5, "shuffle": False, "verbose": 0}
    with nullcontext() if options.get("run_eagerly") else compiling():
        losses = model.fit(x, x.sum(axis=1), **fit).history["loss"]
    assert losses[-1] < losses[0]
    return as_array(model(x))


def check_mixed_precision(member):
    weights, x = member.random_weights(15), inputs()
    layer = member.loaded(weights, dtype="mixed_float16")
    output = layer(x)
    assert keras.backend.standardize_dtype(output.dtype) == "float16"
    assert {variable.dtype for variable in layer.weights} == {"float32"}
    assert_close(output, member.run(weights, x)[0][:, -1], 0.01)


def check_trace(member):
    """What is seen inside is what the formula says, whatever is dropped in training."""
    weights, x, states = member.random_weights(26), inputs(), member.random_states(2)
    layer = member.loaded(weights, dropout=0.5)
    backwards = member.loaded(weights, go_backwards=True)
    found = {
        (False, False): layer.trace(x),
        (True, False): layer.trace(x, initial_state=states, mask=MASK),
        (True, True): backwards.trace(x, initial_state=states, mask=MASK),
    }
    values = member.values or (lambda *step: {"hidden": member.step(*step)[0]})
    shown = values(weights, x[:, 0], states)
    assert list(layer.trace(x)) == list(shown) or member.values is None
    for (from_states, reverse), trace in found.items():
        start, mask = (states, MASK) if from_states else (None, None)
        for name in shown:
            watching = replace(
                member, step=lambda *step, name=name: (values(*step)[name], member.step(*step)[1])
            )
            expected = watching.run(weights, x, start, mask, reverse)[0]
            assert_close(trace[name], expected, 1e-9)


def check_config(member):
    """Every argument is in the config with its value, comes back, and is in the docstring."""
    default = member.tested(5, **member.arguments).get_config()
    arguments = {name: _other_value(name, value) for name, value in default.items()}
    arguments |= {"units": 5, "name": "mine", **member.config}
    layer = member.tested(**arguments)
    config = json.loads(json.dumps(layer.get_config()))
    assert set(config) == set(arguments)
    for name, value in arguments.items():
        assert config[name] == value or config[name]["config"] == _config(value)
        assert re.search(rf"\b{name}\b", member.tested.__doc__), name
    again = member.tested.from_config(config)
    assert again.get_config() == layer.get_config()
    assert again.dtype == "float64"


def _other_value(name, value):
    """For an argument another value than its default, which `get_config` gave."""
    kinds = {
        "initializer": keras.initializers.RandomNormal(seed=4),
        "regularizer": keras.regularizers.L2(0.5),
        "constraint": keras.constraints.MaxNorm(3),
    }
    if name.rpartition("_")[2] in kinds:
        return kinds[name.rpartition("_")[2]]
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return value[-1:]
    others = {
        "dtype": keras.DTypePolicy("float64"),
        "seed": 3,
        "chrono_lag": 9,
        "dropout": 0.1,
        "recurrent_dropout": 0.2,
        "activation": "softsign",
        "output_activation": "relu",
        "recurrent_activation": "hard_sigmoid",
    }
    return others.get(name, value)


def _config(value):
    return {"name": value.name} if isinstance(value, keras.DTypePolicy) else value.get_config()


def check_regularizers_and_constraints(member):
    """One of each for every weight whose name is that of an argument."""
    weights = member.random_weights(16)
    kinds = [name.removesuffix("_kernel") for name in vars(weights)]
    config = member.tested(UNITS, **member.arguments).get_config()
    assert "kernel_regularizer" in config
    kinds = [kind if f"{kind}_regularizer" in config else None for kind in kinds]
    arguments, losses = {}, []
    for k, (kind, values) in enumerate(zip(kinds, vars(weights).values(), strict=True)):
        if kind is not None:
            arguments[f"{kind}_regularizer"] = keras.regularizers.L2(k)
            arguments[f"{kind}_constraint"] = keras.constraints.MaxNorm(k)
            losses.append(k * (values**2).sum())
    layer = member.loaded(weights, **arguments)
    assert_close(layer.losses, losses, 1e-6)
    for k, (kind, variable) in enumerate(zip(kinds, layer.trainable_variables, strict=True)):
        assert kind is None or variable.constraint.max_value == k


def check_saved_file(member):
    """Loading a .keras file needs no `custom_objects`."""
    weights, x = member.random_weights(17), inputs()
    layer = member.loaded(weights, return_sequences=True, dropout=0.2, dtype="float32")
    both = keras.layers.Bidirectional(member.tested(3, return_sequences=True, **member.arguments))
    cells = keras.layers.RNN([layer.cell_class(units, **member.arguments) for units in (3, 2)])
    model = keras.Sequential([keras.Input((None, FEATURES)), layer, both, cells])
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        again = keras.saving.load_model(f"{folder}/model.keras")
    np.testing.assert_array_equal(as_array(again(x)), as_array(model(x)))
    assert_close(again.layers[0](x), member.run(weights, x)[0], 1e-5)


def check_bad_arguments(member):
    for units in (0, -1, 2.0, True, "8", None):
        with pytest.raises(ValueError, match=r"`units` must be a positive int. Received: units="):
            member.tested(units, **member.arguments)
    config = member.tested(UNITS, **member.arguments).get_config()
    for name in {"dropout", "recurrent_dropout"} & set(config):
        for rate in (-0.1, 1.0, 20, float("nan"), "0.5"):
            with pytest.raises(ValueError, match=rf"`{name}` must be in \[0, 1\). Received"):
                member.tested(4, **member.arguments, **{name: rate})
    with pytest.raises(ValueError, match="Unrecognized keyword arguments"):
        member.tested(4, **member.arguments, use_cudnn=True)


def check_bad_calls(member):
    """Each error names the argument, what was expected, and what came."""
    layer, x, states = member.tested(UNITS, **member.arguments), inputs(), member.random_states(2)
    for shape in ((BATCH, TIME + 1), (BATCH + 1, TIME), (BATCH,), (BATCH, TIME, 1)):
        received = re.escape(f"Received: mask.shape={shape}")
        with pytest.raises(
            ValueError, match=rf"`mask` must have the shape .*\(3, 5\)\. {received}"
        ):
            layer(x, mask=np.ones(shape, bool))
    shapes = [(BATCH, size) for size in member.state_sizes(UNITS)]
    message = re.escape(f"`initial_state` must be a list of {len(shapes)} tensors with the shapes ")
    others = (
        [*states, states[0]],
        states[:-1],
        [states[0][:-1], *states[1:]],
        [*states[:-1], states[-1][:, :-1]],
        [states[0][0], *states[1:]],
    )
    for other in others:
        if other:  # no state at all is no `initial_state` for Keras
            received = re.escape(f"{shapes}. Received: {len(other)} with the shapes ")
            with pytest.raises(ValueError, match=message + received):
                layer(x, initial_state=other)
    for dtype in ("int32", "bool", "complex64"):
        with pytest.raises(TypeError, match=rf"`sequences` must be real.* Received: dtype={dtype}"):
            layer(x.astype(dtype))
    with pytest.raises(ValueError, match=r"at least one time step.* Received: shape=\(3, 0, 2\)"):
        layer(x[:, :0])
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        layer(x[0])


def check_step(member):
    weights, x, states = member.random_weights(20), inputs(time=1)[:, 0], member.random_states(21)
    output, new_states = member.step(weights, x, tuple(states))
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-9)):
        cell = member.loaded(weights, dtype=dtype)
        given = [state.astype(dtype) for state in states]
        assert_close(cell(x, given), [output, list(new_states)], tolerance)


def check_under_rnn(member):
    """Alone under `keras.layers.RNN`, and two in `keras.layers.StackedRNNCells`."""
    x, first = inputs(), member.random_weights(22)
    outputs, *states = member.run(first, x)
    width = outputs.shape[-1]
    second = member.random_weights(23, features=width)
    top, *top_states = member.run(second, outputs)
    cells = [member.loaded(first), member.loaded(second, features=width)]

    single = keras.layers.RNN(cells[0], return_sequences=True, dtype="float64")
    assert_close(single(x), outputs, 1e-9)
    stack = keras.layers.StackedRNNCells(cells, dtype="float64")
    stacked = keras.layers.RNN(stack, dtype="float64", **BOTH)
    assert_close(stacked(x), [top, states, top_states], 1e-9)


def check_export(member):
    """A SavedModel takes batches and sequences of any length, and runs where XLA is missing."""
    import tensorflow as tf
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    weights = member.random_weights(18)
    rates = {"dropout": 0.2, "recurrent_dropout": 0.2}
    config = member.tested(UNITS, **member.arguments).get_config()
    rates = {name: rate for name, rate in rates.items() if name in config}
    layer = member.loaded(weights, dtype="float32", **rates)
    model = keras.Sequential([keras.Input((None, FEATURES)), layer])
    model.compile(loss="mse", jit_compile=True)
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        saved = tf.saved_model.load(folder)
        graph = SavedModel.FromString(Path(folder, "saved_model.pb").read_bytes())
    functions = graph.meta_graphs[0].graph_def.library.function
    assert functions
    assert not any(function.attr["_XlaMustCompile"].b for function in functions)
    for batch, time in ((1, 7), (4, 3)):
        x = inputs(19, batch, time)
        expected = member.run(weights, x)[0][:, -1]
        assert_close(saved.serve(tf.constant(x, "float32")), expected, 1e-5)


# What a layer must pass that differs in its data only from one that passes all.
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
