"""The base of the recurrent layers: a cell run over a sequence.

Who owns what:

- A cell owns the weights and the formula of one step. It has `state_size`, as Keras asks, and
  `step`, which gives gates, candidate and states by name.
- `RecurrentLayer` owns one constructor for cell and layer, their common config, the checks of
  a call, and `trace`. It is a `keras.layers.RNN`, which owns the loop over time, masks
  and states. Whoever writes a faster loop overrides `inner_loop`, the one method that sees
  a whole sequence.
"""

import inspect
from typing import Any, ClassVar, TypedDict

import keras
from keras import ops

from custom_layers.arguments import check_inputs, check_mask, check_states
from custom_layers.docstrings import complete_cell, insert_before_example
from custom_layers.signatures import FullSignature, Parameters, Regularizer, named_parameters

LAYER_ARGUMENTS = """
    return_sequences: Whether to return the output of every step. Default: False, the last one.
    return_state: Whether to return the last states too. Default: False.
    go_backwards: Whether to read the sequence from its end; outputs come in the order in which
        they are computed. Default: False.
    stateful: Whether a batch starts from the states in which the one before it ended.
        Default: False.
    unroll: Whether to write the loop out, step by step; for short sequences. Default: False.
    zero_output_for_mask: Whether masked steps give zeros; otherwise they repeat the output
        before them. Default: False.
    activity_regularizer: Regularizer of the output. Default: None.
"""

CELL_CALL = """
Call arguments:
    inputs: (batch, features), float; the inputs of one step.
    states: List of the states before:
        {states}.
    training: Whether dropout is active. Default: False.

Returns:
    h' of shape (batch, {width}) in the compute dtype, and the list of new states.
"""

LAYER_CALL = """
Call arguments:
    sequences: (batch, time, features), float.
    initial_state: List of the states to start from. Default: zeros.
    mask: (batch, time), boolean; False skips a step: states stay as they are. Default: None.
    training: Whether dropout is active. Default: False.

Returns:
    (batch, {width}), or (batch, time, {width}) with `return_sequences`, in the
    compute dtype; with `return_state` a tuple of that and the last states:
    {states}.
"""

LAYER_RAISES = """
    ValueError: In a call, `sequences` has another rank than 3 or no step, `mask` is not
        (batch, time), `initial_state` is not one tensor a state, or a stateful layer gets another
        batch size than its first.
    TypeError: In a call, `sequences` is not of real floating-point numbers.
"""


class RecurrentArguments(TypedDict, total=False):
    """Arguments that every recurrent layer has beside those of its cell."""

    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    unroll: bool
    zero_output_for_mask: bool
    activity_regularizer: Regularizer


class MaskedRNN(keras.layers.RNN):
    """A `keras.layers.RNN` in which a mask means the same on every backend.

    A masked step gives the output before it, and zeros where there is none. Keras does so too,
    except on JAX, where it gives the first state.
    """

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if mask is None or keras.backend.backend() != "jax":
            return super().inner_loop(sequences, initial_state, mask, training)
        output, _ = self.cell(sequences[:, 0], initial_state)  # for its shape and dtype
        loop = keras.layers.RNN(
            _OutputFirstCell(self.cell, output.shape[-1]),
            return_sequences=self.return_sequences,
            go_backwards=self.go_backwards,
            unroll=self.unroll,
            zero_output_for_mask=self.zero_output_for_mask,
            name="loop",
        )
        last, outputs, states = loop.inner_loop(
            sequences, [ops.zeros_like(output), *initial_state], mask, training
        )
        return last, outputs, states[1:]


def _layer_parameters(layer: type["RecurrentLayer"]) -> Parameters:
    """Collect the parameters of a layer: those of its cell, then its own."""
    cell = inspect.signature(layer.cell_class).parameters.values()
    named = {each.name: each for each in cell if each.kind is not each.VAR_KEYWORD}
    return {**named, **named_parameters(layer, last=RecurrentLayer)}


