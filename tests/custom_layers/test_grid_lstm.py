"""GridLSTM against a loop over all points of the grid in NumPy."""

import json
import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from custom_layers.grid_lstm import GridLSTM
from tests.helpers.backends import paths, value_and_gradients
from tests.helpers.reference_cells import as_array, assert_close, slope

BATCH, TIME, SERIES, FEATURES, UNITS = 3, 5, 3, 2, 4
MASK = np.array([[0, 0, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 1, 0, 1]], bool)
KINDS = ("kernel", "recurrent", "bias")


def s(z):
    return 1 / (1 + np.exp(-z))


def inputs(seed=0, batch=BATCH, time=TIME, series=SERIES, features=FEATURES):
    return np.random.default_rng(seed).normal(size=(batch, time, series, features))


def random_weights(seed, units=UNITS, features=FEATURES):
    """W, R and b of each gate in each direction, named as in the formula: W_iT, W_iS, ..."""
    rng = np.random.default_rng(seed)
    weights = SimpleNamespace()
    for k in "TS":
        for gate in "ifgo":
            setattr(weights, f"W_{gate}{k}", rng.normal(size=(features, units)))
            setattr(weights, f"R_{gate}{k}", rng.normal(size=(2 * units, units)) / np.sqrt(units))
            setattr(weights, f"b_{gate}{k}", rng.normal(size=units))
    return weights


def fused(weights):
    """The same weights as the layer keeps them: kernel, recurrent_kernel, bias."""
    blocks = [gate + k for k in "TS" for gate in "ifgo"]
    return [
        np.concatenate([getattr(weights, f"{kind}_{block}") for block in blocks], axis=-1)
        for kind in "WRb"
    ]


def loaded(weights, units=UNITS, series=SERIES, features=FEATURES, **arguments):
    layer = GridLSTM(units, **{"dtype": "float64", "return_sequences": True, **arguments})
    layer.build((None, None, series, features))
    layer.set_weights(fused(weights))
    return layer


def lstm(w, k, x, hidden, c):
    i, f, g, o = (
        x @ getattr(w, f"W_{gate}{k}")
        + hidden @ getattr(w, f"R_{gate}{k}")
        + getattr(w, f"b_{gate}{k}")
        for gate in "ifgo"
    )
    c = s(f) * c + s(i) * np.tanh(g)
    return s(o) * np.tanh(c), c


def run(w, x, states=None, mask=None, backwards=False, zero_masked=False, kept=None):
    """Outputs (B, L, S, U) in the order computed, last h and c of the time direction (B, S, U)."""
    batch, time, series, _ = x.shape
    units = len(w.b_iT)
    h, c = states or (np.zeros((batch, series, units)),) * 2
    output, outputs = np.zeros_like(h), []
    for t in range(time)[:: -1 if backwards else 1]:
        new_h, new_c = h.copy(), c.copy()
        h_S = c_S = np.zeros((batch, units))
        for j in range(series):
            hidden = np.concatenate([h[:, j], h_S], axis=-1)
            if kept is not None:
                hidden = hidden * np.concatenate([kept[:, j], kept[:, j]], axis=-1)
            new_h[:, j], new_c[:, j] = lstm(w, "T", x[:, t, j], hidden, c[:, j])
            h_S, c_S = lstm(w, "S", x[:, t, j], hidden, c_S)
        valid = np.ones((batch, 1, 1), bool) if mask is None else mask[:, t, None, None]
        h, c = np.where(valid, new_h, h), np.where(valid, new_c, c)
        output = np.where(valid, new_h, 0.0 if zero_masked else output)
        outputs.append(output)
    return np.stack(outputs, axis=1), h, c


def flat(states):
    return [state.reshape(BATCH, SERIES * UNITS) for state in states]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-9)])
def test_forward_on_every_path(dtype, tolerance):
    w, x, states = random_weights(1), inputs(), list(inputs(2, 2, BATCH, SERIES, UNITS))
    layer = loaded(w, dtype=dtype, return_state=True)
    assert_close(layer(x.astype(dtype))[0], run(w, x)[0], tolerance)
    initial = [state.astype(dtype) for state in flat(states)]
    expected, *last = run(w, x, states)
    for path in paths(layer) if dtype == "float32" else [layer]:
        found = path(keras.ops.convert_to_tensor(x, dtype), initial_state=initial)
        assert {keras.backend.standardize_dtype(tensor.dtype) for tensor in found} == {dtype}
        assert_close(found, [expected, *flat(last)], tolerance)


