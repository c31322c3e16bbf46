"""SLSTM: an LSTM with an exponential input gate, kept in range by a normalizer and a stabilizer."""

from typing import ClassVar, Literal, Unpack, get_args

from keras import ops
from keras.saving import register_keras_serializable

from custom_layers.fused import CheckedCellArguments, FusedCell, FusedCellArguments
from custom_layers.recurrent import RecurrentArguments, RecurrentLayer

RAISES = """
    ValueError: `units` is not a positive int, `forget_gate` is neither "sigmoid" nor "exponential",
        a dropout is outside of [0, 1), or `chrono_lag` is no int above 2, or is given to a cell
        with an exponential forget gate.
"""

STATES = "h, the cell state c, the normalizer n and the stabilizer m, each (batch, units)"

ForgetGate = Literal["sigmoid", "exponential"]
FORGET_GATES = get_args(ForgetGate)


@register_keras_serializable(package="custom_layers")
class SLSTMCell(FusedCell):
    """One step of an LSTM with an exponential input gate."""

    shared_raises: ClassVar[str] = RAISES
    states_text: ClassVar[str] = STATES

    def __init__(
        self,
        units: int,
        *,
        forget_gate: ForgetGate = "sigmoid",
        chrono_lag: int | None = None,
        **cell_arguments: Unpack[CheckedCellArguments],
    ) -> None:
        if forget_gate not in FORGET_GATES:
            raise ValueError(
                f"`forget_gate` must be one of {FORGET_GATES}. "
                f"Received: forget_gate={forget_gate!r}. "
                'Leave it out for a gate in (0, 1), or pass "exponential".'
            )
        if forget_gate == "exponential" and chrono_lag is not None:
            raise ValueError(
                "`chrono_lag` must be None for an exponential forget gate. "
                f"Received: chrono_lag={chrono_lag!r}. Leave one of the two out."
            )
        super().__init__(units, chrono_lag=chrono_lag, **cell_arguments)
        self.forget_gate = forget_gate
        self.state_size = [self.units] * 4

    def _initial_bias(self, shape, dtype=None):
        if self.forget_gate == "exponential":
            return self.bias_initializer(shape, dtype=dtype)
        return super()._initial_bias(shape, dtype)

    def step(self, inputs, states, training=False):
        """Compute one step: gates as applied, candidate and states by name, and new states."""
        _, c, n, m = states
        a = self._split(self._gate_inputs(inputs, states, training))  # (B, 4 * U) -> 4 x (B, U)
        log_i, log_f = a["input"], a["forget"]
        if self.forget_gate == "sigmoid":
            log_f = ops.log_sigmoid(log_f)

        # Where nothing has been read yet, n is zero, and the scale to keep is that of no number.
        m = ops.where(ops.equal(n, 0.0), -float("inf"), m)
        new_m = ops.maximum(log_f + m, log_i)
        i = ops.exp(log_i - new_m)
        f = ops.exp(log_f + (m - new_m))  # in this order a rounded m costs no accuracy
        z = self.activation(a["candidate"])
        c = f * c + i * z
        n = f * n + i
        o = self.recurrent_activation(a["output"])
        h = o * (c / n)

        values = {"input": i, "forget": f, "candidate": z, "output": o}
        values |= {"cell": c, "normalizer": n, "stabilizer": new_m, "hidden": h}
        return values, [h, c, n, new_m]

    def get_config(self):
        return {**super().get_config(), "forget_gate": self.forget_gate}


class SLSTMArguments(FusedCellArguments, RecurrentArguments, total=False):
    """Arguments of `SLSTM` but units."""

    forget_gate: ForgetGate


@register_keras_serializable(package="custom_layers")
class SLSTM(RecurrentLayer):
    """An LSTM with an exponential input gate (the sLSTM of xLSTM).

    Use it where one step may have to outweigh all that came before: a sigmoid input gate lets
    through at most 1, an exponential one as much as it takes to revise what is stored. The
    normalizer n counts what was let through, so that the cell gives a weighted average of its
    candidates and its output stays within [-1, 1].

        i = exp(a_i)
        f = s(a_f), or exp(a_f)
        z = tanh(a_z)
        o = s(a_o)
        c' = f c + i z
        n' = f n + i
        h' = o c' / n'

    with a_k = W_k x + R_k h + b_k and s the logistic function, for which `recurrent_activation`
    stands in o only. What is computed are c and n divided by exp(m), with the largest exponent so
    far as the stabilizer m:

        m' = max(log f + m, log i)
        i' = exp(log i - m')
        f' = exp(log f + m - m')

    with i' and f' in the place of i and f. That cancels in c' / n': h is the same, and nothing
    overflows, since i' and f' are at most 1 and n is at least 1. States start at zero, as in every
    Keras layer; where n is zero nothing has been read, and m' = log i. `trace` gives i' and f'.

    Weights: `kernel` (features, 4 units), `recurrent_kernel` (units, 4 units) and `bias` (4 units)
    in the order i, f, z, o, as in `keras.layers.LSTM`. From states of zero the bias of i cancels
    too: its gradient is rounding noise.

    Args:
        units: Number of units, an int above 0.
        forget_gate: "sigmoid" or "exponential". Default: "sigmoid".
        unit_forget_bias: Whether the bias of a sigmoid forget gate starts at 1, so that an
            untrained cell remembers; the rest of the bias comes from `bias_initializer`. An
            exponential forget gate lets everything through at a bias of 0. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import SLSTM
        >>> model = keras.Sequential([keras.Input((None, 3)), SLSTM(16)])
        >>> model.output_shape
        (None, 16)

    Source:
        Beck et al., "xLSTM: Extended Long Short-Term Memory", NeurIPS 2024, section 2.2, equations
        8 to 17. Differences: every unit sees the hidden state of every other (one head; several
        heads are several such layers on the same inputs, side by side); the authors' code starts
        `recurrent_kernel` at zero and spreads the biases of the forget gate over the units, from 5
        down to -7; convolution, group normalization and projections of the xLSTM block are left to
        other layers.
    """

    cell_class = SLSTMCell

    def __init__(self, units: int, **arguments: Unpack[SLSTMArguments]) -> None:
        super().__init__(units, **arguments)
