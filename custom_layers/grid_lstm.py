"""GridLSTM: a grid of LSTMs over time and series, so that series can learn from each other."""

from typing import ClassVar, Unpack

import keras
from keras import ops
from keras.saving import register_keras_serializable

from custom_layers.fused import WEIGHT_ARGUMENTS, CheckedCell, CheckedCellArguments
from custom_layers.recurrent import RecurrentArguments, RecurrentLayer
from custom_layers.weights import add_weight

CELL_ARGUMENTS = f"""
    activation: Activation of candidates and outputs, a name or a callable. Default: "tanh".
    recurrent_activation: Activation of the gates, a name or a callable. Default: "sigmoid".
    use_bias: Whether there is a bias. Default: True.
    unit_forget_bias: Whether the bias of both forget gates starts at 1; the rest of the bias comes
        from `bias_initializer`. Default: True.
{WEIGHT_ARGUMENTS}\
    dropout: Share of the inputs dropped in training, in [0, 1); one mask serves all steps of a
        sequence, each series has its own. Default: 0.
    recurrent_dropout: The same for the two hidden states on their way into the gates, with one mask
        for both. Default: 0.
    seed: Integer seed of both dropouts. Default: None, a random one.
    name, dtype, trainable: As in every Keras layer.
"""

CELL_RAISES = """
    ValueError: `units` is not a positive int, a dropout is outside of [0, 1), or the number of
        series is not known when the layer is built.
"""

CELL_STATES = (
    "h and c of the\n    LSTMs along time, each (batch, series * units), series after series"
)

CALL = """
Call arguments:
    sequences: (batch, time, series, features), float.
    initial_state: List of the states to start from. Default: zeros.
    mask: (batch, time), boolean; False skips a step of all series: states stay as they are.
        Default: None.
    training: Whether dropout is active. Default: False.

Returns:
    (batch, series, units), or (batch, time, series, units) with `return_sequences`, in the compute
    dtype; with `return_state` a tuple of that and the last states. The states: {states}.
"""

CALL_RAISES = """
    ValueError: In a call, `sequences` has another rank than 4, another number of series or features
        than before, or no step, `mask` is not (batch, time), `initial_state` is not one tensor
        a state, or a stateful layer gets another batch size than its first.
    TypeError: In a call, `sequences` is not of real floating-point numbers.
"""


class GridLSTMCell(CheckedCell):
    """One time step of a `GridLSTM`: a walk along all series.

    Use it through `GridLSTM`, which gives its outputs and states their shape. It is a
    `keras.layers.LSTMCell` in its arguments.

    Weights: as in `GridLSTM`.

    Args:
        units: Number of units, an int above 0.
        dropout, recurrent_dropout: Shares dropped in training, in [0, 1). Default: 0.
        lstm_cell_arguments: Every other argument of `keras.layers.LSTMCell`.

    Call arguments:
        inputs: (batch, series, features), float; the inputs of one step.
        states: List of h and c of the LSTMs along time, each (batch, series * units).
        training: Whether dropout is active. Default: False.

    Returns:
        h' of shape (batch, series * units) in the compute dtype, and the new states [h', c'].

    Raises:
        ValueError: `units` is not a positive int, a dropout is outside of [0, 1), or the number of
            series is not known when the cell is built.

    Example:
        >>> import keras
        >>> cell = GridLSTMCell(4)
        >>> cell.build((None, 3, 2))
        >>> output, states = cell(keras.ops.zeros((5, 3, 2)), cell.get_initial_state(5))
        >>> tuple(output.shape)
        (5, 12)

    Source:
        As for `GridLSTM`.
    """

    shared_arguments: ClassVar[str] = CELL_ARGUMENTS
    shared_raises: ClassVar[str] = CELL_RAISES
    states_text: ClassVar[str] = CELL_STATES
    width_text: ClassVar[str] = "series * units"

    def build(self, input_shape):
        _, series, features = input_shape
        if series is None:
            raise ValueError(
                "`sequences` must have a known number of series: (batch, time, series, features). "
                f"Received: series={series}. Name it in the shape of keras.Input."
            )
        self.series = series
        self.state_size = [series * self.units] * 2
        width = 8 * self.units
        self.kernel = add_weight(self, "kernel", (features, width))
        self.recurrent_kernel = add_weight(self, "recurrent_kernel", (2 * self.units, width))
        self.bias = None
        if self.use_bias:
            self.bias = add_weight(self, "bias", (width,), initializer=self._initial_bias)

    def _initial_bias(self, shape, dtype=None):
        """Draw the bias; those of the two forget gates do not use `bias_initializer`."""
        bias = self.bias_initializer(shape, dtype=dtype)
        if not self.unit_forget_bias:
            return bias
        blocks = ops.split(bias, 8)
        blocks[1], blocks[5] = ops.ones_like(blocks[1]), ops.ones_like(blocks[5])
        return ops.concatenate(blocks)

    def call(self, inputs, states, training=False):
        values, states = self.step(inputs, states, training)
        return values["hidden"], states

    def step(self, inputs, states, training=False):
        """Compute one step: gates, candidates and states by name, along series as "series_..."."""
        # (B, S * U) -> (B, S, U)
        h, c = (ops.reshape(state, (-1, self.series, self.units)) for state in states)
        kept = None
        if training and self.dropout:
            inputs = inputs * self.get_dropout_mask(inputs)
        if training and self.recurrent_dropout:
            kept = ops.reshape(self.get_recurrent_dropout_mask(states[0]), ops.shape(h))
            h = h * kept

        # Every point sees x and the hidden state of the step before.
        from_time, from_series = ops.split(self.recurrent_kernel, 2)  # 2 x (U, 8 * U)
        z = ops.matmul(inputs, self.kernel) + ops.matmul(h, from_time)  # (B, S, 8 * U)
        z = z + self.bias if self.use_bias else z

        points = []
        series_h = series_c = ops.zeros_like(c[:, 0])
        for s in range(self.series):
            series_h = series_h if kept is None else series_h * kept[:, s]
            z_time, z_series = ops.split(z[:, s] + ops.matmul(series_h, from_series), 2, axis=-1)
            point = self._lstm("", z_time, c[:, s]) | self._lstm("series_", z_series, series_c)
            series_h, series_c = point["series_hidden"], point["series_cell"]
            points.append(point)

        width = self.series * self.units
        values = {
            name: ops.reshape(ops.stack([point[name] for point in points], axis=1), (-1, width))
            for name in points[0]
        }
        return values, [values["hidden"], values["cell"]]

    def _lstm(self, prefix, z, c):
        """Compute an LSTM in one direction at one point: gates, candidate and states by name."""
        i, f, g, o = ops.split(z, 4, axis=-1)
        i, f, o = (self.recurrent_activation(gate) for gate in (i, f, o))
        g = self.activation(g)
        c = f * c + i * g
        h = o * self.activation(c)
        values = {"input": i, "forget": f, "candidate": g, "output": o, "cell": c, "hidden": h}
        return {prefix + name: value for name, value in values.items()}


