"""MinLSTM and MinGRU: recurrent layers whose gates do not see the hidden state.

Without the hidden state in the gates the recurrence is linear, h' = keep h + new;
`linear_recurrence.py` computes it.

Who owns what:

- A cell owns its weights and its formula, as a function `gates` of the inputs alone, and `linear`,
  which says which part of the gates is kept and which is new.
- `MinRNN` owns dropout, direction and masks of a whole sequence.
"""

from typing import Any, ClassVar, Unpack

import keras
from keras import ops
from keras.saving import register_keras_serializable

from custom_layers.arguments import check_chrono_lag, check_rate, check_units
from custom_layers.linear_recurrence import linear_recurrence
from custom_layers.recurrent import RecurrentArguments, RecurrentLayer
from custom_layers.signatures import (
    Activation,
    Constraint,
    FullSignature,
    Initializer,
    LayerArguments,
    Regularizer,
)
from custom_layers.weights import add_weight, initial_bias

CELL_ARGUMENTS = """
    activation: Activation of the candidate, a name or a callable. Default: `above_zero`.
    use_bias: Whether there is a bias. Default: True.
    kernel_initializer: Initializer of `kernel`. Default: "glorot_uniform".
    bias_initializer: Initializer of `bias`. Default: "zeros".
    kernel_regularizer, bias_regularizer: Regularizers of the same weights. Default: None.
    kernel_constraint, bias_constraint: Constraints of the same weights. Default: None.
    chrono_lag: Longest lag to be learned, in steps, an int above 2. The bias then starts by chrono
        initialization, so that each unit keeps a share u / (1 + u) of its state at each step, with
        u uniform in [1, chrono_lag - 1]: units forget at the rates of all lags up to it (Tallec and
        Ollivier, "Can Recurrent Neural Networks Warp Time?", ICLR 2018). Default: None,
        `unit_forget_bias`.
    dropout: Share of the inputs dropped in training, in [0, 1); one mask serves all gates and
        all steps of a sequence. Default: 0.
    seed: Integer seed of dropout and of chrono initialization. Default: None, a random one.
    name, dtype, trainable: As in every Keras layer.
"""

CELL_RAISES = """
    ValueError: `units` is not a positive int, `dropout` is outside of [0, 1), or `chrono_lag` is
        not an int above 2.
"""

CELL_STATES = "the hidden state h, (batch, units)"


@register_keras_serializable(package="custom_layers")
def above_zero(x: Any) -> Any:
    """Compute a smooth positive activation: x + 0.5 for x >= 0, the logistic function elsewhere.

    Source:
        Feng et al., "Were RNNs All We Needed?", 2024, appendix B: their g, which lets them compute
        in logarithms.
    """
    return ops.where(x >= 0, x + 0.5, ops.sigmoid(x))


class MinCellArguments(LayerArguments, total=False):
    """Arguments of `MinCell` but units."""

    unit_forget_bias: bool
    chrono_lag: int | None
    activation: Activation
    use_bias: bool
    kernel_initializer: Initializer
    bias_initializer: Initializer
    kernel_regularizer: Regularizer
    bias_regularizer: Regularizer
    kernel_constraint: Constraint
    bias_constraint: Constraint
    dropout: float
    seed: int | None


class MinRNNArguments(MinCellArguments, RecurrentArguments, total=False):
    """Arguments of `MinRNN` but units."""


