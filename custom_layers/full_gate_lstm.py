"""The LSTM whose gates see each other, as in the first of 1997 (FGR)."""

from typing import Any, ClassVar, Unpack

from keras import ops
from keras.saving import register_keras_serializable

from custom_layers.gated import (
    GATED_ARGUMENTS,
    FastLayerArguments,
    GatedCell,
    GatedCellArguments,
    GatedRNN,
)
from custom_layers.gates import Gates
from custom_layers.signatures import Constraint, Initializer, Regularizer
from custom_layers.weights import add_weight, store_weight_arguments, weight_config

FULL_GATE_ARGUMENTS = f"""
    gate_initializer: Initializer of `gate_kernel`. Default: "orthogonal".
    gate_regularizer, gate_constraint: For the same weight. Default: None.\
{GATED_ARGUMENTS}"""


@register_keras_serializable(package="custom_layers")
class FullGateLSTMCell(GatedCell):
    """One step of a peephole LSTM whose gates see all gates of the step before."""

    gates = Gates(peepholes=("input", "forget", "output"))
    shared_arguments: ClassVar[str] = FULL_GATE_ARGUMENTS
    states_text: ClassVar[str] = (
        "the hidden state h, the cell state c and the gates i, f and o, each (batch, units)"
    )

    def __init__(
        self,
        units: int,
        *,
        gate_initializer: Initializer = "orthogonal",
        gate_regularizer: Regularizer = None,
        gate_constraint: Constraint = None,
        **cell_arguments: Unpack[GatedCellArguments],
    ) -> None:
        super().__init__(units, **cell_arguments)
        store_weight_arguments(self, "gate", gate_initializer, gate_regularizer, gate_constraint)
        self.state_size = [self.units] * 5

    def build(self, input_shape):
        super().build(input_shape)
        self.gate_kernel = add_weight(self, "gate_kernel", (3 * self.units, 3 * self.units))

    def step(self, inputs, states, training=False):
        values, states = super().step(inputs, states, training)
        return values, [*states, *(values[gate] for gate in self.gates.names)]

    def _gate_inputs(self, x, states, training):
        z = super()._gate_inputs(x, states, training)
        _, _, *gates = states
        # (B, 3 * U) -> 3 x (B, U); the candidate sees no gates
        i, f, o = ops.split(ops.matmul(ops.concatenate(gates, axis=-1), self.gate_kernel), 3, -1)
        return z + ops.concatenate([i, f, ops.zeros_like(i), o], axis=-1)

    def get_config(self):
        return {
            **super().get_config(),
            **weight_config(self, "gate"),
        }


class FullGateLSTMArguments(FastLayerArguments, total=False):
    """Arguments of `FullGateLSTM` but units."""

    gate_initializer: Initializer
    gate_regularizer: Regularizer
    gate_constraint: Constraint


@register_keras_serializable(package="custom_layers")
class FullGateLSTM(GatedRNN):
    """A peephole LSTM whose gates see all gates of the step before (FGR: full gate recurrence).

    Use it to see what recurrence between gates is good for. It has more than twice the recurrent
    weights of an LSTM, and in the study of Greff et al. they gained nothing.

        i' = s(W_i x + R_i h + R_ii i + R_fi f + R_oi o + p_i c  + b_i)
        f' = s(W_f x + R_f h + R_if i + R_ff f + R_of o + p_f c  + b_f)
        g  = tanh(W_g x + R_g h + b_g)
        c' = f' c + i' g
        o' = s(W_o x + R_o h + R_io i + R_fo f + R_oo o + p_o c' + b_o)
        h' = o' tanh(c')

    with s the logistic function, p_i, p_f, p_o vectors applied element by element, and the output
    gate alone seeing the new cell state. Before the first step all gates are 0.

    Weights: `kernel` (features, 4 units), `recurrent_kernel` (units, 4 units) and `bias` (4 units)
    in the order i, f, g, o; `peephole_kernel` (number of peepholes, units) in the order i, f, o;
    `gate_kernel` (3 units, 3 units), rows for i, f, o before the step and columns for i', f', o'.

    Args:
        units: Number of units, an int above 0.
        peepholes: Names of the gates that see the cell state, any of "input", "forget" and
            "output"; () for none. Default: None, all three.
        unit_forget_bias: Whether the bias of the forget gate starts at 1, so that an untrained
            cell remembers; the rest of the bias comes from `bias_initializer`. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import FullGateLSTM
        >>> model = keras.Sequential([keras.Input((None, 3)), FullGateLSTM(16)])
        >>> model.output_shape
        (None, 16)

    Source:
        Greff et al., "LSTM: A Search Space Odyssey", IEEE TNNLS 28, 2017, variant FGR.
        Difference: peepholes start at zero.
    """

    cell_class = FullGateLSTMCell

    def __init__(self, units: int, **arguments: Unpack[FullGateLSTMArguments]) -> None:
        passed_on: dict[str, Any] = {**arguments}  # more than the typed `**` of `GatedRNN` names
        super().__init__(units, **passed_on)
