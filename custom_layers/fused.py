"""The cell whose gates share their weights: the base of every cell with a hidden state.

It is a `keras.layers.LSTMCell`, so that the arguments every LSTM cell shares, their config and the
dropout masks are Keras's own and are written once, in Keras.
"""

from typing import ClassVar, Unpack

import keras
from keras import ops

from custom_layers.arguments import check_chrono_lag, check_rate, check_units
from custom_layers.gates import Gates
from custom_layers.signatures import (
    Activation,
    Constraint,
    FullSignature,
    Initializer,
    LayerArguments,
    Regularizer,
)
from custom_layers.weights import add_weight, initial_bias

WEIGHT_ARGUMENTS = """\
    kernel_initializer: Initializer of `kernel`. Default: "glorot_uniform".
    recurrent_initializer: Initializer of `recurrent_kernel`. Default: "orthogonal".
    bias_initializer: Initializer of `bias`. Default: "zeros".
    kernel_regularizer, recurrent_regularizer, bias_regularizer: Regularizers of the same weights.
        Default: None.
    kernel_constraint, recurrent_constraint, bias_constraint: Constraints of the same weights.
        Default: None.
"""

FUSED_ARGUMENTS = f"""
    activation: Activation of the candidate, a name or a callable. Default: "tanh", unless the
        formula above has another.
    recurrent_activation: Activation of the gates, a name or a callable. Default: "sigmoid".
    use_bias: Whether there is a bias. Default: True.
{WEIGHT_ARGUMENTS}\
    chrono_lag: Longest lag to be learned, in steps, an int above 2. The bias then starts by chrono
        initialization, b_f = log(u) and b_i = -b_f with u uniform in [1, chrono_lag - 1] for each
        unit, so that units forget at the rates of all lags up to it (Tallec and Ollivier, "Can
        Recurrent Neural Networks Warp Time?", ICLR 2018). Default: None, `unit_forget_bias`.
    dropout: Share of the inputs dropped in training, in [0, 1); one mask serves all gates and
        all steps of a sequence. Default: 0.
    recurrent_dropout: The same for the hidden state on its way into the gates. Default: 0.
    seed: Integer seed of both dropouts and of chrono initialization. Default: None, a random one.
    name, dtype, trainable: As in every Keras layer.
"""

FUSED_RAISES = """
    ValueError: A size is not a positive int, a dropout is outside of [0, 1), or `chrono_lag` is no
        int above 2.
"""


class LSTMCellArguments(LayerArguments, total=False):
    """Arguments of `keras.layers.LSTMCell` but units and dropouts."""

    activation: Activation
    recurrent_activation: Activation
    use_bias: bool
    kernel_initializer: Initializer
    recurrent_initializer: Initializer
    bias_initializer: Initializer
    unit_forget_bias: bool
    kernel_regularizer: Regularizer
    recurrent_regularizer: Regularizer
    bias_regularizer: Regularizer
    kernel_constraint: Constraint
    recurrent_constraint: Constraint
    bias_constraint: Constraint
    seed: int | None


class CheckedCellArguments(LSTMCellArguments, total=False):
    """Arguments of `CheckedCell` but units."""

    dropout: float
    recurrent_dropout: float


class FusedCellArguments(CheckedCellArguments, total=False):
    """Arguments of `FusedCell` but units."""

    chrono_lag: int | None


class CheckedCell(keras.layers.LSTMCell):
    """A `keras.layers.LSTMCell` that checks its arguments and drops the same for all gates.

    Args:
        units: Number of units, an int above 0.
        dropout, recurrent_dropout: Shares dropped in training, in [0, 1). Default: 0.
        lstm_cell_arguments: Every other argument of `keras.layers.LSTMCell`.
    """

    __signature__ = FullSignature()

    def __init__(
        self,
        units: int,
        *,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        **lstm_cell_arguments: Unpack[LSTMCellArguments],
    ) -> None:
        check_units(units)
        check_rate("dropout", dropout)
        check_rate("recurrent_dropout", recurrent_dropout)
        super().__init__(
            int(units), dropout=dropout, recurrent_dropout=recurrent_dropout, **lstm_cell_arguments
        )
        # Keras makes a mask for each gate once `recurrent_dropout` is set. All gates share one
        # matmul here, so there is one mask.
        self.dropout_mask_count = None


