"""The gated recurrence: one step of it, for every member of the LSTM family.

Who owns what:

- `Gates` (gates.py): which gates there are, what they see, how they are tied.
- `FusedCell` (fused.py): the weights that all gates share, and how they start.
- `GatedCell`: peepholes, and the formula of one step.
- `GatedRNN`: the layer, as `RecurrentLayer` (recurrent.py) has it for every cell. It is no
  `keras.layers.LSTM`: Keras hands that class to cuDNN, which knows neither peepholes nor coupled
  gates.
- `lstm_family.py` and its neighbours: a docstring and a few lines of data for each member.
"""

import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Unpack

import keras
from keras import ops

from custom_layers.fused import FUSED_ARGUMENTS, FusedCell, FusedCellArguments
from custom_layers.gates import GateName
from custom_layers.recurrent import LAYER_ARGUMENTS, RecurrentArguments, RecurrentLayer
from custom_layers.signatures import (
    Activation,
    Constraint,
    FullSignature,
    Initializer,
    Parameters,
    Regularizer,
    named_parameters,
)
from custom_layers.weights import add_weight, store_weight_arguments, weight_config

fast_tensorflow: Any = None
if keras.backend.backend() == "tensorflow":
    from custom_layers import fast_tensorflow

# The methods of `GatedCell` that are its formula. Whoever overrides one has another formula.
FORMULA = ("step", "_gate_inputs", "_dropped", "_seen", "_gate", "_hidden")

GATED_ARGUMENTS = f"""
    output_activation: Activation of the cell state on its way out, a name or a callable. Default:
        that of `activation`, unless the formula above has another.
    peephole_initializer: Initializer of `peephole_kernel`. Default: "zeros", so that training
        starts from the cell without peepholes.
    peephole_regularizer, peephole_constraint: For the same weight. Default: None.
    truncate_gradient: Whether errors flow back in time through the cell state only: not through
        the hidden state, and not through peepholes. Default: False unless stated above.\
{FUSED_ARGUMENTS}"""

GATED_RAISES = """
    ValueError: A size is not a positive int, a dropout is outside of [0, 1), `peepholes` names a
        gate that the cell does not have, or `chrono_lag` is no int above 2, or is given to a cell
        that cannot forget.
    TypeError: `peepholes` is no sequence of names.
"""

FAST_PATH_ARGUMENT = """\
    use_fast_path: Whether training may take the fast path, which gives the same numbers sooner, on
        TensorFlow without a GPU: in a graph, in float32 or float64, without mask, recurrent dropout
        and `unroll`, with the usual activations. Second derivatives need False. Default: True.
"""


class _ActivatedCellArguments(FusedCellArguments, total=False):
    output_activation: Activation


class GatedCellArguments(_ActivatedCellArguments, total=False):
    """Arguments of `GatedCell` but units."""

    peepholes: Sequence[GateName] | None
    truncate_gradient: bool | None
    peephole_initializer: Initializer
    peephole_regularizer: Regularizer
    peephole_constraint: Constraint


class GatedLayerArguments(GatedCellArguments, RecurrentArguments, total=False):
    """Arguments of `GatedRNN` but units and use_fast_path."""


class FastLayerArguments(GatedLayerArguments, total=False):
    """Arguments of `GatedRNN` but units."""

    use_fast_path: bool


def _gated_parameters(cell: type["GatedCell"]) -> Parameters:
    """Collect the parameters of a cell, with the defaults that its class attributes state."""
    parameters, activation = named_parameters(cell), cell.activations["activation"]
    defaults = {"output_activation": activation, **cell.activations}
    defaults["truncate_gradient"] = cell.truncated
    kind = inspect.Parameter.KEYWORD_ONLY
    stated = {name: inspect.Parameter(name, kind, default=defaults[name]) for name in defaults}
    return {**parameters, **stated}


