"""The ablations of Greff et al.: the peephole LSTM with one thing taken out.

`gated.py` computes what is stated here, and adds to each docstring the arguments that all share.
CIFG, which couples two gates, is `CoupledLSTM`; FGR, which adds instead, is `FullGateLSTM`.
"""

from typing import ClassVar

from keras.saving import register_keras_serializable

from custom_layers.gated import GatedCell, GatedRNN
from custom_layers.gates import Gates


@register_keras_serializable(package="custom_layers")
class NoPeepholeLSTMCell(GatedCell):
    """One step of the LSTM of Keras, as a member of this family (NP)."""

    gates = Gates()


@register_keras_serializable(package="custom_layers")
class NoPeepholeLSTM(GatedRNN):
    """The LSTM of `keras.layers.LSTM`, as a member of this family (NP: no peepholes).

    Use it where the members are compared, or for what `keras.layers.LSTM` does not have: `trace`,
    chrono initialization, truncated gradients. It computes the same from the same weights.

        i = s(W_i x + R_i h + b_i)
        f = s(W_f x + R_f h + b_f)
        g = tanh(W_g x + R_g h + b_g)
        c' = f c + i g
        o = s(W_o x + R_o h + b_o)
        h' = o tanh(c')

    with s the logistic function.

    Weights: `kernel` (features, 4 units), `recurrent_kernel` (units, 4 units) and `bias` (4 units)
    in the order i, f, g, o, as in `keras.layers.LSTM`.

    Args:
        units: Number of units, an int above 0.
        peepholes: Names of the gates that see the cell state after all, any of "input",
            "forget" and "output". Default: None, none.
        unit_forget_bias: Whether the bias of the forget gate starts at 1, so that an untrained
            cell remembers; the rest of the bias comes from `bias_initializer`. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import NoPeepholeLSTM
        >>> model = keras.Sequential([keras.Input((None, 3)), NoPeepholeLSTM(16)])
        >>> model.output_shape
        (None, 16)

    Source:
        Gers, Schmidhuber and Cummins, "Learning to Forget: Continual Prediction with LSTM", Neural
        Computation 12, 2000; variant NP of Greff et al., "LSTM: A Search Space Odyssey", IEEE TNNLS
        28, 2017. Difference: the gradient is complete (Gers et al. truncate it).
    """

    cell_class = NoPeepholeLSTMCell


@register_keras_serializable(package="custom_layers")
class NoInputGateLSTMCell(GatedCell):
    """One step of a peephole LSTM without input gate."""

    gates = Gates(open=("input",), peepholes=("forget", "output"))


@register_keras_serializable(package="custom_layers")
class NoInputGateLSTM(GatedRNN):
    """A peephole LSTM without input gate (NIG).

    Use it to see what the input gate is good for: here the cell state takes in every candidate
    whole, and can grow by one a step.

        f = s(W_f x + R_f h + p_f c + b_f)
        g = tanh(W_g x + R_g h + b_g)
        c' = f c + g
        o = s(W_o x + R_o h + p_o c' + b_o)
        h' = o tanh(c')

    with s the logistic function, p_f, p_o vectors applied element by element, and the output gate
    alone seeing the new cell state.

    Weights: `kernel` (features, 3 units), `recurrent_kernel` (units, 3 units) and `bias` (3 units)
    in the order f, g, o; `peephole_kernel` (number of peepholes, units) in the order f, o.

    Args:
        units: Number of units, an int above 0.
        peepholes: Names of the gates that see the cell state, any of "forget" and "output"; () for
            none. Default: None, both.
        unit_forget_bias: Whether the bias of the forget gate starts at 1, so that an untrained
            cell remembers; the rest of the bias comes from `bias_initializer`. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import NoInputGateLSTM
        >>> model = keras.Sequential([keras.Input((None, 3)), NoInputGateLSTM(16)])
        >>> model.output_shape
        (None, 16)

    Source:
        Greff et al., "LSTM: A Search Space Odyssey", IEEE TNNLS 28, 2017, variant NIG.
        Difference: peepholes start at zero.
    """

    cell_class = NoInputGateLSTMCell


@register_keras_serializable(package="custom_layers")
class NoForgetGateLSTMCell(GatedCell):
    """One step of a peephole LSTM without forget gate."""

    gates = Gates(open=("forget",), peepholes=("input", "output"))


@register_keras_serializable(package="custom_layers")
class NoForgetGateLSTM(GatedRNN):
    """A peephole LSTM without forget gate (NFG).

    Use it to see what the forget gate is good for: here the cell state only ever adds up. In the
    study of Greff et al. that cost most, beside the loss of the output activation.

        i = s(W_i x + R_i h + p_i c + b_i)
        g = tanh(W_g x + R_g h + b_g)
        c' = c + i g
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
        unit_forget_bias: Without effect, as there is no forget gate. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import NoForgetGateLSTM
        >>> model = keras.Sequential([keras.Input((None, 3)), NoForgetGateLSTM(16)])
        >>> model.output_shape
        (None, 16)

    Source:
        Greff et al., "LSTM: A Search Space Odyssey", IEEE TNNLS 28, 2017, variant NFG.
        Difference: peepholes start at zero.
    """

    cell_class = NoForgetGateLSTMCell


@register_keras_serializable(package="custom_layers")
class NoOutputGateLSTMCell(GatedCell):
    """One step of a peephole LSTM without output gate."""

    gates = Gates(open=("output",), peepholes=("input", "forget"))


