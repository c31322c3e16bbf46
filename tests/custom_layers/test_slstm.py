"""SLSTM against its stabilised formula and the plain one, which overflows early, in NumPy."""

import keras
import numpy as np
import pytest

from custom_layers.slstm import SLSTM, SLSTMCell
from tests.helpers.backends import value_and_gradients
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

FORGET_GATES = ("sigmoid", "exponential")


def s(z):
    return 1 / (1 + np.exp(-z))


def log_s(z):
    return -np.logaddexp(0, -z)


def weights(rng, units, features):
    return {
        "kernel": rng.normal(size=(features, 4 * units)),
        "recurrent_kernel": rng.normal(size=(units, 4 * units)) / np.sqrt(units),
        "bias": rng.normal(size=4 * units),
    }


def gates(w, x, h):
    return np.split(x @ w.kernel + h @ w.recurrent_kernel + w.bias, 4, axis=-1)


def stabilised_values(w, x, states):
    h, c, n, m = states
    log_i, f, z, o = gates(w, x, h)
    log_f, z, o = log_s(f), np.tanh(z), s(o)
    new_m = np.where(n == 0, log_i, np.maximum(log_f + m, log_i))
    i = np.exp(log_i - new_m)
    f = np.where(n == 0, 0.0, np.exp(log_f + m - new_m))
    c, n = f * c + i * z, f * n + i
    values = {"input": i, "forget": f, "candidate": z, "output": o}
    return values | {"cell": c, "normalizer": n, "stabilizer": new_m, "hidden": o * c / n}


def stabilised_step(w, x, states):
    values = stabilised_values(w, x, states)
    new_states = [values[name] for name in ("hidden", "cell", "normalizer", "stabilizer")]
    return values["hidden"], new_states


def draw_state(rng, batch, size):
    """A normalizer counts what was let through: it is no negative number."""
    return rng.uniform(0.5, 2.0, size=(batch, size))


SLSTM_FORMULA = {
    "weights": weights,
    "step": stabilised_step,
    "values": stabilised_values,
    "state_sizes": lambda units: (units,) * 4,
    "draw_state": draw_state,
    "config": {"forget_gate": "exponential", "chrono_lag": None},
}


def plain_run(kernel, recurrent_kernel, bias, x, forget_gate):
    """The formula of the paper without a stabilizer, over a sequence: outputs (B, L, U)."""
    h = c = n = np.zeros((len(x), len(recurrent_kernel)), x.dtype)
    outputs = []
    for t in range(x.shape[1]):
        z = x[:, t] @ kernel + h @ recurrent_kernel + bias
        i, f, z, o = np.split(z, 4, axis=-1)
        i, f = np.exp(i), s(f) if forget_gate == "sigmoid" else np.exp(f)
        c, n = f * c + i * np.tanh(z), f * n + i
        h = s(o) * c / n
        outputs.append(h)
    return np.stack(outputs, axis=1)


def random_arrays(seed=0):
    return list(weights(np.random.default_rng(seed), UNITS, FEATURES).values())


def loaded(arrays, **arguments):
    layer = SLSTM(UNITS, **{"dtype": "float64", "return_sequences": True, **arguments})
    layer.build((None, None, FEATURES))
    layer.set_weights(arrays)
    return layer


def test_slstm(check_layer):
    check_layer(SLSTM, **SLSTM_FORMULA)


def test_slstm_cell(check_cell):
    check_cell(SLSTMCell, **SLSTM_FORMULA)


@pytest.mark.parametrize("forget_gate", FORGET_GATES)
def test_the_stabilizer_changes_no_output(forget_gate):
    arrays, x = random_arrays(), 3 * inputs(1)
    expected = plain_run(*arrays, x, forget_gate)
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-9)):
        layer = loaded(arrays, forget_gate=forget_gate, dtype=dtype)
        assert_close(layer(x.astype(dtype)), expected, tolerance)


@pytest.mark.parametrize("forget_gate", FORGET_GATES)
def test_the_stabilizer_changes_no_gradient(forget_gate):
    arrays, x, pull = random_arrays(2), inputs(3), inputs(4, features=UNITS)

    def loss():
        return (plain_run(*arrays, x, forget_gate) * pull).sum()

    slopes = [slope(loss, array) for array in (*arrays, x)]
    for dtype, tolerance in (("float32", 1e-4), ("float64", 1e-7)):
        layer = loaded(arrays, forget_gate=forget_gate, dtype=dtype)
        _, gradients = value_and_gradients(
            lambda x, layer=layer, dtype=dtype: keras.ops.sum(
                layer(x) * keras.ops.convert_to_tensor(pull, dtype)
            ),
            layer,
            [x.astype(dtype)],
        )
        assert_close(gradients, slopes, tolerance)