def test_options_and_masks():
    w, x = random_weights(3), inputs()
    for backwards in (False, True):
        options = {"go_backwards": backwards}
        outputs, h, c = run(w, x, backwards=backwards)
        for unroll in (False, True):
            assert_close(loaded(w, unroll=unroll, **options)(x), outputs, 1e-9)
            last = loaded(w, unroll=unroll, return_sequences=False, return_state=True, **options)
            assert_close(last(x), [h, *flat([h, c])], 1e-9)
        for zero in (False, True):
            outputs, h, c = run(w, x, None, MASK, backwards, zero)
            layer = loaded(w, return_state=True, zero_output_for_mask=zero, **options)
            assert_close(layer(x, mask=MASK), [outputs, *flat([h, c])], 1e-9)


@pytest.mark.slow
def test_gradients_of_weights_inputs_and_states():
    w, x, states = random_weights(4), inputs(), inputs(5, 2, BATCH, SERIES, UNITS)
    pull, pull_c = inputs(6, features=UNITS), inputs(7, features=UNITS)[:, 0]

    def loss():
        outputs, _, c = run(w, x, tuple(states), MASK)
        return (outputs * pull).sum() + (c * pull_c).sum()

    slopes = fused(SimpleNamespace(**{name: slope(loss, a) for name, a in vars(w).items()}))
    slopes += [slope(loss, x), *(a.reshape(BATCH, -1) for a in slope(loss, states))]
    for dtype, tolerance in (("float32", 1e-4), ("float64", 1e-7)):
        layer = loaded(w, dtype=dtype, return_state=True)

        def total(x, h, c, layer=layer, dtype=dtype):
            outputs, _, last = layer(x, initial_state=[h, c], mask=MASK)
            pulls = [keras.ops.convert_to_tensor(array, dtype) for array in (pull, *flat([pull_c]))]
            return keras.ops.sum(outputs * pulls[0]) + keras.ops.sum(last * pulls[1])

        arrays = [array.astype(dtype) for array in (x, *flat(states))]
        value, gradients = value_and_gradients(total, layer, arrays)
        assert_close(value, loss(), tolerance)
        assert_close(gradients, slopes, tolerance)


def test_one_series_is_an_lstm():
    """With one series nothing comes along the series: h_S is zero."""
    w, x = random_weights(8), inputs(series=1)
    kernel, recurrent_kernel, bias = fused(w)
    plain = keras.layers.LSTM(UNITS, return_sequences=True, dtype="float64")
    plain.build((None, None, FEATURES))
    width = 4 * UNITS
    plain.set_weights([kernel[:, :width], recurrent_kernel[:UNITS, :width], bias[:width]])
    found = as_array(loaded(w, series=1)(x))
    assert_close(found[:, :, 0], plain(x[:, :, 0]), 1e-12)


def test_a_point_sees_neither_later_times_nor_later_series():
    layer, x = loaded(random_weights(9)), inputs()
    before = as_array(layer(x))
    t, j = 2, 1
    x[0, t, j] += 1.0
    changed = np.abs(as_array(layer(x)) - before).max(axis=-1) > 0
    seen = np.zeros((BATCH, TIME, SERIES), bool)
    seen[0, t:, j:] = True
    np.testing.assert_array_equal(changed, seen)


def test_dropout_takes_one_mask_for_all_steps():
    w, x = random_weights(10), inputs()
    rates = {"dropout": 0.3, "recurrent_dropout": 0.4, "seed": 7}
    layer = loaded(w, **rates)
    assert_close(layer(x), run(w, x)[0], 1e-9)
    layer = loaded(w, **rates)
    first, second = as_array(layer(x, training=True)), as_array(layer(x, training=True))
    source = keras.random.SeedGenerator(7)
    x_shape, h_shape = (BATCH, SERIES, FEATURES), (BATCH, SERIES * UNITS)
    x_kept = as_array(keras.random.dropout(keras.ops.ones(x_shape, "float64"), 0.3, seed=source))
    h_kept = as_array(keras.random.dropout(keras.ops.ones(h_shape, "float64"), 0.4, seed=source))
    expected = run(w, x * x_kept[:, None], kept=h_kept.reshape(BATCH, SERIES, UNITS))[0]
    assert_close(first, expected, 1e-9)
    assert np.abs(second - first).max() > 0.01