@register_keras_serializable(package="custom_layers")
class NoOutputGateLSTM(GatedRNN):
    """A peephole LSTM without output gate (NOG).

    Use it to see what the output gate is good for: here the cell state always shows.

        i = s(W_i x + R_i h + p_i c + b_i)
        f = s(W_f x + R_f h + p_f c + b_f)
        g = tanh(W_g x + R_g h + b_g)
        c' = f c + i g
        h' = tanh(c')

    with s the logistic function, p_i, p_f vectors applied element by element.

    Weights: `kernel` (features, 3 units), `recurrent_kernel` (units, 3 units) and `bias` (3 units)
    in the order i, f, g; `peephole_kernel` (number of peepholes, units) in the order i, f.

    Args:
        units: Number of units, an int above 0.
        peepholes: Names of the gates that see the cell state, any of "input" and "forget"; () for
            none. Default: None, both.
        unit_forget_bias: Whether the bias of the forget gate starts at 1, so that an untrained
            cell remembers; the rest of the bias comes from `bias_initializer`. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import NoOutputGateLSTM
        >>> model = keras.Sequential([keras.Input((None, 3)), NoOutputGateLSTM(16)])
        >>> model.output_shape
        (None, 16)

    Source:
        Greff et al., "LSTM: A Search Space Odyssey", IEEE TNNLS 28, 2017, variant NOG.
        Difference: peepholes start at zero.
    """

    cell_class = NoOutputGateLSTMCell


@register_keras_serializable(package="custom_layers")
class LinearCandidateLSTMCell(GatedCell):
    """One step of a peephole LSTM whose candidate is linear."""

    gates = Gates(peepholes=("input", "forget", "output"))
    activations: ClassVar = {"activation": "linear", "output_activation": "tanh"}


@register_keras_serializable(package="custom_layers")
class LinearCandidateLSTM(GatedRNN):
    """A peephole LSTM whose candidate is linear (NIAF: no input activation function).

    Use it where the cell state shall add up amounts of any size, as in counting and integrating.

        i = s(W_i x + R_i h + p_i c + b_i)
        f = s(W_f x + R_f h + p_f c + b_f)
        g = W_g x + R_g h + b_g
        c' = f c + i g
        o = s(W_o x + R_o h + p_o c' + b_o)
        h' = o tanh(c')

    with s the logistic function, p_i, p_f, p_o vectors applied element by element, and the output
    gate alone seeing the new cell state.

    Weights: `kernel` (features, 4 units), `recurrent_kernel` (units, 4 units) and `bias` (4 units)
    in the order i, f, g, o; `peephole_kernel` (number of peepholes, units) in the order i, f, o.

    Args:
        units: Number of units, an int above 0.
        peepholes: Names of the gates that see the cell state, any of "input", "forget" and
            "output"; () for none. Default: None, all three.
        unit_forget_bias: Whether the bias of the forget gate starts at 1, so that an untrained
            cell remembers; the rest of the bias comes from `bias_initializer`. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import LinearCandidateLSTM
        >>> model = keras.Sequential([keras.Input((None, 3)), LinearCandidateLSTM(16)])
        >>> model.output_shape
        (None, 16)

    Source:
        Greff et al., "LSTM: A Search Space Odyssey", IEEE TNNLS 28, 2017, variant NIAF.
        Difference: peepholes start at zero.
    """

    cell_class = LinearCandidateLSTMCell


@register_keras_serializable(package="custom_layers")
class LinearOutputLSTMCell(GatedCell):
    """One step of a peephole LSTM that shows the cell state as it is."""

    gates = Gates(peepholes=("input", "forget", "output"))
    activations: ClassVar = {"activation": "tanh", "output_activation": "linear"}


@register_keras_serializable(package="custom_layers")
class LinearOutputLSTM(GatedRNN):
    """A peephole LSTM that shows the cell state as it is (NOAF: no output activation function).

    Use it to see what the output activation is good for: without it h has no bounds, which in the
    study of Greff et al. cost most, beside the loss of the forget gate.

        i = s(W_i x + R_i h + p_i c + b_i)
        f = s(W_f x + R_f h + p_f c + b_f)
        g = tanh(W_g x + R_g h + b_g)
        c' = f c + i g
        o = s(W_o x + R_o h + p_o c' + b_o)
        h' = o c'

    with s the logistic function, p_i, p_f, p_o vectors applied element by element, and the output
    gate alone seeing the new cell state.

    Weights: `kernel` (features, 4 units), `recurrent_kernel` (units, 4 units) and `bias` (4 units)
    in the order i, f, g, o; `peephole_kernel` (number of peepholes, units) in the order i, f, o.

    Args:
        units: Number of units, an int above 0.
        peepholes: Names of the gates that see the cell state, any of "input", "forget" and
            "output"; () for none. Default: None, all three.
        unit_forget_bias: Whether the bias of the forget gate starts at 1, so that an untrained
            cell remembers; the rest of the bias comes from `bias_initializer`. Default: True.

    Example:
        >>> import keras
        >>> from custom_layers import LinearOutputLSTM
        >>> model = keras.Sequential([keras.Input((None, 3)), LinearOutputLSTM(16)])
        >>> model.output_shape
        (None, 16)

    Source:
        Greff et al., "LSTM: A Search Space Odyssey", IEEE TNNLS 28, 2017, variant NOAF.
        Difference: peepholes start at zero.
    """

    cell_class = LinearOutputLSTMCell
