"""The base of the recurrent layers: one constructor for cell and layer, and their docstrings."""

import inspect
from typing import ClassVar

import keras
import numpy as np
import pytest

from custom_layers import PeepholeLSTM, PeepholeLSTMCell
from custom_layers.recurrent import MaskedRNN, RecurrentLayer
from tests.helpers.reference_cells import as_array, assert_close, inputs


class DecayCell(keras.layers.Layer):
    """h' = decay h + the sum of x: a cell that is no LSTM and has no weights."""

    shared_arguments: ClassVar[str] = "\n    decay: A share.\n"
    shared_raises: ClassVar[str] = "\n    ValueError: Never.\n"
    states_text: ClassVar[str] = "h"
    width_text: ClassVar[str] = "units"

    def __init__(self, units, *, decay=0.5, **layer_arguments):
        super().__init__(**layer_arguments)
        self.units, self.decay, self.state_size = units, decay, [units]

    def call(self, inputs, states, training=False):
        values, states = self.step(inputs, states, training)
        return values["hidden"], states

    def step(self, inputs, states, training=False):
        added = keras.ops.sum(inputs, axis=-1, keepdims=True)
        h = self.decay * states[0] + added
        return {"added": added, "hidden": h}, [h]

    def get_config(self):
        return {**super().get_config(), "units": self.units, "decay": self.decay}


class Decay(RecurrentLayer):
    """A decaying sum.

    Args:
        units: Number of units.

    Example:
        None.
    """

    cell_class = DecayCell


def decayed(x, decay, h, mask=None):
    hidden = []
    for t in range(x.shape[1]):
        after = decay * h + x[:, t].sum(axis=-1, keepdims=True)
        h = after if mask is None else np.where(mask[:, t, None], after, h)
        hidden.append(h)
    return np.stack(hidden, axis=1)


def test_layer_and_cell_share_one_constructor():
    layer = Decay(4, decay=0.25, return_sequences=True, name="mine", dtype="float64")
    assert (layer.cell.decay, layer.units, layer.name) == (0.25, 4, "mine")
    x, h = inputs(), np.random.default_rng(1).normal(size=(3, 4))
    assert_close(layer(x, initial_state=[h]), decayed(x, 0.25, h), 1e-12)
    again = Decay.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert_close(again(x, initial_state=[h]), decayed(x, 0.25, h), 1e-12)


def test_the_signature_is_that_of_cell_and_layer():
    shown = str(inspect.signature(Decay))
    assert shown.startswith("(units, *, decay=0.5, return_sequences=False, ")
    assert "**" not in shown
    assert "layer_arguments" not in shown


def test_shared_sections_come_into_the_docstrings():
    for text in ("units: Number of units.", "decay: A share.", "return_sequences: ", "Never."):
        assert text in Decay.__doc__
    assert "Returns:\n    h' of shape (batch, units)" not in Decay.__doc__


def test_trace_gives_every_value_of_a_step_by_name():
    x, zeros = inputs(), np.zeros((3, 4))
    mask = np.array([[0, 0, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 1, 0, 1]], bool)
    trace = Decay(4, dtype="float64").trace(x, mask=mask)
    assert list(trace) == ["added", "hidden"]
    assert tuple(trace["added"].shape) == (3, 5, 1)
    assert_close(trace["hidden"], decayed(x, 0.5, zeros, mask), 1e-12)


def test_a_masked_step_repeats_the_output_before_it():
    x = inputs()
    mask = np.array([[0, 0, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 1, 0, 1]], bool)
    layer = MaskedRNN(DecayCell(4, dtype="float64"), return_sequences=True, dtype="float64")
    outputs = as_array(layer(x, mask=mask))
    assert not outputs[0, :2].any()
    np.testing.assert_array_equal(outputs[1, 3:], np.repeat(outputs[1, 2:3], 2, axis=0))
    assert_close(outputs, decayed(x, 0.5, np.zeros((3, 4)), mask), 1e-12)


def test_bad_calls_name_the_argument():
    layer, x = Decay(4), inputs()
    with pytest.raises(ValueError, match="`mask` must have the shape"):
        layer(x, mask=np.ones((3, 4), bool))
    with pytest.raises(ValueError, match="`initial_state` must be a list of 1 tensors"):
        layer(x, initial_state=[np.zeros((3, 5))])
    with pytest.raises(TypeError, match="`sequences` must be real floating-point numbers"):
        layer(x.astype("int32"))


def test_summary_and_units(capsys):
    model = keras.Sequential([keras.Input((None, 3)), PeepholeLSTM(8, name="first")])
    model.summary()
    assert "first (PeepholeLSTM)" in capsys.readouterr().out
    assert model.layers[0].units == 8


def test_a_layer_of_ones_own():
    """What is written down is completed; what is not is no error."""

    class BareCell(PeepholeLSTMCell):
        pass

    class Bare(PeepholeLSTM):
        cell_class = BareCell

    class OwnCell(PeepholeLSTMCell):
        pass

    class Own(PeepholeLSTM):
        """An own one.

            h' = h

        Args:
            units: Number of units.

        Example:
            None.
        """

        cell_class = OwnCell

    assert Bare.__doc__ is None
    assert OwnCell.__doc__.startswith("One step of `Own`.\n")
    for docstring in (Own.__doc__, OwnCell.__doc__):
        assert "    h' = h\n\nArgs:\n    units: Number of units.\n    output_act" in docstring
    for layer in (Bare, Own):
        assert layer(2).cell.name == "cell"