class GatedCell(FusedCell):
    """One step of an LSTM whose gates are described by `gates`.

    Use it as the base of a new member of the family: set `gates`, and `activations` where they
    differ. `truncated` is the default of `truncate_gradient`. As it stands it is the LSTM of
    `keras.layers.LSTMCell`.

    The formula, with s the `recurrent_activation` and each p zero for a gate without peephole:

        i = s(W_i x + R_i h + p_i c + b_i), or 1 if open
        f = s(W_f x + R_f h + p_f c + b_f), or 1 if open, or 1 - i if coupled
        g = activation(W_g x + R_g h + b_g)
        c' = f c + i g
        o = s(W_o x + R_o h + p_o c' + b_o), or 1 if open
        h' = o output_activation(c')

    Weights: `kernel` (features, n units), `recurrent_kernel` (units, n units), `bias` (n units),
    in n blocks of columns as `gates.blocks` orders them; `peephole_kernel`, a row of units for each
    of `gates.peepholes`, or None.

    Args:
        units: Number of units, an int above 0.
        peepholes: Names of the gates that see the cell state. Default: None, those of `gates`.
        unit_forget_bias: Whether the cell starts by remembering, see `Gates.remembering_bias`; the
            rest of the bias comes from `bias_initializer`. Default: True.

    Example:
        >>> import keras
        >>> layer = keras.layers.RNN(GatedCell(8, peepholes=("output",)))
        >>> tuple(layer(keras.ops.zeros((2, 5, 3))).shape)
        (2, 8)
    """

    # Defaults of `activation` and, where it is another, `output_activation`.
    activations: ClassVar[dict[str, Any]] = {"activation": "tanh"}
    truncated: ClassVar[bool] = False

    shared_arguments: ClassVar[str] = GATED_ARGUMENTS
    shared_raises: ClassVar[str] = GATED_RAISES
    states_text: ClassVar[str] = "the hidden state h and the cell state c, each (batch, units)"

    __signature__ = FullSignature(_gated_parameters)

    def __init__(
        self,
        units: int,
        *,
        peepholes: Sequence[GateName] | None = None,
        truncate_gradient: bool | None = None,
        peephole_initializer: Initializer = "zeros",
        peephole_regularizer: Regularizer = None,
        peephole_constraint: Constraint = None,
        **cell_arguments: Unpack[_ActivatedCellArguments],
    ) -> None:
        arguments: dict[str, Any] = {**self.activations, **cell_arguments}
        output_activation = arguments.pop("output_activation", arguments["activation"])
        super().__init__(units, **arguments)
        if peepholes is not None:
            self.gates = replace(self.gates, peepholes=peepholes)
        self.state_size = [self.units, self.units]
        self.truncate_gradient = self.truncated if truncate_gradient is None else truncate_gradient
        self.output_activation = keras.activations.get(output_activation)
        store_weight_arguments(
            self, "peephole", peephole_initializer, peephole_regularizer, peephole_constraint
        )

    def build(self, input_shape):
        super().build(input_shape)
        self.peephole_kernel: Any = None
        if self.gates.peepholes:
            shape = (len(self.gates.peepholes), self.units)
            self.peephole_kernel = add_weight(self, "peephole_kernel", shape)

    def step(self, inputs, states, training=False):
        """Compute one step: gates, candidate and states by name, and the list of new states."""
        c, seen = states[1], self._seen(states)
        z = self._split(self._gate_inputs(inputs, seen, training))  # (B, n * U) -> n x (B, U)
        gates = self.gates

        i = 1.0 if "input" in gates.open else self._gate("input", z, seen[1])
        if gates.coupled:
            f = 1.0 - i
        else:
            f = 1.0 if "forget" in gates.open else self._gate("forget", z, seen[1])
        g = self.activation(z["candidate"])
        c = f * c + i * g
        o = 1.0 if "output" in gates.open else self._gate("output", z, self._seen(c))
        h = self._hidden(o, c)

        values = {"input": i, "forget": f, "candidate": g, "output": o, "cell": c, "hidden": h}
        return {name: value for name, value in values.items() if name not in gates.open}, [h, c]

    def _seen(self, states):
        """Return states as the gates see them, cut off from the gradient where it is truncated."""
        if self.truncate_gradient:
            return keras.tree.map_structure(ops.stop_gradient, states)
        return states

    def _gate(self, name, z, c):
        """Activate a gate, given z by name and the cell state that it sees."""
        z = z[name]
        if name in self.gates.peepholes:
            z = z + self.peephole_kernel[self.gates.peepholes.index(name)] * c
        return self.recurrent_activation(z)

    def _hidden(self, o, c):
        """Compute the hidden state from the output gate and the new cell state."""
        return o * self.output_activation(c)

    def get_config(self):
        return {
            **super().get_config(),
            "output_activation": keras.activations.serialize(self.output_activation),
            "peepholes": list(self.gates.peepholes),
            "truncate_gradient": self.truncate_gradient,
            **weight_config(self, "peephole"),
        }