@pytest.mark.parametrize("forget_gate", FORGET_GATES)
def test_exponents_of_a_thousand_are_exact(forget_gate):
    """The widest floats of NumPy hold what the plain formula needs."""
    if np.finfo(np.longdouble).maxexp < 16000:
        pytest.skip("longdouble is no wider than float64 here")
    arrays, x = random_arrays(5), inputs(6).astype("longdouble")
    x[:, 1] *= 300
    x[:, 3] *= -500
    expected = plain_run(*[array.astype("longdouble") for array in arrays], x, forget_gate)
    layer = loaded(arrays, forget_gate=forget_gate)
    assert np.isfinite(expected).all()
    assert_close(layer(x.astype("float64")), expected, 1e-9)


@pytest.mark.parametrize("forget_gate", FORGET_GATES)
@pytest.mark.parametrize("scale", [1e3, 1e4])
def test_extreme_inputs_stay_finite(forget_gate, scale):
    mask = np.arange(8) >= np.array([[0], [2], [5]])
    x = (scale * inputs(7, time=8)).astype("float32")
    layer = loaded(random_arrays(8), forget_gate=forget_gate, dtype="float32")

    def total(x):
        outputs = layer(x, mask=mask)
        return keras.ops.sum(outputs**2 + outputs)

    value, gradients = value_and_gradients(total, layer, [x])
    assert np.abs(as_array(layer(x, mask=mask))).max() <= 1.0
    assert np.isfinite(value)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_an_input_gate_that_is_all_but_closed_counts_where_it_is_all_there_is():
    """exp(-1000) of something is that, whatever the stabilizer starts from; after a reset too."""
    kernel, recurrent_kernel, bias = random_arrays(9)
    bias[:UNITS] = -1000.0
    x = inputs(10).astype("float32")
    template = loaded([kernel, recurrent_kernel, bias], dtype="float32")
    layer = SLSTM.from_config({**template.get_config(), "stateful": True})
    layer.build((BATCH, TIME, FEATURES))
    layer.set_weights(template.get_weights())
    outputs = as_array(layer(x))
    z = x[:, 0].astype("float64") @ kernel + bias
    assert_close(outputs[:, 0], s(z[:, -UNITS:]) * np.tanh(z[:, 2 * UNITS : 3 * UNITS]), 1e-5)
    layer.reset_state()
    np.testing.assert_array_equal(as_array(layer(x)), outputs)


@pytest.mark.parametrize("forget_gate", FORGET_GATES)
def test_an_untrained_layer_remembers(forget_gate):
    layer = SLSTM(2, forget_gate=forget_gate, bias_initializer=keras.initializers.Constant(0.5))
    layer.build((None, None, 3))
    forget = 1.0 if forget_gate == "sigmoid" else 0.5
    np.testing.assert_array_equal(layer.get_weights()[2], np.repeat([0.5, forget, 0.5, 0.5], 2))
    assert SLSTM.from_config(layer.get_config()).cell.forget_gate == forget_gate


def test_the_bias_of_the_input_gate_cancels():
    arrays, x = random_arrays(13), inputs(14)
    before = as_array(loaded(arrays)(x))
    arrays[2][:UNITS] += [5.0, -50.0, 500.0, -5000.0]
    assert_close(loaded(arrays)(x), before, 1e-9)


def test_one_of_two_gates_sets_the_scale():
    trace = loaded(random_arrays(11)).trace(inputs(12))
    largest = np.maximum(as_array(trace["input"]), as_array(trace["forget"]))
    np.testing.assert_allclose(largest, 1.0, rtol=1e-12)
    assert as_array(trace["normalizer"]).min() >= 1.0 - 1e-12


def test_chrono_lag_needs_a_sigmoid_forget_gate():
    layer = SLSTM(50, chrono_lag=9, seed=1)
    layer.build((None, None, 1))
    forget = layer.get_weights()[2][50:100]
    assert np.log(1) <= forget.min() < forget.max() <= np.log(8)
    with pytest.raises(ValueError, match="`chrono_lag` must be None for an exponential"):
        SLSTM(4, chrono_lag=9, forget_gate="exponential")


def test_bad_forget_gates():
    for forget_gate in ("exp", None, 1.0):
        message = (
            r"`forget_gate` must be one of \('sigmoid', 'exponential'\). Received: forget_gate"
        )
        with pytest.raises(ValueError, match=message):
            SLSTM(4, forget_gate=forget_gate)
