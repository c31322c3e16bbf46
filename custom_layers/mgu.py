"""MGU: the gated unit with one gate."""

from typing import Unpack

from keras import ops
from keras.saving import register_keras_serializable

from custom_layers.fused import FusedCell, FusedCellArguments
from custom_layers.gates import Gates
from custom_layers.recurrent import RecurrentArguments, RecurrentLayer


@register_keras_serializable(package="custom_layers")
class MGUCell(FusedCell):
    """One step of a GRU whose two gates are one."""

    # What the paper calls the forget gate takes in where it is open: an input gate, coupled.
    gates = Gates(coupled=True, open=("output",))

    def step(self, inputs, states, training=False):
        (h,) = states
        x, seen = self._dropped(inputs, h, training)
        z = ops.matmul(x, self.kernel)
        z = self._split(z + self.bias if self.use_bias else z)  # (B, 2 * U) -> 2 x (B, U)
        recurrent_kernel = self._split(self.recurrent_kernel)
        f = self.recurrent_activation(z["input"] + ops.matmul(seen, recurrent_kernel["input"]))
        seen = ops.matmul(f * seen, recurrent_kernel["candidate"])
        g = self.activation(z["candidate"] + seen)
        h = (1.0 - f) * h + f * g
        return {"input": f, "candidate": g, "hidden": h}, [h]


class MGUArguments(FusedCellArguments, RecurrentArguments, total=False):
    """Arguments of `MGU` but units."""


@register_keras_serializable(package="custom_layers")
class MGU(RecurrentLayer):
    """A GRU whose two gates are one (minimal gated unit).

    Use it in the place of a GRU for two thirds of its weights.

        f = s(W_f x + R_f h + b_f)
        g = tanh(W_g x + R_g (f h) + b_g)
        h' = (1 - f) h + f g

    with s the logistic function. The paper calls f the forget gate; since it takes in where it is
    open, `trace` names it "input", and chrono initialization treats it as b_i.

    Weights: `kernel` (features, 2 units), `recurrent_kernel` (units, 2 units) and `bias` (2 units)
    in the order f, g.

    Args:
        units: Number of units, an int above 0.
        unit_forget_bias: Whether the bias of f starts at -1, so that an untrained cell remembers;
            the rest of the bias comes from `bias_initializer`. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import MGU
        >>> model = keras.Sequential([keras.Input((None, 3)), MGU(16)])
        >>> model.output_shape
        (None, 16)

    Source:
        Zhou, Wu, Zhang and Zhou, "Minimal Gated Unit for Recurrent Neural Networks", International
        Journal of Automation and Computing 13, 2016, section 3. Difference: f starts below 1/2.
    """

    cell_class = MGUCell

    def __init__(self, units: int, **arguments: Unpack[MGUArguments]) -> None:
        super().__init__(units, **arguments)
