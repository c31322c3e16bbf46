"""Attention against its formula in NumPy, one query and one step at a time."""

import json
import re

import keras
import numpy as np
import pytest

from custom_layers.attention import Attention
from tests.helpers.backends import value_and_gradients
from tests.helpers.reference_cells import as_array, assert_close, slope

BATCH, QUERIES, TIME, QUERY_SIZE, MEMORY_SIZE, UNITS = 3, 4, 5, 2, 6, 7
MASK = np.array([[0, 0, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 1, 0, 1]], bool)
both_scores = pytest.mark.parametrize("score", ["additive", "dot"])


def random_arrays(seed=0):
    """Query and memory, then query_kernel, key_kernel and score_kernel."""
    rng = np.random.default_rng(seed)
    shapes = [(BATCH, QUERIES, QUERY_SIZE), (BATCH, TIME, MEMORY_SIZE)]
    shapes += [(QUERY_SIZE, UNITS), (MEMORY_SIZE, UNITS), (UNITS,)]
    return [rng.normal(size=shape) for shape in shapes]


def attend(score, query, memory, query_kernel, key_kernel, score_kernel, mask=None):
    """Context (B, Q, M) and weights (B, Q, T)."""
    context = np.zeros((len(query), query.shape[1], memory.shape[2]))
    weights = np.zeros((len(query), query.shape[1], memory.shape[1]))
    for b, q in np.ndindex(weights.shape[:2]):
        steps = [t for t in range(memory.shape[1]) if mask is None or mask[b, t]]
        asked = query[b, q] @ query_kernel
        energies = []
        for t in steps:
            key = memory[b, t] @ key_kernel
            if score == "additive":
                energies.append(np.tanh(asked + key) @ score_kernel)
            else:
                energies.append(asked @ key / np.sqrt(len(key)))
        for t, energy in zip(steps, energies, strict=True):
            weights[b, q, t] = np.exp(energy) / np.exp(energies).sum()
            context[b, q] += weights[b, q, t] * memory[b, t]
    return context, weights


def loaded(score, kernels, dtype="float64", **arguments):
    layer = Attention(UNITS, score=score, dtype=dtype, **arguments)
    layer.build((None, None, QUERY_SIZE), (None, None, MEMORY_SIZE))
    layer.set_weights(kernels if score == "additive" else kernels[:2])
    return layer


@both_scores
@pytest.mark.parametrize("mask", [None, MASK])
def test_context_and_weights(score, mask):
    query, memory, *kernels = random_arrays()
    expected = attend(score, query, memory, *kernels, mask)
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-9)):
        layer = loaded(score, kernels, dtype)
        arguments = [query.astype(dtype), memory.astype(dtype)]
        found = layer(*arguments, memory_mask=mask, return_attention_scores=True)
        for tensor, wanted in zip(found, expected, strict=True):
            assert keras.backend.standardize_dtype(tensor.dtype) == dtype
            assert_close(tensor, wanted, tolerance)
        np.testing.assert_array_equal(
            as_array(layer(*arguments, memory_mask=mask)), as_array(found[0])
        )
    if mask is not None:
        assert not as_array(found[1])[~np.broadcast_to(mask[:, None], found[1].shape)].any()


@both_scores
def test_gradients(score):
    arrays = random_arrays(1)
    pull = random_arrays(2)[1][:, :QUERIES]

    def loss():
        return (attend(score, *arrays, MASK)[0] * pull).sum()

    used = arrays if score == "additive" else arrays[:4]
    slopes = [slope(loss, array) for array in (*used[2:], *used[:2])]
    for dtype, tolerance in (("float32", 1e-4), ("float64", 1e-7)):
        layer = loaded(score, arrays[2:], dtype)

        def total(query, memory, layer=layer, dtype=dtype):
            context = layer(query, memory, memory_mask=MASK)
            return keras.ops.sum(context * keras.ops.convert_to_tensor(pull, dtype))

        inputs = [array.astype(dtype) for array in arrays[:2]]
        compiled = dtype == "float32"
        value, gradients = value_and_gradients(total, layer, inputs, compiled)
        assert_close(value, loss(), tolerance)
        assert_close(gradients, slopes, tolerance)


@both_scores
def test_a_memory_that_is_hidden_altogether_gives_zeros(score):
    query, memory, *kernels = random_arrays(3)
    layer = loaded(score, kernels)
    mask = MASK.copy()
    mask[1] = False

    def total(query, memory):
        return keras.ops.sum(layer(query, memory, memory_mask=mask) ** 2)

    context = as_array(layer(query, memory, memory_mask=mask))
    assert not context[1].any()
    assert context[0].any()
    _, gradients = value_and_gradients(total, layer, [query, memory])
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert not gradients[-1][1].any()


@both_scores
def test_what_the_mask_hides_changes_nothing(score):
    query, memory, *kernels = random_arrays(4)
    layer = loaded(score, kernels)
    before = as_array(layer(query, memory, memory_mask=MASK))
    memory[~MASK] = 1e6
    np.testing.assert_array_equal(as_array(layer(query, memory, memory_mask=MASK)), before)


@both_scores
def test_a_decoder_that_goes_step_by_step(score):
    """One query at a time, with keys computed once, is the same as all queries at once."""
    query, memory, *kernels = random_arrays(5)
    layer = loaded(score, kernels)
    keys = layer.keys(memory)
    assert tuple(keys.shape) == (BATCH, TIME, UNITS)
    steps = [as_array(layer(query[:, k : k + 1], memory, keys=keys)) for k in range(QUERIES)]
    assert_close(np.concatenate(steps, axis=1), attend(score, query, memory, *kernels)[0], 1e-9)


