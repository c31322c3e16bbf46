"""The gated recurrence: one step of it, and the layer that runs it over time.

Who owns what:

- `Gates` (gates.py): which gates there are, what they see, how they are tied.
- `GatedCell`: the weights and the formula of one step. It is a `keras.layers.LSTMCell`, so that the
  arguments every LSTM cell shares, their config and the dropout masks are Keras's own and are
  written once, in Keras.
- `GatedRNN`: the options of the sequence. It is a `keras.layers.RNN`, which owns the loop over
  time, masks and states, and no `keras.layers.LSTM`: Keras hands that class to cuDNN, which knows
  neither peepholes nor coupled gates. Whoever writes a faster loop for one backend overrides
  `inner_loop`, the one method that sees a whole sequence.
- `lstm_family.py`: a docstring and a few lines of data for each member.
"""

import inspect
from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar

import keras
from keras import ops

from custom_layers.gates import Gates


def insert_before_example(docstring: str | None, shared: str) -> str | None:
    """Completes the docstring of a member with the sections that its whole family shares.

    Args:
        docstring: A docstring with a section `Example:`, or None (Python drops them under -OO).
        shared: What to insert: the rest of `Args:` and whole sections.

    Returns:
        The completed docstring, or None.
    """
    if docstring is None:
        return None
    own, heading, example = inspect.cleandoc(docstring).partition("\n\nExample:")
    return own + shared.rstrip() + heading + example


CELL_ARGUMENTS = """
    activation: Activation of candidate and output, a name or a callable. Default: "tanh".
    recurrent_activation: Activation of the gates, a name or a callable. Default: "sigmoid".
    use_bias: Whether there is a bias. Default: True.
    kernel_initializer: Initializer of `kernel`. Default: "glorot_uniform".
    recurrent_initializer: Initializer of `recurrent_kernel`. Default: "orthogonal".
    bias_initializer: Initializer of `bias`. Default: "zeros".
    peephole_initializer: Initializer of `peephole_kernel`. Default: "zeros", so that training
        starts from the cell without peepholes.
    kernel_regularizer, recurrent_regularizer, bias_regularizer, peephole_regularizer:
        Regularizers of the same weights. Default: None.
    kernel_constraint, recurrent_constraint, bias_constraint, peephole_constraint:
        Constraints of the same weights. Default: None.
    dropout: Share of the inputs dropped in training, in [0, 1); one mask serves all gates and
        all steps of a sequence. Default: 0.
    recurrent_dropout: The same for the hidden state on its way into the gates. Default: 0.
    seed: Integer seed of both dropouts. Default: None, a random one.
    name, dtype, trainable: As in every Keras layer.
"""

RAISES = """
Raises:
    ValueError: `units` is not a positive int, a dropout is outside of [0, 1), or `peepholes`
        names a gate that the cell does not have.
    TypeError: `peepholes` is no sequence of names.
"""

CELL_SECTIONS = f"""{CELL_ARGUMENTS}
Call arguments:
    inputs: (batch, features), float; the inputs of one step.
    states: List of the hidden state h and the cell state c, each (batch, units).
    training: Whether dropout is active. Default: False.

Returns:
    h' of shape (batch, units) in the compute dtype, and the new states [h', c'].
{RAISES}"""

LAYER_SECTIONS = f"""{CELL_ARGUMENTS.rstrip()}
    return_sequences: Whether to return the output of every step. Default: False, the last one.
    return_state: Whether to return the last h and c too. Default: False.
    go_backwards: Whether to read the sequence from its end; outputs come in the order in which
        they are computed. Default: False.
    stateful: Whether a batch starts from the states in which the one before it ended.
        Default: False.
    unroll: Whether to write the loop out, step by step; for short sequences. Default: False.
    zero_output_for_mask: Whether masked steps give zeros; otherwise they repeat the output
        before them. Default: False.
    activity_regularizer: Regularizer of the output. Default: None.

Call arguments:
    sequences: (batch, time, features), float.
    initial_state: List of h and c to start from, each (batch, units). Default: zeros.
    mask: (batch, time), boolean; False skips a step: states stay as they are. Default: None.
    training: Whether dropout is active. Default: False.

Returns:
    (batch, units), or (batch, time, units) with `return_sequences`, in the compute dtype; with
    `return_state` a tuple of that and the last h and c, each (batch, units).
{RAISES}"""


