"""The linear recurrence: every method against a float64 loop in NumPy, and in every regime."""

import keras
import numpy as np
import pytest
from keras import ops

from custom_layers.linear_recurrence import METHODS, fastest_method, linear_recurrence
from tests.helpers.backends import value_and_gradients
from tests.helpers.reference_cells import assert_close, slope

TENSORFLOW = keras.backend.backend() == "tensorflow"
AVAILABLE = METHODS[keras.backend.backend()]
needs_tensorflow = pytest.mark.skipif(not TENSORFLOW, reason="about TensorFlow's own method")
# One step, a part of a block, a block, and blocks with a rest.
LENGTHS = (1, 5, 16, 40)


def coefficients(x, kernel, bias):
    """Weights that are used at every step, and an a that is neither constant nor below 1."""
    z = ops.matmul(x, kernel) + bias
    a, b = ops.split(z, 2, axis=-1)
    return 1.2 * ops.sigmoid(a), ops.tanh(b)


def reference(x, kernel, bias, initial, mask):
    """States h, and the a and b of every step, in NumPy."""
    h, hidden = initial, []
    for t in range(len(x)):
        a, b = np.split(x[t] @ kernel + bias, 2, axis=-1)
        h = np.where(mask[t, :, None], 1.2 / (1 + np.exp(-a)) * h + np.tanh(b), h)
        hidden.append(h)
    return np.stack(hidden)


def problem(time, batch=3, features=2, units=4):
    rng = np.random.default_rng(time)
    shapes = ((time, batch, features), (features, 2 * units), (2 * units,), (batch, units))
    return [rng.normal(size=shape) for shape in shapes], rng.uniform(size=(time, batch)) < 0.7


def run(method, x, kernel, bias, initial, mask=None):
    return linear_recurrence(coefficients, x, (kernel, bias), initial, mask, method=method)


@pytest.mark.parametrize("method", AVAILABLE)
@pytest.mark.parametrize("time", LENGTHS)
def test_states_and_gradients(method, time):
    arrays, mask = problem(time)
    everywhere = np.ones_like(mask)
    tensors = [ops.convert_to_tensor(array, "float64") for array in arrays]
    assert_close(run(method, *tensors), reference(*arrays, everywhere), 1e-9)
    assert_close(run(method, *tensors, mask), reference(*arrays, mask), 1e-9)

    pull = np.random.default_rng(1).normal(size=(time, *arrays[-1].shape))
    expected = [slope(lambda: (reference(*arrays, mask) * pull).sum(), array) for array in arrays]
    # On TensorFlow once eagerly and once under XLA.
    for dtype, tolerance, compiled in (("float64", 1e-7, not TENSORFLOW), ("float32", 1e-4, True)):

        def total(*values, dtype=dtype):
            return ops.sum(run(method, *values, mask) * ops.convert_to_tensor(pull, dtype))

        values = [array.astype(dtype) for array in arrays]
        _, gradients = value_and_gradients(total, keras.layers.Layer(), values, compiled)
        assert_close(gradients, expected, tolerance)


def test_long_sequences():
    """2000 steps, of states that hardly fade, in float32: gradients are those of float64."""
    (x, kernel, bias, initial), mask = problem(2000)

    def total(dtype):
        def remembering(x, kernel, bias):
            a, b = coefficients(x, kernel, bias)
            return 0.5 + a / 2.4 * 0.5, b

        def last(*values):
            x, kernel, bias, initial = values
            return ops.sum(linear_recurrence(remembering, x, (kernel, bias), initial, mask))

        arrays = [array.astype(dtype) for array in (x, kernel, bias, initial)]
        return value_and_gradients(last, keras.layers.Layer(), arrays, compiled=True)

    assert_close(*(total(dtype)[1] for dtype in ("float32", "float64")), 1e-4)


@pytest.mark.parametrize("method", AVAILABLE)
def test_without_weights(method):
    x = np.arange(20.0).reshape(20, 1, 1)
    sums = linear_recurrence(
        lambda x: (ops.ones_like(x), x),
        ops.convert_to_tensor(x),
        (),
        ops.ones((1, 1), "float64"),
        method=method,
    )
    assert_close(sums, 1 + np.cumsum(x, axis=0), 1e-12)


def test_other_methods_are_refused():
    arrays, _ = problem(3)
    for method in {"fast", "blocks", "loop", "scan"} - {*AVAILABLE}:
        with pytest.raises(ValueError, match="`method` must be one of"):
            run(method, *map(ops.convert_to_tensor, arrays))


def test_the_fastest_method_depends_on_the_device(monkeypatch):
    assert fastest_method() == AVAILABLE[0]
    if keras.backend.backend() == "jax":
        monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["gpu:0"])
        assert fastest_method() == "scan"


@pytest.mark.slow
@needs_tensorflow
def test_one_graph_for_every_length_and_batch():
    import tensorflow as tf

    shapes = [(None, None, 2), (2, 8), (8,), (None, 4)]
    signature = [tf.TensorSpec(shape, "float64") for shape in shapes]

    def derive(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            hidden = run("blocks", *tensors)
            total = tf.reduce_sum(hidden**2)
        return hidden, *tape.gradient(total, tensors)

    for jit_compile in (False, True):
        graph = tf.function(derive, input_signature=signature, jit_compile=jit_compile)
        for time, batch in ((40, 3), (7, 5), (16, 1), (1, 2)):
            tensors = [tf.constant(array) for array in problem(time, batch)[0]]
            hidden, *gradients = graph(*tensors)
            assert_close(
                hidden, reference(*problem(time, batch)[0], np.ones((time, batch), bool)), 1e-9
            )
            assert_close(gradients, list(derive(*tensors)[1:]), 1e-9)
        assert graph.experimental_get_tracing_count() == 1


@pytest.mark.slow
@needs_tensorflow
@pytest.mark.parametrize(("jit_compile", "dtype"), [(False, "float32"), (True, "mixed_bfloat16")])
def test_many_steps_an_execution(jit_compile, dtype):
    """Inside the loop of Keras's training, two layers deep, with a last batch of another size."""
    from custom_layers.min_rnn import MinGRU, MinLSTM

    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 21, 2)).astype("float32")
    layers = [
        MinGRU(8, return_sequences=True, seed=1, dtype=dtype),
        MinLSTM(8, seed=2, dtype=dtype),
    ]
    model = keras.Sequential([keras.Input((None, 2)), *layers, keras.layers.Dense(1)])
    model.compile(
        keras.optimizers.Adam(0.01), "mse", jit_compile=jit_compile, steps_per_execution=2
    )
    losses = model.fit(
        x, x[:, -3:, :1].mean(axis=1), batch_size=16, epochs=8, shuffle=False, verbose=0
    ).history["loss"]
    assert losses[-1] < losses[0]
