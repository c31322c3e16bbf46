"""JANET: an LSTM of which only the forget gate is left."""

from numbers import Real
from typing import ClassVar, Unpack

from keras.saving import register_keras_serializable

from custom_layers.fused import FUSED_RAISES, FusedCell, FusedCellArguments
from custom_layers.gates import Gates
from custom_layers.recurrent import RecurrentArguments, RecurrentLayer


@register_keras_serializable(package="custom_layers")
class JANETCell(FusedCell):
    """One step of an LSTM of which only the forget gate is left."""

    gates = Gates(open=("input", "output"))
    shared_raises: ClassVar[str] = f"{FUSED_RAISES.rstrip()}\n    TypeError: `beta` is no number.\n"

    def __init__(
        self, units: int, *, beta: float = 1.0, **cell_arguments: Unpack[FusedCellArguments]
    ) -> None:
        super().__init__(units, **cell_arguments)
        if isinstance(beta, bool) or not isinstance(beta, Real):
            raise TypeError(
                f"`beta` must be a number. Received: beta={beta!r}. "
                "Pass beta=1.0, as in the paper, or beta=0.0 for one gate in both places."
            )
        self.beta: float = float(beta)

    def step(self, inputs, states, training=False):
        (h,) = states
        z = self._split(self._gate_inputs(inputs, states, training))  # (B, 2 * U) -> 2 x (B, U)
        f = self.recurrent_activation(z["forget"])
        g = self.activation(z["candidate"])
        h = f * h + (1.0 - self.recurrent_activation(z["forget"] - self.beta)) * g
        return {"forget": f, "candidate": g, "hidden": h}, [h]

    def get_config(self):
        return {**super().get_config(), "beta": self.beta}


class JANETArguments(FusedCellArguments, RecurrentArguments, total=False):
    """Arguments of `JANET` but units."""

    beta: float


@register_keras_serializable(package="custom_layers")
class JANET(RecurrentLayer):
    """An LSTM of which only the forget gate is left ("just another network").

    Use it for long lags with half the weights of an LSTM, together with `chrono_lag`, on which the
    results of the paper rest.

        z = W_f x + R_f h + b_f
        g = tanh(W_g x + R_g h + b_g)
        h' = s(z) h + (1 - s(z - beta)) g

    with s the logistic function. The hidden state is the cell state.

    Weights: `kernel` (features, 2 units), `recurrent_kernel` (units, 2 units) and `bias` (2 units)
    in the order f, g.

    Args:
        units: Number of units, an int above 0.
        beta: How much less of z lets the candidate in than lets h stay, a finite float. Above 0
            the cell state can grow beyond the candidate. Default: 1.
        unit_forget_bias: Whether the bias of the forget gate starts at 1, so that an untrained
            cell remembers; the rest of the bias comes from `bias_initializer`. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import JANET
        >>> model = keras.Sequential([keras.Input((None, 3)), JANET(16, chrono_lag=100)])
        >>> model.output_shape
        (None, 16)

    Source:
        Van der Westhuizen and Lasenby, "The unreasonable effectiveness of the forget gate",
        arXiv:1804.04849, 2018, section 4. Difference: chrono initialization is an option.
    """

    cell_class = JANETCell

    def __init__(self, units: int, **arguments: Unpack[JANETArguments]) -> None:
        super().__init__(units, **arguments)