class GatedCell(keras.layers.LSTMCell):
    """One step of an LSTM whose gates are described by `gates`.

    Use it as the base of a new member of the family: set `gates`, and write a docstring with the
    `Args:` units, peepholes and unit_forget_bias, an `Example:` and a `Source:`; what all cells
    share is inserted before the example. As it stands it is the LSTM of `keras.layers.LSTMCell`.

    The formula, with s the `recurrent_activation` and each p zero for a gate without peephole:

        i = s(W_i x + R_i h + p_i c + b_i)
        f = s(W_f x + R_f h + p_f c + b_f), or 1 - i if coupled
        g = activation(W_g x + R_g h + b_g)
        c' = f c + i g
        o = s(W_o x + R_o h + p_o c' + b_o)
        h' = o activation(c')

    Weights: `kernel` (features, n units), `recurrent_kernel` (units, n units), `bias` (n units),
    in n blocks of columns as `gates.blocks` orders them; `peephole_kernel`, a row of units for each
    of `gates.peepholes`, or None.

    Args:
        units: Number of units, an int above 0.
        peepholes: Names of the gates that see the cell state. Default: None, those of `gates`.
        unit_forget_bias: Whether the cell starts by remembering, see `Gates.remembering_bias`; the
            rest of the bias comes from `bias_initializer`. Default: True.
        peephole_initializer, peephole_regularizer, peephole_constraint: For `peephole_kernel`.
            Default: "zeros", None, None.
        dropout, recurrent_dropout: Shares dropped in training, in [0, 1). Default: 0.
        lstm_cell_arguments: Every other argument of `keras.layers.LSTMCell`.

    Example:
        >>> import keras
        >>> layer = keras.layers.RNN(GatedCell(8, peepholes=("output",)))
        >>> tuple(layer(keras.ops.zeros((2, 5, 3))).shape)
        (2, 8)
    """

    gates: Gates = Gates()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__doc__ = insert_before_example(cls.__doc__, CELL_SECTIONS)

    def __init__(
        self,
        units: int,
        *,
        peepholes: Sequence[str] | None = None,
        peephole_initializer: Any = "zeros",
        peephole_regularizer: Any = None,
        peephole_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        **lstm_cell_arguments: Any,
    ) -> None:
        _check_units(units)
        _check_rate("dropout", dropout)
        _check_rate("recurrent_dropout", recurrent_dropout)
        super().__init__(
            int(units),
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            **lstm_cell_arguments,
        )
        if peepholes is not None:
            self.gates = replace(self.gates, peepholes=peepholes)
        self.peephole_initializer = keras.initializers.get(peephole_initializer)
        self.peephole_regularizer = keras.regularizers.get(peephole_regularizer)
        self.peephole_constraint = keras.constraints.get(peephole_constraint)
        # Keras makes a mask for each gate once `recurrent_dropout` is set. All gates share one
        # matmul here, so there is one mask.
        self.dropout_mask_count = None

    def build(self, input_shape):
        width = len(self.gates.blocks) * self.units
        self.kernel = self.add_weight(
            shape=(input_shape[-1], width),
            name="kernel",
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, width),
            name="recurrent_kernel",
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = self.peephole_kernel = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(width,),
                name="bias",
                initializer=self._initial_bias,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        if self.gates.peepholes:
            self.peephole_kernel = self.add_weight(
                shape=(len(self.gates.peepholes), self.units),
                name="peephole_kernel",
                initializer=self.peephole_initializer,
                regularizer=self.peephole_regularizer,
                constraint=self.peephole_constraint,
            )

    def _initial_bias(self, shape, dtype=None):
        """`bias_initializer` for all blocks but the one that makes the cell remember."""
        bias = self.bias_initializer(shape, dtype=dtype)
        if not self.unit_forget_bias:
            return bias
        gate, value = self.gates.remembering_bias
        parts = self._split(bias)
        parts[gate] = ops.full_like(parts[gate], value)
        return ops.concatenate(list(parts.values()))

    def _split(self, fused):
        """The blocks of a fused tensor by name: (..., n * U) -> n x (..., U)."""
        blocks = self.gates.blocks
        return dict(zip(blocks, ops.split(fused, len(blocks), axis=-1), strict=True))

    def _gate(self, name, z, c):
        """What a gate lets through, given its part of z and the cell state that it sees."""
        if name in self.gates.peepholes:
            z = z + self.peephole_kernel[self.gates.peepholes.index(name)] * c
        return self.recurrent_activation(z)

    def call(self, inputs, states, training=False):
        x, (h, c) = inputs, states
        if training and self.dropout:
            x = x * self.get_dropout_mask(x)
        if training and self.recurrent_dropout:
            h = h * self.get_recurrent_dropout_mask(h)

        z = ops.matmul(x, self.kernel) + ops.matmul(h, self.recurrent_kernel)
        if self.use_bias:
            z = z + self.bias
        z = self._split(z)  # (B, n * U) -> n x (B, U)

        i = self._gate("input", z["input"], c)
        f = 1.0 - i if self.gates.coupled else self._gate("forget", z["forget"], c)
        g = self.activation(z["candidate"])
        c = f * c + i * g
        o = self._gate("output", z["output"], c)
        h = o * self.activation(c)
        return h, [h, c]

    def get_config(self):
        return {
            **super().get_config(),
            "peepholes": list(self.gates.peepholes),
            "peephole_initializer": keras.initializers.serialize(self.peephole_initializer),
            "peephole_regularizer": keras.regularizers.serialize(self.peephole_regularizer),
            "peephole_constraint": keras.constraints.serialize(self.peephole_constraint),
        }