class MinCell(keras.layers.SimpleRNNCell):
    """One step of a recurrence whose gates see the inputs alone; base of `MinLSTMCell` and its kin.

    It is a `keras.layers.SimpleRNNCell` for the arguments that both have and for dropout; it has
    no weights on the hidden state.

    Weights: `kernel` (features, n units), `bias` (n units), in n blocks of columns.

    Args:
        units: Number of units, an int above 0.
        unit_forget_bias: Whether the bias starts so that an untrained cell keeps most of its state.
            Default: True.
        chrono_lag: Longest lag to be learned, in steps. Default: None.
        activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
            bias_regularizer, kernel_constraint, bias_constraint, dropout, seed: As in
            `keras.layers.SimpleRNNCell`, with another default of `activation`.
        layer_arguments: name, dtype and trainable, as in every Keras layer.
    """

    # The blocks by name, each with the sign by which its bias makes the cell keep its state.
    blocks: ClassVar[dict[str, float]]

    shared_arguments: ClassVar[str] = CELL_ARGUMENTS
    shared_raises: ClassVar[str] = CELL_RAISES
    states_text: ClassVar[str] = CELL_STATES
    width_text: ClassVar[str] = "units"

    __signature__ = FullSignature()

    def __init__(
        self,
        units: int,
        *,
        unit_forget_bias: bool = True,
        chrono_lag: int | None = None,
        activation: Activation = above_zero,
        use_bias: bool = True,
        kernel_initializer: Initializer = "glorot_uniform",
        bias_initializer: Initializer = "zeros",
        kernel_regularizer: Regularizer = None,
        bias_regularizer: Regularizer = None,
        kernel_constraint: Constraint = None,
        bias_constraint: Constraint = None,
        dropout: float = 0.0,
        seed: int | None = None,
        **layer_arguments: Unpack[LayerArguments],
    ) -> None:
        check_units(units)
        check_rate("dropout", dropout)
        check_chrono_lag(chrono_lag)
        super().__init__(
            int(units),
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            recurrent_initializer="zeros",  # there is none, but Keras's default draws a seed
            dropout=dropout,
            seed=seed,
            **layer_arguments,
        )
        self.unit_forget_bias = unit_forget_bias
        self.chrono_lag = chrono_lag

    def build(self, input_shape):
        width = len(self.blocks) * self.units
        self.kernel = add_weight(self, "kernel", (input_shape[-1], width))
        self.bias = None
        if self.use_bias:
            self.bias = add_weight(self, "bias", (width,), initializer=self._initial_bias)

    def _initial_bias(self, shape, dtype=None):
        """Draw the bias; the blocks that make the cell remember do not use `bias_initializer`."""
        signs = {block: sign for block, sign in self.blocks.items() if sign}
        # A bias of 1 keeps s(1) of the state, as an LSTM does.
        return initial_bias(self, shape, dtype, tuple(self.blocks), signs, signs)

    def _split(self, fused):
        """Split a fused tensor into its blocks: (..., n * U) -> n x (..., U)."""
        return ops.split(fused, len(self.blocks), axis=-1)

    def fused_kernel(self) -> Any:
        """Return the kernel in the compute dtype, with the bias, if there is one, as a last row."""
        kernel = ops.convert_to_tensor(self.kernel, dtype=self.compute_dtype)
        if self.bias is None:
            return kernel
        bias = ops.convert_to_tensor(self.bias, dtype=self.compute_dtype)
        return ops.concatenate([kernel, bias[None]], axis=0)

    def _blocks_of(self, inputs, fused_kernel):
        """Compute W x + b of each block: (..., features) -> n x (..., U)."""
        if self.use_bias:
            # As a row of the kernel the bias gets its gradient from the same matmul. A sum of its
            # own would have XLA compute all gates once more, and more slowly.
            inputs = ops.concatenate([inputs, ops.ones_like(inputs[..., :1])], axis=-1)
        return self._split(ops.matmul(inputs, fused_kernel))

    def gates(self, inputs: Any, fused_kernel: Any) -> dict[str, Any]:
        """Compute gates and candidate by name, each (..., units), for inputs (..., features).

        It and `linear` are the formula of a cell, which each subclass writes.
        """
        raise NotImplementedError

    def linear(self, gates: dict[str, Any]) -> tuple[Any, Any]:
        """Return the a and b of h' = a h + b."""
        raise NotImplementedError

    def coefficients(self, inputs: Any, fused_kernel: Any) -> tuple[Any, Any]:
        """Compute the a and b of h' = a h + b, (..., units), for inputs (..., features)."""
        return self.linear(self.gates(inputs, fused_kernel))

    def dropped(self, inputs: Any, training: bool) -> Any:
        """Apply dropout to (batch, ..., features), with one mask for all steps of a sequence."""
        if not (training and self.dropout):
            return inputs
        first = inputs if len(inputs.shape) == 2 else inputs[:, 0]
        mask = self.get_dropout_mask(first)
        return inputs * (mask if len(inputs.shape) == 2 else mask[:, None])

    def call(self, inputs, states, training=False):
        values, states = self.step(inputs, states, training)
        return values["hidden"], states

    def step(self, inputs, states, training=False):
        """Compute one step: gates, candidate and new state by name, and the list of new states."""
        gates = self.gates(self.dropped(inputs, training), self.fused_kernel())
        a, b = self.linear(gates)
        h = a * states[0] + b
        return {**gates, "hidden": h}, [h]

    def get_config(self):
        config = {
            **super().get_config(),
            "unit_forget_bias": self.unit_forget_bias,
            "chrono_lag": self.chrono_lag,
        }
        return {name: config[name] for name in config if not name.startswith("recurrent_")}


class MinRNN(RecurrentLayer):
    """A `MinCell` run over a sequence: one matmul for many steps, then a linear recurrence.

    Args:
        units: Number of units, an int above 0.

    Example:
        As for `MinLSTM`.
    """

    cell_class: ClassVar[type[MinCell]] = MinCell

    def __init__(self, units: int, **arguments: Unpack[MinRNNArguments]) -> None:
        super().__init__(units, **arguments)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if self.unroll:
            return super().inner_loop(sequences, initial_state, mask, training)
        inputs = ops.swapaxes(self.cell.dropped(sequences, training), 0, 1)  # (L, B, F)
        mask = None if mask is None else ops.swapaxes(ops.cast(mask, "bool"), 0, 1)  # (L, B)
        if self.go_backwards:
            inputs = ops.flip(inputs, axis=0)
            mask = None if mask is None else ops.flip(mask, axis=0)
        hidden = linear_recurrence(
            self.cell.coefficients, inputs, [self.cell.fused_kernel()], initial_state[0], mask
        )
        outputs = hidden if mask is None else self._shown(hidden, mask)
        last = outputs[-1]
        outputs = ops.swapaxes(outputs, 0, 1) if self.return_sequences else last[:, None]
        return last, outputs, [hidden[-1]]

    def _shown(self, hidden, mask):
        """Mask outputs: a masked step repeats the output before it, zeros if there is none."""
        if not self.zero_output_for_mask:
            mask = ops.cumsum(ops.cast(mask, "int32"), axis=0) > 0
        return ops.where(mask[..., None], hidden, 0.0)