class RecurrentLayer(MaskedRNN):
    """A cell run over a sequence, with one constructor for cell and layer.

    Use it as the base of a layer: set `cell_class`, and write a docstring with the `Args:` of the
    cell, beginning with units, and an `Example:`; what all layers share is inserted.

    Args:
        units: Number of units, an int above 0.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: As in
            `keras.layers.RNN`. Default: False.
        activity_regularizer, name, dtype, trainable: As in every Keras layer.
        cell_arguments: Every other argument of `cell_class`, given on to it as it is.

    A cell class has, beside what `keras.layers.RNN` asks of it, `step(inputs, states, training)`,
    which returns a dictionary of tensors (batch, any) by name and the new states, and the texts
    `shared_arguments`, `shared_raises`, `states_text` and `width_text` for docstrings. Its own
    docstring may be a summary: the rest is then taken from that of the layer.
    """

    cell_class: ClassVar[type[keras.layers.Layer]]
    layer_arguments: ClassVar[str] = LAYER_ARGUMENTS
    call_text: ClassVar[str] = LAYER_CALL
    call_raises: ClassVar[str] = LAYER_RAISES
    rank: ClassVar[int] = 3  # of the sequences

    __signature__ = FullSignature(_layer_parameters)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__doc__ is None:  # Python drops docstrings under -OO
            return
        cell = cls.cell_class
        texts = {"states": cell.states_text, "width": cell.width_text}
        call = CELL_CALL.format(**texts)
        complete_cell(cell, cls, f"{cell.shared_arguments}{call}\nRaises:{cell.shared_raises}")
        arguments = cell.shared_arguments.rstrip() + cls.layer_arguments
        call = cls.call_text.format(**texts)
        raises = cell.shared_raises.rstrip() + cls.call_raises
        cls.__doc__ = insert_before_example(cls.__doc__, f"{arguments}{call}\nRaises:{raises}")

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
        activity_regularizer: Regularizer = None,
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
        self.input_spec = keras.layers.InputSpec(ndim=self.rank)

    @property
    def units(self) -> int:
        """Return the number of units; any other argument of the cell is an attribute of `cell`."""
        return self.cell.units

    def call(self, sequences, initial_state=None, mask=None, training=False):
        check_inputs(sequences)
        check_mask(mask, sequences)
        check_states(initial_state, self.state_size, sequences.shape[0])
        return super().call(sequences, initial_state, mask, training)

    def trace(self, sequences, initial_state=None, mask=None) -> dict[str, Any]:
        """Compute the inside of the cell over a sequence: gates, cell and hidden state by name.

        Use it to plot a trained layer at work. Dropout is inactive.

        Args:
            sequences: (batch, time, features), float.
            initial_state: List of the states to start from. Default: zeros.
            mask: (batch, time), boolean. Default: None.

        Returns:
            For each name (batch, time, units), in the order in which the steps are computed; a
            masked step repeats the values before it.

        Example:
            >>> import keras
            >>> from custom_layers import PeepholeLSTM
            >>> trace = PeepholeLSTM(8).trace(keras.ops.zeros((2, 5, 3)))
            >>> list(trace)
            ['input', 'forget', 'candidate', 'output', 'cell', 'hidden']
            >>> tuple(trace["forget"].shape)
            (2, 5, 8)
        """
        sequences = ops.convert_to_tensor(sequences, dtype=self.compute_dtype)
        if not self.built:
            self.build(sequences.shape)
        tracing = _TracingCell(self.cell)
        layer = MaskedRNN(
            tracing, return_sequences=True, go_backwards=self.go_backwards, dtype=self.dtype_policy
        )
        fused = layer(sequences, initial_state=initial_state, mask=mask)
        # (B, L, sum of widths) -> (B, L, width) for each name
        parts = ops.split(fused, tracing.boundaries, axis=-1)
        return dict(zip(tracing.names, parts, strict=True))

    def get_config(self):
        own = super().get_config()
        del own["cell"]
        return {**self.cell.get_config(), **own}  # name, dtype and trainable are the layer's

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class _TracingCell(keras.layers.Layer):
    """A cell whose output is everything that `cell.step` names, side by side."""

    def __init__(self, cell):
        super().__init__(dtype=cell.dtype_policy)
        self.cell = cell
        self.state_size = cell.state_size
        self.names, self.boundaries = (), ()

    def call(self, inputs, states, training=False):
        values, states = self.cell.step(inputs, states, training)
        self.names = tuple(values)
        widths = [value.shape[-1] for value in values.values()]
        self.boundaries = tuple(sum(widths[: k + 1]) for k in range(len(widths) - 1))
        return ops.concatenate(list(values.values()), axis=-1), states


class _OutputFirstCell(keras.layers.Layer):
    """A cell whose first state is the output of the step before."""

    def __init__(self, cell, output_size):
        super().__init__(dtype=cell.dtype_policy)
        self.cell = cell
        self.state_size = [output_size, *keras.tree.flatten(cell.state_size)]

    def call(self, inputs, states, training=False):
        output, states = self.cell(inputs, states[1:], training=training)
        return output, [output, *states]