class GatedRNN(keras.layers.RNN):
    """A `GatedCell` run over a sequence, with one constructor for cell and layer.

    Use it as the base of a new member of the family: set `cell_class`, and write a docstring as for
    the cell.

    Args:
        units: Number of units, an int above 0.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: As in
            `keras.layers.RNN`. Default: False.
        activity_regularizer, name, dtype, trainable: As in every Keras layer.
        cell_arguments: Every other argument of `cell_class`, given on to it as it is.

    Example:
        >>> import keras
        >>> layer = GatedRNN(8, peepholes=("output",))
        >>> tuple(layer(keras.ops.zeros((2, 5, 3))).shape)
        (2, 8)
    """

    cell_class: ClassVar[type[GatedCell]] = GatedCell

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__doc__ = insert_before_example(cls.__doc__, LAYER_SECTIONS)

    def __init__(
        self,
        units: int,
        *,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        activity_regularizer: Any = None,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
        **cell_arguments: Any,
    ) -> None:
        super().__init__(
            self.cell_class(units, name="cell", dtype=dtype, trainable=trainable, **cell_arguments),
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            zero_output_for_mask=zero_output_for_mask,
            activity_regularizer=activity_regularizer,
            name=name,
            dtype=dtype,
            trainable=trainable,
        )
        self.input_spec = keras.layers.InputSpec(ndim=3)

    @property
    def units(self) -> int:
        """Number of units; every other argument of the cell is an attribute of `cell`."""
        return self.cell.units

    def get_config(self):
        own = super().get_config()
        del own["cell"]
        return {**self.cell.get_config(), **own}  # name, dtype and trainable are the layer's

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def _check_units(units: int) -> None:
    if isinstance(units, bool) or not isinstance(units, Integral) or units < 1:
        raise ValueError(
            f"`units` must be a positive int. Received: units={units!r}. "
            "Pass the size of the hidden state, for example units=32."
        )


def _check_rate(name: str, rate: float) -> None:
    if not 0.0 <= rate < 1.0:
        raise ValueError(
            f"`{name}` must be in [0, 1). Received: {name}={rate!r}. "
            f"It is the share that is dropped; pass {name}=0.0 to drop nothing."
        )