class FusedCell(CheckedCell):
    """A cell whose gates share one kernel, one recurrent kernel and one bias.

    Use it as the base of a cell that is no LSTM: set `gates`, and write `step`. It has the dropout
    masks of `keras.layers.LSTMCell`, and of its arguments those that such a cell has.

    Weights: `kernel` (features, n units), `recurrent_kernel` (width of the first state, n units)
    and `bias` (n units), in n blocks of columns as `gates.blocks` orders them.

    Args:
        units: Number of units, an int above 0.
        unit_forget_bias: Whether the cell starts by remembering, see `Gates.remembering_bias`; the
            rest of the bias comes from `bias_initializer`. Default: True.
        chrono_lag: Longest lag to be learned, in steps. Default: None.
        cell_arguments: Every other argument of `keras.layers.LSTMCell`.
    """

    gates: Gates = Gates()

    shared_arguments: ClassVar[str] = FUSED_ARGUMENTS
    shared_raises: ClassVar[str] = FUSED_RAISES
    states_text: ClassVar[str] = "the hidden state h (batch, units)"
    width_text: ClassVar[str] = "units"

    def __init__(
        self,
        units: int,
        *,
        chrono_lag: int | None = None,
        **cell_arguments: Unpack[CheckedCellArguments],
    ) -> None:
        super().__init__(units, **cell_arguments)
        check_chrono_lag(chrono_lag)
        _check_can_forget(chrono_lag, self.gates)
        self.chrono_lag = chrono_lag
        self.state_size = [self.units]

    def build(self, input_shape):
        width = len(self.gates.blocks) * self.units
        self.kernel = add_weight(self, "kernel", (input_shape[-1], width))
        self.recurrent_kernel = add_weight(self, "recurrent_kernel", (self.state_size[0], width))
        self.bias = None
        if self.use_bias:
            self.bias = add_weight(self, "bias", (width,), initializer=self._initial_bias)

    def _initial_bias(self, shape, dtype=None):
        """Draw the bias; the blocks that make the cell remember do not use `bias_initializer`."""
        gates = self.gates
        return initial_bias(
            self, shape, dtype, gates.blocks, gates.chrono_signs, gates.remembering_bias
        )

    def _split(self, fused):
        """Split a fused tensor into its blocks by name: (..., n * U) -> n x (..., U)."""
        blocks = self.gates.blocks
        return dict(zip(blocks, ops.split(fused, len(blocks), axis=-1), strict=True))

    def call(self, inputs, states, training=False):
        values, states = self.step(inputs, states, training)
        return values["hidden"], states

    def step(self, inputs, states, training=False):
        """Compute one step: gates, candidate and states by name, and the list of new states.

        It is the formula of a cell, which each subclass writes.
        """
        raise NotImplementedError

    def _gate_inputs(self, x, states, training):
        """Compute the inputs of gates and candidate from x and states: (B, n * U)."""
        x, h = self._dropped(x, states[0], training)
        z = ops.matmul(x, self.kernel) + ops.matmul(h, self.recurrent_kernel)
        return z + self.bias if self.use_bias else z

    def _dropped(self, x, h, training):
        """Apply dropout to inputs and hidden state on their way into the gates."""
        if training and self.dropout:
            x = x * self.get_dropout_mask(x)
        if training and self.recurrent_dropout:
            h = h * self.get_recurrent_dropout_mask(h)
        return x, h

    def get_config(self):
        return {**super().get_config(), "chrono_lag": self.chrono_lag}


def _check_can_forget(lag: int | None, gates: Gates) -> None:
    if lag is not None and not gates.chrono_signs:
        raise ValueError(
            "`chrono_lag` must be None for a cell that has no forget gate. "
            f"Received: chrono_lag={lag!r}. Leave it out; such a cell never forgets."
        )
