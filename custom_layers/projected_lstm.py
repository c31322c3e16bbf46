"""The LSTM with a projection layer: a wide cell state, a narrow hidden state."""

from typing import Any, ClassVar, Unpack

from keras import ops
from keras.saving import register_keras_serializable

from custom_layers.arguments import check_units
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

PROJECTED_ARGUMENTS = f"""
    projection_initializer: Initializer of `projection_kernel`. Default: "glorot_uniform".
    projection_regularizer, projection_constraint: For the same weight. Default: None.\
{GATED_ARGUMENTS}"""


@register_keras_serializable(package="custom_layers")
class ProjectedLSTMCell(GatedCell):
    """One step of a peephole LSTM that hands on a projection of its output.

    Use it with `keras.layers.RNN` or `keras.layers.StackedRNNCells`; for one layer
    `ProjectedLSTM` is shorter.

        i = s(W_i x + R_i h + p_i c + b_i)
        f = s(W_f x + R_f h + p_f c + b_f)
        g = tanh(W_g x + R_g h + b_g)
        c' = f c + i g
        o = s(W_o x + R_o h + p_o c' + b_o)
        h' = P (o tanh(c'))

    Weights: as in `ProjectedLSTM`.

    Args:
        units: Number of units of gates and cell state, an int above 0.
        projection_units: Number of units of h, an int above 0. Default: None, half of `units`,
            rounded up.
        peepholes: Names of the gates that see the cell state, any of "input", "forget" and
            "output"; () for none. Default: None, all three.
        unit_forget_bias: Whether the bias of the forget gate starts at 1, so that an untrained
            cell remembers; the rest of the bias comes from `bias_initializer`. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import ProjectedLSTMCell
        >>> cell = ProjectedLSTMCell(8, projection_units=3)
        >>> tuple(keras.layers.RNN(cell)(keras.ops.zeros((2, 5, 3))).shape)
        (2, 3)

    Source:
        As for `ProjectedLSTM`.
    """

    gates = Gates(peepholes=("input", "forget", "output"))
    shared_arguments: ClassVar[str] = PROJECTED_ARGUMENTS
    states_text: ClassVar[str] = (
        "the hidden state h (batch, projection_units) and the cell state c (batch, units)"
    )
    width_text: ClassVar[str] = "projection_units"

    def __init__(
        self,
        units: int,
        *,
        projection_units: int | None = None,
        projection_initializer: Initializer = "glorot_uniform",
        projection_regularizer: Regularizer = None,
        projection_constraint: Constraint = None,
        **cell_arguments: Unpack[GatedCellArguments],
    ) -> None:
        super().__init__(units, **cell_arguments)
        if projection_units is None:
            projection_units = (self.units + 1) // 2
        check_units(projection_units, "projection_units")
        self.projection_units = int(projection_units)
        store_weight_arguments(
            self,
            "projection",
            projection_initializer,
            projection_regularizer,
            projection_constraint,
        )
        self.state_size = [self.projection_units, self.units]
        self.output_size = self.projection_units

    def build(self, input_shape):
        super().build(input_shape)
        shape = (self.units, self.projection_units)
        self.projection_kernel = add_weight(self, "projection_kernel", shape)

    def _hidden(self, o, c):
        return ops.matmul(super()._hidden(o, c), self.projection_kernel)

    def get_config(self):
        return {
            **super().get_config(),
            "projection_units": self.projection_units,
            **weight_config(self, "projection"),
        }


class ProjectedLSTMArguments(FastLayerArguments, total=False):
    """Arguments of `ProjectedLSTM` but units."""

    projection_units: int | None
    projection_initializer: Initializer
    projection_regularizer: Regularizer
    projection_constraint: Constraint


@register_keras_serializable(package="custom_layers")
class ProjectedLSTM(GatedRNN):
    """A peephole LSTM that hands on a projection of its output.

    Use it for a large memory at the price of a small one: the recurrent weights grow with
    `projection_units`, not with the square of `units`. h, and so the output, has
    `projection_units`.

        i = s(W_i x + R_i h + p_i c + b_i)
        f = s(W_f x + R_f h + p_f c + b_f)
        g = tanh(W_g x + R_g h + b_g)
        c' = f c + i g
        o = s(W_o x + R_o h + p_o c' + b_o)
        h' = P (o tanh(c'))

    with s the logistic function, p_i, p_f, p_o vectors applied element by element, and the output
    gate alone seeing the new cell state.

    Weights: `kernel` (features, 4 units), `recurrent_kernel` (projection_units, 4 units) and
    `bias` (4 units) in the order i, f, g, o; `peephole_kernel` (number of peepholes, units) in the
    order i, f, o; `projection_kernel` (units, projection_units).

    Args:
        units: Number of units of gates and cell state, an int above 0.
        projection_units: Number of units of h, an int above 0. Default: None, half of `units`,
            rounded up.
        peepholes: Names of the gates that see the cell state, any of "input", "forget" and
            "output"; () for none. Default: None, all three.
        unit_forget_bias: Whether the bias of the forget gate starts at 1, so that an untrained
            cell remembers; the rest of the bias comes from `bias_initializer`. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import ProjectedLSTM
        >>> layer = ProjectedLSTM(16, projection_units=4)
        >>> model = keras.Sequential([keras.Input((None, 3)), layer])
        >>> model.output_shape
        (None, 4)

    Source:
        Sak, Senior and Beaufays, "Long Short-Term Memory Recurrent Neural Network Architectures for
        Large Scale Acoustic Modeling", Interspeech 2014, section 2. Differences: no second
        projection that is not fed back; peepholes start at zero.
    """

    cell_class = ProjectedLSTMCell

    def __init__(self, units: int, **arguments: Unpack[ProjectedLSTMArguments]) -> None:
        passed_on: dict[str, Any] = {**arguments}  # more than the typed `**` of `GatedRNN` names
        super().__init__(units, **passed_on)
