"""The layer-normalized LSTM, whose gates see inputs of the same scale at every step."""

from numbers import Real
from typing import Any, ClassVar, Unpack

from keras import ops
from keras.saving import register_keras_serializable

from custom_layers.gated import (
    GATED_RAISES,
    FastLayerArguments,
    GatedCell,
    GatedCellArguments,
    GatedRNN,
)
from custom_layers.gates import Gates


@register_keras_serializable(package="custom_layers")
class LayerNormLSTMCell(GatedCell):
    """One step of a layer-normalized LSTM with peepholes."""

    gates = Gates(peepholes=("input", "forget", "output"))
    shared_raises: ClassVar[str] = GATED_RAISES.replace(
        "a dropout", "`epsilon` is not above 0, a dropout", 1
    )

    def __init__(
        self, units: int, *, epsilon: float = 1e-3, **cell_arguments: Unpack[GatedCellArguments]
    ) -> None:
        super().__init__(units, **cell_arguments)
        if not isinstance(epsilon, Real) or not epsilon > 0.0:
            raise ValueError(
                f"`epsilon` must be a float above 0. Received: epsilon={epsilon!r}. "
                "It keeps a variance of zero from being divided by; pass epsilon=0.001."
            )
        self.epsilon: float = float(epsilon)

    def build(self, input_shape):
        super().build(input_shape)
        width = len(self.gates.blocks) * self.units
        self.kernel_gain = self._gain("kernel_gain", width)
        self.recurrent_gain = self._gain("recurrent_gain", width)
        self.cell_gain = self._gain("cell_gain", self.units)
        self.cell_offset = self.add_weight(
            shape=(self.units,), name="cell_offset", initializer=_even_offsets
        )

    def _gain(self, name, width):
        return self.add_weight(shape=(width,), name=name, initializer="ones")

    def _gate_inputs(self, x, states, training):
        x, h = self._dropped(x, states[0], training)
        z = self.kernel_gain * self._normal(ops.matmul(x, self.kernel))
        z = z + self.recurrent_gain * self._normal(ops.matmul(h, self.recurrent_kernel))
        return z + self.bias if self.use_bias else z

    def _hidden(self, o, c):
        return super()._hidden(o, self.cell_gain * self._normal(c) + self.cell_offset)

    def _normal(self, values):
        """Compute N: subtract the mean of the last axis, divide by its standard deviation."""
        values = values - ops.mean(values, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(values), axis=-1, keepdims=True)
        return values / ops.sqrt(variance + self.epsilon)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


def _even_offsets(shape, dtype=None):
    """Return values evenly from -0.5 to 0.5, since N is steepest at a state of zeros."""
    return ops.linspace(-0.5, 0.5, shape[0], dtype=dtype)


class LayerNormLSTMArguments(FastLayerArguments, total=False):
    """Arguments of `LayerNormLSTM` but units."""

    epsilon: float


@register_keras_serializable(package="custom_layers")
class LayerNormLSTM(GatedRNN):
    """A layer-normalized LSTM with peepholes.

    Use it for deep or long networks that are hard to train: what gates and output see has the same
    mean and spread at every step, whatever the scale of inputs, states and weights.

        (z_i, z_f, z_g, z_o) = a_x N(W x) + a_h N(R h) + b
        i = s(z_i + p_i c)
        f = s(z_f + p_f c)
        g = tanh(z_g)
        c' = f c + i g
        o = s(z_o + p_o c')
        h' = o tanh(a_c N(c') + b_c)

    with s the logistic function, N(v) = (v - mean(v)) / sqrt(variance(v) + epsilon) over all 4
    units of a product and over the units of c', gains a and offsets b trainable, a and p applied
    element by element, and the output gate alone seeing the new cell state.

    Weights: `kernel` (features, 4 units), `recurrent_kernel` (units, 4 units) and `bias` (4 units)
    in the order i, f, g, o; `peephole_kernel` (number of peepholes, units) in the order i, f, o;
    `kernel_gain` a_x and `recurrent_gain` a_h (4 units), `cell_gain` a_c and `cell_offset` b_c
    (units).

    Args:
        units: Number of units, an int above 0.
        epsilon: What is added to a variance before its square root is divided by, a float above 0.
            Default: 0.001.
        peepholes: Names of the gates that see the cell state, any of "input", "forget" and
            "output"; () for none. Default: None, all three.
        unit_forget_bias: Whether the bias of the forget gate starts at 1, so that an untrained
            cell remembers; the rest of the bias comes from `bias_initializer`. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import LayerNormLSTM
        >>> model = keras.Sequential([keras.Input((None, 3)), LayerNormLSTM(16)])
        >>> model.output_shape
        (None, 16)

    Source:
        Ba, Kiros and Hinton, "Layer Normalization", arXiv:1607.06450, 2016, equations 20 to 22 of
        the supplement. Differences: peepholes, which see c as it is; one bias in the place of two
        offsets that add up; epsilon; and b_c starts evenly between -0.5 and 0.5, not at 0, where
        gradients over steps that are all 0 grow by 1 / epsilon a step until they overflow.
    """

    cell_class = LayerNormLSTMCell

    def __init__(self, units: int, **arguments: Unpack[LayerNormLSTMArguments]) -> None:
        passed_on: dict[str, Any] = {**arguments}  # more than the typed `**` of `GatedRNN` names
        super().__init__(units, **passed_on)