class GridLSTMArguments(CheckedCellArguments, RecurrentArguments, total=False):
    """Arguments of `GridLSTM` but units."""


@register_keras_serializable(package="custom_layers")
class GridLSTM(RecurrentLayer):
    """A grid of LSTMs, along time and along series, in which series learn from each other.

    Use it for a set of series with one order that means something (stations along a line, sensors
    down a process, maturities of a rate) when each says something about the next. At each point of
    the grid an LSTM goes on in time and another goes on to the next series; both see both hidden
    states. Weights are shared by all points, so their number does not depend on that of series.

    At time t and series s, with h_T and c_T from time t - 1 and h_S and c_S from series s - 1 (zero
    at the edges):

        H = [h_T, h_S]
        for each direction k, T and S, with weights of its own:
            i = s(W_i x + R_i H + b_i)
            f = s(W_f x + R_f H + b_f)
            g = tanh(W_g x + R_g H + b_g)
            o = s(W_o x + R_o H + b_o)
            c_k' = f c_k + i g
            h_k' = o tanh(c_k')

    with s the logistic function. The output at (t, s) is h_T', which has seen series up to s at
    times up to t. A later series it never sees: where it should, stack two layers and reverse the
    order of the series between them.

    Weights: `kernel` (features, 8 units), `recurrent_kernel` (2 units, 8 units), its first rows for
    h_T, and `bias` (8 units), in the order i, f, g, o of T, then i, f, g, o of S.

    Args:
        units: Number of units in each direction, an int above 0.

    Example:
        >>> import keras
        >>> from custom_layers import GridLSTM
        >>> layer = GridLSTM(16, return_sequences=True)
        >>> tuple(layer(keras.ops.zeros((2, 5, 7, 1))).shape)
        (2, 5, 7, 16)

    Source:
        Kalchbrenner, Danihelka and Graves, "Grid Long Short-Term Memory", ICLR 2016, section 3, for
        two dimensions, with weights shared along both. Differences: every point has an input, and
        both LSTMs see it (in the paper inputs enter at an edge of the grid, projected to the
        hidden and memory vectors there); h = o tanh(c) as in other LSTMs, not tanh(o c).
    """

    cell_class = GridLSTMCell
    call_text: ClassVar[str] = CALL
    call_raises: ClassVar[str] = CALL_RAISES
    rank: ClassVar[int] = 4

    def __init__(self, units: int, **arguments: Unpack[GridLSTMArguments]) -> None:
        super().__init__(units, **arguments)

    def build(self, sequences_shape, initial_state_shape=None):
        super().build(sequences_shape)
        self.state_size = self.cell.state_size
        _, _, series, features = sequences_shape
        self.input_spec = keras.layers.InputSpec(ndim=self.rank, axes={2: series, 3: features})

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        batch, time, series, _ = sequences_shape
        steps = (time,) if self.return_sequences else ()
        output = (batch, *steps, series, self.units)
        if self.return_state:
            return output, *[(batch, series * self.units)] * 2
        return output

    def call(self, sequences, initial_state=None, mask=None, training=False):
        found = super().call(sequences, initial_state, mask, training)
        if self.return_state:
            output, *states = found
            return self._on_grid(output), *states
        return self._on_grid(found)

    def trace(self, sequences, initial_state=None, mask=None):
        """Trace as `RecurrentLayer.trace`, with an axis of series: (batch, time, series, units).

        Names that begin with "series_" are of the LSTMs along series, the others of those in time.
        """
        flat = super().trace(sequences, initial_state, mask)
        return {name: self._on_grid(values) for name, values in flat.items()}

    def _on_grid(self, values):
        """Give outputs an axis of series: (..., S * U) -> (..., S, U)."""
        return ops.reshape(values, (*ops.shape(values)[:-1], self.cell.series, self.units))