def test_stateful_layers_go_on():
    w, x = random_weights(11), inputs()
    layer = GridLSTM(UNITS, stateful=True, return_sequences=True, dtype="float64")
    layer.build((BATCH, None, SERIES, FEATURES))
    layer.set_weights(fused(w))
    for _ in range(2):
        parts = [as_array(layer(x[:, :2])), as_array(layer(x[:, 2:]))]
        assert_close(np.concatenate(parts, axis=1), run(w, x)[0], 1e-9)
        layer.reset_state()
    with pytest.raises(ValueError, match="batch size"):
        layer(x[:2])


def test_trace_ends_with_what_the_layer_gives():
    w, x = random_weights(12), inputs()
    layer = loaded(w)
    trace = layer.trace(x, mask=MASK)
    names = ["input", "forget", "candidate", "output", "cell", "hidden"]
    assert list(trace) == names + [f"series_{name}" for name in names]
    assert {tuple(values.shape) for values in trace.values()} == {(BATCH, TIME, SERIES, UNITS)}
    assert_close(trace["hidden"], layer(x, mask=MASK), 1e-12)
    lone = as_array(layer.trace(x[:, :1])["series_hidden"])[:, 0, 0]
    expected, _ = lstm(w, "S", x[:, 0, 0], np.zeros((BATCH, 2 * UNITS)), 0.0)
    assert_close(lone, expected, 1e-9)