class GatedRNN(RecurrentLayer):
    """A `GatedCell` run over a sequence, with one constructor for cell and layer.

    Use it as the base of a new member of the family: set `cell_class`, and write a docstring with
    the formula, the weights, the `Args:` units, peepholes and unit_forget_bias, an `Example:` and
    a `Source:`; what all layers share is inserted, and the docstring of the cell follows from it.

    Args:
        units: Number of units, an int above 0.
        peepholes, unit_forget_bias: As in `GatedCell`. Default: None and True.

    Example:
        >>> import keras
        >>> layer = GatedRNN(8, peepholes=("output",))
        >>> tuple(layer(keras.ops.zeros((2, 5, 3))).shape)
        (2, 8)
    """

    cell_class: ClassVar[type[GatedCell]] = GatedCell
    layer_arguments: ClassVar[str] = LAYER_ARGUMENTS + FAST_PATH_ARGUMENT

    def __init__(
        self,
        units: int,
        *,
        use_fast_path: bool = True,
        **arguments: Unpack[GatedLayerArguments],
    ) -> None:
        super().__init__(units, **arguments)
        self.use_fast_path = use_fast_path
        self._steps = None

    def build(self, sequences_shape, initial_state_shape=None):
        super().build(sequences_shape, initial_state_shape)
        self._steps = sequences_shape[1]

    @property
    def compiles_itself(self) -> bool:
        """Return whether training runs in XLA computations of its own, and is slower in another.

        A layer that is built for sequences of few steps is faster inside.
        """
        if self._recurrence() is None:
            return False
        return self._steps is None or self._steps >= fast_tensorflow.SHORTEST_ALONE

    def _recurrence(self):
        """Return the formula of the cell as the fast path takes it, or None if it does not."""
        cell = self.cell
        if fast_tensorflow is None or not self.use_fast_path or self.unroll:
            return None
        if cell.recurrent_dropout or any(
            getattr(type(cell), method) is not getattr(GatedCell, method) for method in FORMULA
        ):
            return None
        return fast_tensorflow.recurrence_of(cell)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        recurrence = self._recurrence() if training is True and mask is None else None
        if recurrence is None or not fast_tensorflow.is_worth_it(sequences):
            return super().inner_loop(sequences, initial_state, mask, training)
        cell = self.cell
        if cell.dropout:
            # (B, F) -> (B, 1, F): one mask for all steps
            sequences = sequences * cell.get_dropout_mask(sequences[:, 0])[:, None]
        if self.go_backwards:
            sequences = ops.flip(sequences, axis=1)
        weights = (cell.kernel, cell.recurrent_kernel, cell.bias, cell.peephole_kernel)
        outputs, h, c = fast_tensorflow.run(
            recurrence,
            tuple(None if weight is None else ops.convert_to_tensor(weight) for weight in weights),
            sequences,
            initial_state,
            self.return_sequences,
        )
        return h, outputs, [h, c]

    def get_config(self):
        return {**super().get_config(), "use_fast_path": self.use_fast_path}
