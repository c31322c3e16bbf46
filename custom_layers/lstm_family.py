"""The members of the LSTM family: for each its formula, its source and a few lines of data.

`gated.py` computes what is stated here, and adds to each docstring the arguments that all share.
"""

from typing import ClassVar

from keras.saving import register_keras_serializable

from custom_layers.gated import GatedCell, GatedRNN
from custom_layers.gates import Gates
from custom_layers.squashing import squash_candidate, squash_output


@register_keras_serializable(package="custom_layers")
class PeepholeLSTMCell(GatedCell):
    """One step of an LSTM whose gates see the cell state."""

    gates = Gates(peepholes=("input", "forget", "output"))


@register_keras_serializable(package="custom_layers")
class PeepholeLSTM(GatedRNN):
    """An LSTM whose gates see the cell state through peepholes.

    Use it where timing matters: intervals to be measured, spikes and periods to be kept. In a plain
    LSTM the gates see the cell state only as far as the output gate lets it through; peepholes show
    it to them always, at the price of three weights a unit.

        i = s(W_i x + R_i h + p_i c + b_i)
        f = s(W_f x + R_f h + p_f c + b_f)
        g = tanh(W_g x + R_g h + b_g)
        c' = f c + i g
        o = s(W_o x + R_o h + p_o c' + b_o)
        h' = o tanh(c')

    with s the logistic function, p_i, p_f, p_o vectors applied element by element, and the output
    gate alone seeing the new cell state.

    Weights: `kernel` (features, 4 units), `recurrent_kernel` (units, 4 units) and `bias` (4 units)
    in the order i, f, g, o, as in `keras.layers.LSTM`; `peephole_kernel` (number of peepholes,
    units) in the order i, f, o.

    Args:
        units: Number of units, an int above 0.
        peepholes: Names of the gates that see the cell state, any of "input", "forget" and
            "output"; () for none, which is `keras.layers.LSTM`. Default: None, all three.
        unit_forget_bias: Whether the bias of the forget gate starts at 1, so that an untrained
            cell remembers; the rest of the bias comes from `bias_initializer`. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import PeepholeLSTM
        >>> model = keras.Sequential([keras.Input((None, 3)), PeepholeLSTM(16)])
        >>> model.output_shape
        (None, 16)

    Source:
        Gers, Schraudolph and Schmidhuber, "Learning Precise Timing with LSTM Recurrent Networks",
        JMLR 3, 2002, in the form of Greff et al., "LSTM: A Search Space Odyssey", IEEE TNNLS 28,
        2017, section II. Differences: the gradient is complete (Gers et al. truncate it), and
        peepholes start at zero.
    """

    cell_class = PeepholeLSTMCell


@register_keras_serializable(package="custom_layers")
class CoupledLSTMCell(GatedCell):
    """One step of an LSTM that forgets exactly as much as it takes in."""

    gates = Gates(coupled=True, peepholes=("input", "output"))


@register_keras_serializable(package="custom_layers")
class CoupledLSTM(GatedRNN):
    """An LSTM that forgets exactly as much as it takes in (CIFG: coupled input and forget gate).

    Use it in the place of an LSTM for three quarters of its weights and matmuls; in the study of
    Greff et al. that cost no accuracy. The cell state stays an average of candidates, within
    [-1, 1].

        i = s(W_i x + R_i h + p_i c + b_i)
        g = tanh(W_g x + R_g h + b_g)
        c' = (1 - i) c + i g
        o = s(W_o x + R_o h + p_o c' + b_o)
        h' = o tanh(c')

    with s the logistic function, p_i, p_o vectors applied element by element, and the output gate
    alone seeing the new cell state.

    Weights: `kernel` (features, 3 units), `recurrent_kernel` (units, 3 units) and `bias` (3 units)
    in the order i, g, o; `peephole_kernel` (number of peepholes, units) in the order i, o.

    Args:
        units: Number of units, an int above 0.
        peepholes: Names of the gates that see the cell state, any of "input" and "output"; () for
            none. Default: None, both.
        unit_forget_bias: Whether the bias of the input gate starts at -1, so that the cell, like a
            plain LSTM, starts with 1 - i = s(1); the rest of the bias comes from
            `bias_initializer`. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import CoupledLSTM
        >>> model = keras.Sequential([keras.Input((None, 3)), CoupledLSTM(16)])
        >>> model.output_shape
        (None, 16)

    Source:
        Greff et al., "LSTM: A Search Space Odyssey", IEEE TNNLS 28, 2017, variant CIFG.
        Difference: peepholes start at zero.
    """

    cell_class = CoupledLSTMCell


@register_keras_serializable(package="custom_layers")
class LSTM1997Cell(GatedCell):
    """One step of the LSTM of 1997: no forget gate, and errors flow through the cell state only."""

    gates = Gates(open=("forget",))
    activations: ClassVar = {"activation": squash_candidate, "output_activation": squash_output}
    truncated = True


@register_keras_serializable(package="custom_layers")
class LSTM1997(GatedRNN):
    """The LSTM of 1997: no forget gate, and errors flow back through the cell state only.

    Use it to repeat the experiments of the paper, and as the ground on which later members stand.

        i = s(W_i x + R_i h + b_i)
        g = 4 s(W_g x + R_g h + b_g) - 2
        c' = c + i g
        o = s(W_o x + R_o h + b_o)
        h' = o (2 s(c') - 1)

    with s the logistic function. The gradient is truncated: the gates and the candidate see h as
    a number through which no error flows, so that an error inside a cell goes back through
    c' = c + i g alone, unchanged, over any number of steps. `truncate_gradient=False` makes the
    gradient complete.

    Weights: `kernel` (features, 3 units), `recurrent_kernel` (units, 3 units) and `bias` (3 units)
    in the order i, g, o; `peephole_kernel` (number of peepholes, units) in the order i, o.

    Args:
        units: Number of units, an int above 0.
        peepholes: Names of the gates that see the cell state, any of "input" and "output".
            Default: None, none.
        unit_forget_bias: Without effect, as there is no forget gate. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import LSTM1997
        >>> model = keras.Sequential([keras.Input((None, 3)), LSTM1997(16)])
        >>> model.output_shape
        (None, 16)

    Source:
        Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9, 1997, section 4
        and appendix A.1. Errors are cut where they are there: on the way from a gate or a candidate
        to what it sees. Differences: a block has one cell; gates see x and h, in the paper other
        gates too; errors are summed over a sequence and not learned from at each step; weights
        start as in Keras, biases at zero.
    """

    cell_class = LSTM1997Cell