def test_the_mask_of_the_memory_comes_along():
    """An encoder's mask is used without being named; that of the queries goes on."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(BATCH, TIME, MEMORY_SIZE)).astype("float32")
    x[~MASK] = 0.0
    query = random_arrays(6)[0].astype("float32")
    query[:, -1] = 0.0
    memory = keras.layers.Masking()(x)
    layer = loaded("additive", random_arrays(7)[2:], "float32")
    expected = as_array(layer(query, x, memory_mask=MASK))
    context = layer(keras.layers.Masking()(query), memory)
    np.testing.assert_array_equal(as_array(context), expected)
    np.testing.assert_array_equal(as_array(context._keras_mask)[:, -1], [False] * BATCH)


def test_training_and_round_trip(tmp_path):
    """Between a recurrent encoder and a recurrent decoder."""
    rng = np.random.default_rng(8)
    past, future = rng.normal(size=(32, 4, 3)), rng.normal(size=(32, 2, 2))
    target = past[:, :2, :1]
    source = keras.Input((None, 3))
    known = keras.Input((None, 2))
    encoded = keras.layers.GRU(8, return_sequences=True)(source)
    decoded = keras.layers.GRU(8, return_sequences=True)(known)
    context = Attention(8, kernel_regularizer=keras.regularizers.L2(1e-6))(decoded, encoded)
    output = keras.layers.Dense(1)(keras.layers.Concatenate()([decoded, context]))
    model = keras.Model([source, known], output)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) / 3)
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse", run_eagerly=True)
    data = [past.astype("float32"), future.astype("float32")]
    losses = model.fit(data, target, epochs=4, shuffle=False, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert_close(again(data), model(data), 1e-6)


@both_scores
def test_export_takes_any_batch_and_length(score, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("export to a SavedModel is TensorFlow's")
    import tensorflow as tf

    query, memory, *kernels = random_arrays(9)
    layer = loaded(score, kernels, "float32")
    inputs = [keras.Input((None, QUERY_SIZE)), keras.Input((None, MEMORY_SIZE))]
    model = keras.Model(inputs, layer(*inputs))
    model.export(tmp_path / "model", verbose=False)
    saved = tf.saved_model.load(tmp_path / "model")
    for batch, queries, time in ((1, 2, 5), (3, 4, 2)):
        asked, seen = query[:batch, :queries], memory[:batch, :time]
        found = saved.serve([tf.constant(asked, "float32"), tf.constant(seen, "float32")])
        assert_close(found, attend(score, asked, seen, *kernels)[0], 1e-5)


@both_scores
def test_mixed_precision(score):
    query, memory, *kernels = random_arrays(10)
    layer = loaded(score, kernels, "mixed_float16")
    for keys in (None, layer.keys(memory.astype("float16"))):
        context = layer(query, memory, memory_mask=MASK, keys=keys)
        assert keras.backend.standardize_dtype(context.dtype) == "float16"
        expected = attend(score, query, memory, *kernels, MASK)[0]
        assert_close(context, expected, 0.01)
    assert {variable.dtype for variable in layer.trainable_variables} == {"float32"}


@both_scores
def test_config_holds_every_argument(score):
    arguments = {"units": 5, "score": score, "name": "mine", "trainable": False}
    arguments["kernel_initializer"] = keras.initializers.RandomNormal(seed=4)
    arguments["kernel_regularizer"] = keras.regularizers.L2(0.5)
    layer = Attention(**arguments, dtype="float64")
    config = json.loads(json.dumps(layer.get_config()))
    assert set(config) == {*arguments, "dtype"}
    for name, value in arguments.items():
        assert config[name] == value or config[name]["config"] == value.get_config()
        assert re.search(rf"\b{name}\b", Attention.__doc__), name
    assert Attention.from_config(config).get_config() == layer.get_config()


def test_weights_start_each_with_values_of_its_own():
    for initializer in ("glorot_uniform", lambda shape, dtype=None: keras.ops.ones(shape, dtype)):
        layer = Attention(UNITS, kernel_initializer=initializer)
        layer.build((None, None, MEMORY_SIZE), (None, None, MEMORY_SIZE))
        query_kernel, key_kernel, score_kernel = layer.get_weights()
        assert query_kernel.shape == key_kernel.shape == (MEMORY_SIZE, UNITS)
        assert score_kernel.shape == (UNITS,)
        assert (initializer == "glorot_uniform") == (query_kernel != key_kernel).any()


def test_bad_arguments():
    for units in (0, -1, 2.0, True, "8", None):
        with pytest.raises(ValueError, match=r"`units` must be a positive int. Received: units="):
            Attention(units)
    for score in ("cosine", None, 1):
        with pytest.raises(ValueError, match=r"`score` must be one of \('additive', 'dot'\)"):
            Attention(4, score=score)


@both_scores
def test_bad_calls(score):
    query, memory, *kernels = random_arrays(11)
    layer = loaded(score, kernels)
    for bad in (
        {"query": query[:, 0]},
        {"query": query[..., :1]},
        {"memory": memory[..., None]},
        {"memory": query},
        {"keys": memory},
    ):
        (name,) = bad
        with pytest.raises(ValueError, match=rf"`{name}` must have the shape .*Received: shape="):
            layer(**{"query": query, "memory": memory, **bad})
    for dtype in ("int32", "complex64"):
        for bad in ({"query": query.astype(dtype)}, {"memory": memory.astype(dtype)}):
            with pytest.raises(TypeError, match=rf"must be real .*dtype={dtype}"):
                layer(**{"query": query, "memory": memory, **bad})
    with pytest.raises(ValueError, match="`memory` must have at least one time step"):
        layer(query, memory[:, :0])
    with pytest.raises(ValueError, match=r"\(batch, time\) of `memory`.*mask.shape=\(3, 4\)"):
        layer(query, memory, memory_mask=MASK[:, :4])
