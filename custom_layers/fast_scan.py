"""The linear recurrence on TensorFlow: a loop over blocks of steps, with its gradient by hand.

A recurrence without matmuls is limited by memory bandwidth on CPUs, so only h is kept. Everything
wider (products of inputs and weights, gates, their gradients) exists for one block at a time and
stays in the cache; the backward pass computes it once more. The blocks are long enough for an
efficient matmul, and the loop within a block is only h = a h + b.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

BLOCK = 16  # steps; 8 to 24 took about the same time, a whole sequence at once twice as long


def scan_in_blocks(
    coefficients: Callable[..., tuple[tf.Tensor, tf.Tensor]],
    inputs: tf.Tensor,
    mask: tf.Tensor | None,
    weights: Sequence[tf.Tensor],
    initial: tf.Tensor,
) -> tf.Tensor:
    """Compute h_t = a_t h_{t-1} + b_t, with a_t, b_t = coefficients(x_t, mask_t, *weights).

    The gradient runs backwards in time through a recurrence of the same kind. With e_t the error
    that flows into h_t from outside and l_t all of it,

        l_t = e_t + a_{t+1} l_{t+1}      error of a_t: l_t h_{t-1}      error of b_t: l_t

    and `coefficients`, differentiated block by block, takes these to the inputs and weights.

    Args:
        coefficients: Function from (steps x batch, features) and, with a mask,
            (steps x batch, 1) to a and b, each (steps x batch, units).
        inputs: (time, batch, features).
        mask: (time, batch, 1), given on to `coefficients`, or None.
        weights: Further tensors for `coefficients`.
        initial: (batch, units).

    Returns:
        h of shape (time, batch, units).
    """
    time, batch = tf.unstack(tf.shape(inputs)[:2])
    units = initial.shape[-1]
    blocks = -(-time // BLOCK)
    # The steps that fill up the last block come after all others: no h sees them, nor any error.
    inputs = _in_blocks(inputs, blocks, time)
    # A custom gradient takes tensors: TensorFlow carries their gradients on to the variables.
    weights = [tf.convert_to_tensor(weight) for weight in weights]
    mask = None if mask is None else _in_blocks(mask, blocks, time)

    def block_coefficients(t, x, *weights):
        """Compute a and b of block t, (BLOCK, B, features) -> 2 x (BLOCK, B, U)."""
        valid = None if mask is None else tf.reshape(mask[t], (-1, 1))
        a_and_b = coefficients(tf.reshape(x, (-1, x.shape[-1])), valid, *weights)
        return [tf.reshape(values, (BLOCK, batch, units)) for values in a_and_b]

    @tf.custom_gradient
    def states(inputs, initial, *weights):
        hidden = _forward(block_coefficients, blocks, inputs, weights, initial)

        def gradient(outside):
            return _backward(block_coefficients, blocks, inputs, weights, initial, hidden, outside)

        return hidden, gradient

    hidden = states(inputs, initial, *weights)
    return tf.reshape(hidden, (blocks * BLOCK, batch, units))[:time]


def _forward(block_coefficients, blocks, inputs, weights, initial):
    """Compute h of all steps, (blocks, BLOCK, B, U)."""

    def ahead(t, h, hidden):
        a, b = block_coefficients(t, inputs[t], *weights)
        h, in_block = _scan(lambda k, h: (a[k] * h + b[k],) * 2, h, range(BLOCK))
        return t + 1, h, hidden.write(t, in_block)

    hidden = tf.TensorArray(initial.dtype, blocks, element_shape=(BLOCK, *initial.shape))
    _, _, hidden = tf.while_loop(lambda t, *_: t < blocks, ahead, (0, initial, hidden))
    return hidden.stack()


def _backward(block_coefficients, blocks, inputs, weights, initial, hidden, outside):
    """Compute the gradients of the inputs, of the initial state and of each weight.

    `hidden` is h of all steps, and `outside` the error that flows into each from outside, both
    (blocks, BLOCK, B, U).
    """

    def back(t, flowing, input_errors, *weight_errors):
        """Go back through block t; `flowing` is a_{t+1} l_{t+1} of the first step after it."""
        x = inputs[t]
        with tf.GradientTape() as tape:
            tape.watch((x, weights))
            a, b = block_coefficients(t, x, *weights)

        def step(k, flowing):
            error = outside[t, k] + flowing
            return a[k] * error, error

        flowing, errors = _scan(step, flowing, range(BLOCK)[::-1])
        before = tf.where(t > 0, hidden[tf.maximum(t - 1, 0), -1], initial)
        previous = tf.concat([before[None], hidden[t, :-1]], axis=0)
        x_error, *new = tape.gradient([a, b], [x, *weights], [errors * previous, errors])
        sums = [total + error for total, error in zip(weight_errors, new, strict=True)]
        return t - 1, flowing, input_errors.write(t, x_error), *sums

    input_errors = tf.TensorArray(inputs.dtype, blocks, element_shape=inputs.shape[1:])
    start = (blocks - 1, tf.zeros_like(initial), input_errors, *map(tf.zeros_like, weights))
    _, initial_error, input_errors, *weight_errors = tf.while_loop(
        lambda t, *_: t >= 0, back, start
    )
    return input_errors.stack(), initial_error, *weight_errors


def _in_blocks(sequences, blocks, time):
    """Cut sequences into blocks, filled up with zeros: (time, B, w) -> (blocks, BLOCK, B, w)."""
    filled = tf.pad(sequences, [[0, blocks * BLOCK - time], [0, 0], [0, 0]])
    batch, width = tf.shape(sequences)[1], sequences.shape[-1]
    return tf.reshape(filled, (blocks, BLOCK, batch, width))


def _scan(step, carry, order):
    """Fold `step`, (k, carry) -> (carry, result), over `order`; return last carry and results."""
    results = tf.TensorArray(carry.dtype, len(order), element_shape=carry.shape)

    def body(k, carry, results):
        carry, result = step(k, carry)
        return k + order.step, carry, results.write(k, result)

    _, carry, results = tf.while_loop(
        lambda k, *_: tf.logical_and(k >= 0, k < len(order)), body, (order[0], carry, results)
    )
    return carry, results.stack()