@register_keras_serializable(package="custom_layers")
class MinLSTMCell(MinCell):
    """One step of an LSTM whose gates do not see the hidden state."""

    blocks: ClassVar[dict[str, float]] = {"input": -1.0, "forget": 1.0, "candidate": 0.0}

    def gates(self, inputs, fused_kernel):
        z_i, z_f, z_g = self._blocks_of(inputs, fused_kernel)
        # f / (f + i) = (1 + exp(-z_i)) / ((1 + exp(-z_i)) + (1 + exp(-z_f))), and the same for i.
        # Numerator and denominator are scaled by exp(m), so that nothing overflows and one of the
        # exponents is 0; the result does not depend on m, nor does its gradient.
        m = ops.stop_gradient(ops.minimum(ops.minimum(z_i, z_f), 0.0))
        one = ops.exp(m)
        forget, input_ = one + ops.exp(m - z_i), one + ops.exp(m - z_f)
        both = forget + input_
        return {
            "input": input_ / both,
            "forget": forget / both,
            "candidate": self.activation(z_g),
        }

    def linear(self, gates):
        return gates["forget"], gates["input"] * gates["candidate"]


@register_keras_serializable(package="custom_layers")
class MinLSTM(MinRNN):
    """An LSTM whose gates do not see the hidden state, so that it is linear in time.

    Use it for long sequences: all gates of many steps are one matmul, and what is left for each
    step is a product and a sum. It takes a fraction of the time of an LSTM, and its gradient
    cannot explode: the state is an average of candidates. What gates should decide by the past,
    a second layer on top of it can.

        i = s(W_i x + b_i)
        f = s(W_f x + b_f)
        g = activation(W_g x + b_g)
        h' = f / (f + i) h + i / (f + i) g

    with s the logistic function. There is no cell state and no output gate. In `trace`, "input" and
    "forget" are the normalized gates i / (f + i) and f / (f + i).

    Weights: `kernel` (features, 3 units) and `bias` (3 units) in the order i, f, g.

    Args:
        units: Number of units, an int above 0.
        unit_forget_bias: Whether the biases of forget and input gate start at 1 and -1, so that an
            untrained layer keeps s(1) of its state; the rest of the bias comes from
            `bias_initializer`. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import MinLSTM
        >>> model = keras.Sequential([keras.Input((None, 3)), MinLSTM(16)])
        >>> model.output_shape
        (None, 16)

    Source:
        Feng, Tung, Ahmed, Bengio and Hajimirsadeghi, "Were RNNs All We Needed?", 2024, section 3.2,
        with the candidate of its appendix B, which its experiments use; `activation="linear"` is
        the candidate of section 3.2. Differences: h is computed itself, not its logarithm, so that
        states to start from may be negative; they start at zero, and biases by remembering.
    """

    cell_class = MinLSTMCell


@register_keras_serializable(package="custom_layers")
class MinGRUCell(MinCell):
    """One step of a GRU whose gate does not see the hidden state."""

    blocks: ClassVar[dict[str, float]] = {"update": -1.0, "candidate": 0.0}

    def gates(self, inputs, fused_kernel):
        z, g = self._blocks_of(inputs, fused_kernel)
        return {"update": ops.sigmoid(z), "candidate": self.activation(g)}

    def linear(self, gates):
        return 1.0 - gates["update"], gates["update"] * gates["candidate"]


@register_keras_serializable(package="custom_layers")
class MinGRU(MinRNN):
    """A GRU whose gate does not see the hidden state, so that it is linear in time.

    Use it as `MinLSTM`, for two thirds of its weights: one gate, as in `CoupledLSTM`, decides what
    is kept and what is new.

        z = s(W_z x + b_z)
        g = activation(W_g x + b_g)
        h' = (1 - z) h + z g

    with s the logistic function.

    Weights: `kernel` (features, 2 units) and `bias` (2 units) in the order z, g.

    Args:
        units: Number of units, an int above 0.
        unit_forget_bias: Whether the bias of the update gate starts at -1, so that an untrained
            layer keeps s(1) of its state; the rest of the bias comes from `bias_initializer`.
            Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import MinGRU
        >>> model = keras.Sequential([keras.Input((None, 3)), MinGRU(16)])
        >>> model.output_shape
        (None, 16)

    Source:
        Feng, Tung, Ahmed, Bengio and Hajimirsadeghi, "Were RNNs All We Needed?", 2024, section 3.1,
        with the candidate of its appendix B, which its experiments use; `activation="linear"` is
        the candidate of section 3.1. Differences: as for `MinLSTM`.
    """

    cell_class = MinGRUCell