@pytest.mark.slow
def test_training_and_round_trip(tmp_path):
    x = inputs(13, 16).astype("float32")
    layers = [keras.Input((TIME, SERIES, FEATURES)), GridLSTM(UNITS, dropout=0.1, seed=1)]
    model = keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(FEATURES)])
    rng = np.random.default_rng(14)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) / 3)
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse", jit_compile=False)
    losses = model.fit(x, x.sum(axis=(1, 2)), epochs=4, shuffle=False, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert_close(again(x), model(x), 1e-6)


def test_bidirectional():
    ahead, back, x = random_weights(19), random_weights(20), inputs()
    both = keras.layers.Bidirectional(loaded(ahead), dtype="float64")
    both.build((None, None, SERIES, FEATURES))
    both.forward_layer.set_weights(fused(ahead))
    both.backward_layer.set_weights(fused(back))
    backwards = run(back, x, backwards=True)[0][:, ::-1]
    assert_close(both(x), np.concatenate([run(ahead, x)[0], backwards], axis=-1), 1e-9)


@pytest.mark.slow
def test_export_takes_any_batch_and_length(tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("export to a SavedModel is TensorFlow's")
    import tensorflow as tf

    w = random_weights(14)
    layer = loaded(w, dtype="float32", dropout=0.2, recurrent_dropout=0.2)
    model = keras.Sequential([keras.Input((None, SERIES, FEATURES)), layer])
    model.export(tmp_path / "model", verbose=False)
    saved = tf.saved_model.load(tmp_path / "model")
    for batch, time in ((1, 7), (4, 3)):
        x = inputs(15, batch, time)
        assert_close(saved.serve(tf.constant(x, "float32")), run(w, x)[0], 1e-5)


def test_mixed_precision():
    w, x = random_weights(16), inputs()
    layer = loaded(w, dtype="mixed_float16")
    output = layer(x)
    assert keras.backend.standardize_dtype(output.dtype) == "float16"
    assert {variable.dtype for variable in layer.trainable_variables} == {"float32"}
    assert_close(output, run(w, x)[0], 0.01)


def test_config_holds_every_argument():
    arguments = {"units": 5, "use_bias": False, "unit_forget_bias": False, "seed": 3}
    arguments |= {"activation": "softsign", "recurrent_activation": "hard_sigmoid"}
    arguments |= {"dropout": 0.1, "recurrent_dropout": 0.2, "name": "mine", "trainable": False}
    for kind in KINDS:
        arguments[f"{kind}_initializer"] = keras.initializers.RandomNormal(seed=4)
        arguments[f"{kind}_regularizer"] = keras.regularizers.L2(0.5)
        arguments[f"{kind}_constraint"] = keras.constraints.MaxNorm(3)
    flags = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll")
    arguments |= {flag: True for flag in (*flags, "zero_output_for_mask")}
    arguments["activity_regularizer"] = keras.regularizers.L1(0.1)
    layer = GridLSTM(**arguments, dtype="float64")
    config = json.loads(json.dumps(layer.get_config()))
    assert set(config) == {*arguments, "dtype"}
    for name, value in arguments.items():
        assert config[name] == value or config[name]["config"] == value.get_config()
        assert re.search(rf"\b{name}\b", GridLSTM.__doc__), name
    assert GridLSTM.from_config(config).get_config() == layer.get_config()


def test_weights_and_how_they_start():
    layer = GridLSTM(2, bias_initializer=keras.initializers.Constant(0.5))
    layer.build((None, None, 7, 3))
    kernel, recurrent_kernel, bias = layer.get_weights()
    assert kernel.shape == (3, 16)
    assert recurrent_kernel.shape == (4, 16)
    np.testing.assert_array_equal(bias, np.repeat([0.5, 1, 0.5, 0.5, 0.5, 1, 0.5, 0.5], 2))
    plain = GridLSTM(2, unit_forget_bias=False)
    plain.build((None, None, 7, 3))
    np.testing.assert_array_equal(plain.get_weights()[2], np.zeros(16))
    bare = GridLSTM(2, use_bias=False)
    bare.build((None, None, 7, 3))
    assert len(bare.get_weights()) == 2
    w, x = random_weights(17), inputs()
    for name in vars(w):
        if name.startswith("b"):
            setattr(w, name, np.zeros(UNITS))
    without = GridLSTM(UNITS, use_bias=False, return_sequences=True, dtype="float64")
    without.build((None, None, SERIES, FEATURES))
    without.set_weights(fused(w)[:2])
    assert_close(without(x), run(w, x)[0], 1e-9)


def test_shapes_are_known_before_any_data():
    grid = keras.Input((None, SERIES, FEATURES))
    assert GridLSTM(UNITS)(grid).shape == (None, SERIES, UNITS)
    output, h, c = GridLSTM(UNITS, return_sequences=True, return_state=True)(grid)
    assert output.shape == (None, None, SERIES, UNITS)
    assert h.shape == c.shape == (None, SERIES * UNITS)


def test_bad_arguments():
    for units in (0, -1, 2.0, True, "8", None):
        with pytest.raises(ValueError, match=r"`units` must be a positive int. Received: units="):
            GridLSTM(units)
    for name in ("dropout", "recurrent_dropout"):
        with pytest.raises(ValueError, match=rf"`{name}` must be in \[0, 1\). Received"):
            GridLSTM(4, **{name: 1.0})
    with pytest.raises(ValueError, match="Unrecognized keyword arguments"):
        GridLSTM(4, series=3)


def test_bad_calls():
    layer, x = loaded(random_weights(18)), inputs()
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=3"):
        GridLSTM(4)(x[:, :, 0])
    with pytest.raises(ValueError, match="expected axis 2 of input shape to have value 3"):
        layer(x[:, :, :2])
    with pytest.raises(ValueError, match=r"must have a known number of series.*series=None"):
        GridLSTM(4)(keras.Input((None, None, FEATURES)))
    with pytest.raises(ValueError, match="`sequences` must have at least one time step"):
        layer(x[:, :0])
    for dtype in ("int32", "complex64"):
        with pytest.raises(TypeError, match=f"must be real floating-point .*dtype={dtype}"):
            layer(x.astype(dtype))
    with pytest.raises(ValueError, match=r"`mask` must have the shape .*mask.shape=\(3, 4\)"):
        layer(x, mask=MASK[:, :4])
    with pytest.raises(ValueError, match=r"list of 2 tensors with the shapes \[\(3, 12\), "):
        layer(x, initial_state=[np.zeros((BATCH, UNITS))] * 2)
