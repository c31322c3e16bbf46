"""The squashing functions of the LSTM of 1997, which Keras does not have."""

from keras import ops
from keras.saving import register_keras_serializable


@register_keras_serializable(package="custom_layers")
def squash_candidate(x):
    """Compute the logistic function on [-2, 2], g of the LSTM of 1997: 4 s(x) - 2."""
    return 4.0 * ops.sigmoid(x) - 2.0


@register_keras_serializable(package="custom_layers")
def squash_output(x):
    """Compute the logistic function on [-1, 1], h of the LSTM of 1997: 2 s(x) - 1."""
    return 2.0 * ops.sigmoid(x) - 1.0
