"""The members of the LSTM family, each judged by its formula written down once more in NumPy."""

import doctest
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import custom_layers
from custom_layers import CoupledLSTM, CoupledLSTMCell, PeepholeLSTM, PeepholeLSTMCell, gated, gates

from .judge import Member, fused, inputs, random_weights, run_reference


def s(z):
    return 1 / (1 + np.exp(-z))


def peephole_step(w, x, h, c):
    i = s(x @ w.W_i + h @ w.R_i + c * w.p_i + w.b_i)
    f = s(x @ w.W_f + h @ w.R_f + c * w.p_f + w.b_f)
    g = np.tanh(x @ w.W_g + h @ w.R_g + w.b_g)
    new_c = f * c + i * g
    o = s(x @ w.W_o + h @ w.R_o + new_c * w.p_o + w.b_o)
    return o * np.tanh(new_c), new_c


def coupled_step(w, x, h, c):
    i = s(x @ w.W_i + h @ w.R_i + c * w.p_i + w.b_i)
    g = np.tanh(x @ w.W_g + h @ w.R_g + w.b_g)
    new_c = (1 - i) * c + i * g
    o = s(x @ w.W_o + h @ w.R_o + new_c * w.p_o + w.b_o)
    return o * np.tanh(new_c), new_c


def with_negated_forget_gate(w):
    """1 - s(z) = s(-z): an LSTM couples its gates when the weights of f are those of i, negated."""
    return SimpleNamespace(**vars(w), W_f=-w.W_i, R_f=-w.R_i, b_f=-w.b_i)


PEEPHOLE = {"blocks": "ifgo", "step": peephole_step, "as_lstm": lambda w: w}
COUPLED = {"blocks": "igo", "step": coupled_step, "as_lstm": with_negated_forget_gate}


def test_peephole_lstm(check_layer):
    check_layer(PeepholeLSTM, **PEEPHOLE)


def test_peephole_lstm_cell(check_cell):
    check_cell(PeepholeLSTMCell, **PEEPHOLE)


def test_coupled_lstm(check_layer):
    check_layer(CoupledLSTM, **COUPLED)


def test_coupled_lstm_cell(check_cell):
    check_cell(CoupledLSTMCell, **COUPLED)


@pytest.mark.parametrize(
    ("layer_class", "biases", "peepholes"),
    [
        (PeepholeLSTM, [0.5, 1.0, 0.5, 0.5], ("input", "forget", "output")),
        (CoupledLSTM, [-1.0, 0.5, 0.5], ("input", "output")),
    ],
)
def test_untrained_layer_remembers(layer_class, biases, peepholes):
    layer = layer_class(2, bias_initializer=keras.initializers.Constant(0.5))
    layer.build((None, None, 3))
    np.testing.assert_array_equal(layer.cell.bias, np.repeat(biases, 2))
    np.testing.assert_array_equal(layer.cell.peephole_kernel, np.zeros((len(peepholes), 2)))
    assert layer.cell.gates.peepholes == peepholes
    plain = layer_class(2, bias_initializer="zeros", unit_forget_bias=False)
    plain.build((None, None, 3))
    np.testing.assert_array_equal(plain.cell.bias, np.zeros(2 * len(biases)))


def test_seeded_bias_initializer_gives_every_unit_another_value():
    layer = CoupledLSTM(3, bias_initializer=keras.initializers.RandomNormal(seed=0))
    layer.build((None, None, 1))
    values = np.asarray(layer.cell.bias)
    assert len(np.unique(values[3:])) == 6


def test_peepholes_may_come_in_any_order_and_type():
    layer = PeepholeLSTM(2, peepholes={"output", "input"})
    assert layer.get_config()["peepholes"] == ["input", "output"]
    assert PeepholeLSTM(np.int64(2)).get_config()["units"] == 2


def test_coupled_gates_leave_no_forget_gate_to_look_through():
    with pytest.raises(ValueError, match=r"out of \('input', 'output'\).*peepholes=\['forget'\]"):
        CoupledLSTM(4, peepholes=("forget",))


def test_coupled_cell_state_stays_an_average_of_candidates():
    wide = [keras.initializers.RandomNormal(0, 5, seed=seed) for seed in (1, 2)]
    layer = CoupledLSTM(
        6, kernel_initializer=wide[0], recurrent_initializer=wide[1], return_state=True
    )
    _, _, c = layer(np.random.default_rng(0).normal(size=(4, 50, 3)))
    assert 0.5 < np.abs(c).max() <= 1.0


def test_layer_wants_sequences():
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        PeepholeLSTM(4)(np.ones((2, 3)))


def test_summary_and_units(capsys):
    model = keras.Sequential([keras.Input((None, 3)), PeepholeLSTM(8, name="first")])
    model.summary()
    assert "first (PeepholeLSTM)" in capsys.readouterr().out
    assert model.layers[0].units == 8


def test_registry_names_the_layers():
    expected = {"peephole_lstm": PeepholeLSTM, "coupled_lstm": CoupledLSTM}
    assert expected == custom_layers.RECURRENT_LAYERS


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_agree_and_train(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    x, arrays = inputs(), {}
    for name, description in (("peephole_lstm", PEEPHOLE), ("coupled_lstm", COUPLED)):
        member = Member(custom_layers.RECURRENT_LAYERS[name], **description)
        weights = random_weights(member, 1)
        for k, array in enumerate(fused(member.blocks, weights, member.gates)):
            arrays[f"{name}/weights/{k}"] = array
        arrays[f"{name}/outputs"] = run_reference(member.step, weights, x)[0]
    np.savez(tmp_path / "expected.npz", x=x, **arrays)
    script = Path(__file__).with_name("without_tensorflow.py")
    done = subprocess.run(
        [sys.executable, script, tmp_path / "expected.npz"],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["coupled_lstm", "peephole_lstm"]


@pytest.mark.parametrize("module", [gates, gated, custom_layers.lstm_family])
def test_examples_in_docstrings_run(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
