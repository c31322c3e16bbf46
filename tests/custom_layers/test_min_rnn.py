"""MinLSTM and MinGRU against their formulas in NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from custom_layers.min_rnn import MinGRU, MinGRUCell, MinLSTM, MinLSTMCell, above_zero
from tests.helpers.reference_cells import as_array, assert_close, inputs


def s(z):
    return 1 / (1 + np.exp(-z))


def g(z):
    return np.where(z >= 0, z + 0.5, s(z))


def weights(blocks):
    return lambda rng, units, features: {
        "kernel": rng.normal(size=(features, blocks * units)),
        "bias": rng.normal(size=blocks * units),
    }


def lstm_values(w, x, states):
    i, f, candidate = np.split(x @ w.kernel + w.bias, 3, axis=-1)
    i, f, candidate = s(i), s(f), g(candidate)
    hidden = f / (f + i) * states[0] + i / (f + i) * candidate
    return {"input": i / (f + i), "forget": f / (f + i), "candidate": candidate, "hidden": hidden}


def gru_values(w, x, states):
    z, candidate = np.split(x @ w.kernel + w.bias, 2, axis=-1)
    z, candidate = s(z), g(candidate)
    return {"update": z, "candidate": candidate, "hidden": (1 - z) * states[0] + z * candidate}


def described(blocks, values):
    def step(w, x, states):
        hidden = values(w, x, states)["hidden"]
        return hidden, [hidden]

    return {
        "weights": weights(blocks),
        "step": step,
        "state_sizes": lambda units: (units,),
        "values": values,
    }


MIN_LSTM, MIN_GRU = described(3, lstm_values), described(2, gru_values)


def test_min_lstm(check_layer):
    check_layer(MinLSTM, **MIN_LSTM)


def test_min_lstm_cell(check_cell):
    check_cell(MinLSTMCell, **MIN_LSTM)


def test_min_gru(check_layer):
    check_layer(MinGRU, **MIN_GRU)


def test_min_gru_cell(check_cell):
    check_cell(MinGRUCell, **MIN_GRU)


@pytest.mark.parametrize(
    ("layer_class", "biases"), [(MinLSTM, [-1.0, 1.0, 0.5]), (MinGRU, [-1.0, 0.5])]
)
def test_untrained_layer_remembers(layer_class, biases):
    """With no input the share s(1) of the state stays, as in `keras.layers.LSTM`."""
    layer = layer_class(2, bias_initializer=keras.initializers.Constant(0.5))
    layer.build((None, None, 3))
    np.testing.assert_array_equal(as_array(layer.cell.bias), np.repeat(biases, 2))
    layer.cell.bias_initializer = keras.initializers.Zeros()
    kept, _ = layer.cell.coefficients(ops.zeros((1, 3)), layer.cell.fused_kernel())
    assert_close(kept, np.full((1, 2), s(1.0)), 1e-6)
    plain = layer_class(2, unit_forget_bias=False)
    plain.build((None, None, 3))
    np.testing.assert_array_equal(as_array(plain.cell.bias), np.zeros(2 * len(biases)))


@pytest.mark.parametrize("layer_class", [MinLSTM, MinGRU])
def test_chrono_lag_spreads_the_rates_of_forgetting(layer_class):
    def kept(seed):
        layer = layer_class(1000, chrono_lag=100, seed=seed, dtype="float64")
        layer.build((None, None, 1))
        return as_array(
            layer.cell.coefficients(ops.zeros((1, 1), "float64"), layer.cell.fused_kernel())[0]
        )

    lags = kept(3) / (1 - kept(3))  # a share u / (1 + u) is kept
    assert lags.min() >= 1 - 1e-9
    assert lags.max() <= 99 + 1e-9
    assert abs(lags.mean() - 50) < 3
    np.testing.assert_array_equal(kept(3), kept(3))
    assert np.abs(kept(3) - kept(4)).max() > 0.01


@pytest.mark.parametrize("lag", [2, 0, -5, 2.5, True, "9"])
def test_chrono_lag_is_an_int_above_2(lag):
    with pytest.raises(ValueError, match="`chrono_lag` must be an int above 2"):
        MinLSTM(4, chrono_lag=lag)


def test_gates_of_any_size_stay_finite_and_add_up():
    """Where s(z) is 0 in float32, the ratio of two such gates is still right."""
    z_i, z_f = np.meshgrid(
        [-1e4, -200, -199, -90, -1, 0, 2, 90, 1e4], [-1e4, -200, -90, 0, 90, 1e4]
    )
    cell = MinLSTMCell(z_i.size, use_bias=False)
    z = np.concatenate([z_i.ravel(), z_f.ravel(), np.zeros(z_i.size)])[None]
    gates = cell.gates(ops.ones((1, 1)), ops.convert_to_tensor(z, "float32"))
    log_ratio = np.logaddexp(0, -z_i) - np.logaddexp(0, -z_f)  # log f - log i
    forget = np.exp(-np.logaddexp(0, -log_ratio)).ravel()
    np.testing.assert_allclose(as_array(gates["forget"])[0], forget, rtol=1e-5, atol=1e-37)
    assert_close(gates["forget"] + gates["input"], np.ones((1, z_i.size)), 1e-6)


def test_candidate_is_positive_and_smooth():
    x = np.linspace(-100, 100, 2001)
    assert_close(above_zero(ops.convert_to_tensor(x)), g(x), 1e-12)
    assert as_array(above_zero(ops.convert_to_tensor([-1e4, 1e4], "float32"))).tolist() == [
        0,
        10000.5,
    ]


@pytest.mark.parametrize("layer_class", [MinLSTM, MinGRU])
def test_plain_candidate_may_be_negative(layer_class):
    layer = layer_class(4, activation="linear")
    assert (as_array(layer(inputs(batch=8))) < 0).any()
    assert layer_class.from_config(layer.get_config()).cell.activation is keras.activations.linear


@pytest.mark.slow
@pytest.mark.parametrize("layer_class", [MinLSTM, MinGRU])
def test_state_stays_an_average_over_long_sequences(layer_class):
    layer = layer_class(
        3, activation="tanh", kernel_initializer=keras.initializers.RandomNormal(0, 9, 1)
    )
    outputs = as_array(layer(inputs(batch=2, time=2000).astype("float32")))
    assert np.isfinite(outputs).all()
    assert np.abs(outputs).max() <= 1


@pytest.mark.parametrize("layer_class", [MinLSTM, MinGRU])
def test_written_out_it_is_the_same(layer_class):
    """`unroll` runs the cell step by step; dropout is drawn alike."""
    x = inputs(time=20)
    layer = layer_class(4, return_sequences=True, dropout=0.3, seed=1, dtype="float64")
    expected = layer(x, training=True)
    steps = layer_class.from_config({**layer.get_config(), "unroll": True})
    steps.build(x.shape)
    steps.set_weights(layer.get_weights())
    assert_close(steps(x, training=True), as_array(expected), 1e-12)
