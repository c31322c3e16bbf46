"""The fast path of the gated recurrence: training steps on TensorFlow without a GPU.

Three things make it faster than a loop that TensorFlow differentiates by itself:

- The gradient is written by hand. The forward pass keeps what the backward pass needs, and the
  gradient of each weight is one matmul over all steps at the end, instead of one a step.
- Input, bias and hidden state share one matmul: [x, 1, h] times [kernel; bias; recurrent_kernel].
- Each half of the batch is an XLA computation of its own, and TensorFlow runs the two in parallel;
  within one, the matmuls of a step are too small to be worth two threads.

It knows the formula of `GatedCell` for any `Gates`, and activations whose slope follows from
their output. Every other case takes the plain path, which gives the same numbers; so does every
call but training, so that no XLA-only function is left in an exported graph. It has no second
derivatives.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import keras
import tensorflow as tf

from custom_layers.gates import Gates
from custom_layers.squashing import squash_candidate, squash_output

# The slope of an activation, given its output.
SLOPES: dict[Callable, Callable] = {
    keras.activations.sigmoid: lambda y: y * (1 - y),
    keras.activations.tanh: lambda y: 1 - y * y,
    keras.activations.linear: tf.ones_like,
    squash_candidate: lambda y: 1 - y * y / 4,
    squash_output: lambda y: (1 - y * y) / 2,
}
DTYPES = ("float32", "float64")
SHORTEST = 4  # steps; below, the plain path is as fast
SHORTEST_ALONE = 8  # steps; below, all of a training step is better compiled as one


@dataclass(frozen=True)
class Activation:
    """An activation function, and its slope given its output."""

    function: Callable
    slope: Callable

    def __call__(self, x):
        return self.function(x)


@dataclass(frozen=True)
class Recurrence:
    """The formula of a `GatedCell` without its weights."""

    gates: Gates
    gate: Activation
    candidate: Activation
    output: Activation
    truncated: bool


def recurrence_of(cell: Any) -> Recurrence | None:
    """Return the formula of a `GatedCell`; None with a GPU, another dtype or activation."""
    functions = (cell.recurrent_activation, cell.activation, cell.output_activation)
    if tf.config.list_physical_devices("GPU") or cell.compute_dtype not in DTYPES:
        return None
    if not SLOPES.keys() >= set(functions):
        return None
    gate, candidate, output = (Activation(function, SLOPES[function]) for function in functions)
    return Recurrence(cell.gates, gate, candidate, output, cell.truncate_gradient)


def is_worth_it(sequences: tf.Tensor) -> bool:
    """Check that the fast path is faster for these sequences."""
    time = sequences.shape[1]
    return not tf.executing_eagerly() and (time is None or time >= SHORTEST)


def run(
    recurrence: Recurrence,
    weights: tuple[tf.Tensor, tf.Tensor, tf.Tensor | None, tf.Tensor | None],
    sequences: tf.Tensor,
    states: Sequence[tf.Tensor],
    return_sequences: bool,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Run the recurrence over sequences, with its gradient.

    Args:
        recurrence: The formula.
        weights: kernel, recurrent_kernel, bias and peephole_kernel; None in the place of a bias or
            peephole_kernel that the cell does not have.
        sequences: (B, L, F).
        states: h and c to start from, each (B, U).
        return_sequences: Whether the outputs of all steps are wanted.

    Returns:
        Outputs (B, L, U), or (B, 1, U) of the last step only, and the last h and c.
    """
    kernel, recurrent_kernel, bias, peepholes = weights
    if bias is None:
        bias = tf.zeros(kernel.shape[1], kernel.dtype)
    if peepholes is None:
        peepholes = tf.zeros((0, recurrent_kernel.shape[0]), kernel.dtype)
    fused = tf.concat([kernel, bias[None], recurrent_kernel], axis=0)  # (F + 1 + U, n * U)

    x = tf.transpose(sequences, (1, 0, 2))  # (B, L, F) -> (L, B, F)
    # A graph of its own takes tensors: weights may be Keras's variables.
    tensors = [tf.convert_to_tensor(value) for value in (x, *states, fused, peepholes)]
    signature = tuple(tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors)
    *outputs, h, c = _all_steps(recurrence, return_sequences, signature)(*tensors)
    return tf.transpose(outputs[0], (1, 0, 2)) if outputs else h[:, None], h, c


@cache
def _all_steps(
    recurrence: Recurrence, return_sequences: bool, signature: tuple[tf.TensorSpec, ...]
) -> Callable:
    """Return the recurrence over (L, B, F), from h, c and weights, with its gradient.

    It is a graph of its own, made and compiled once for all layers and models with these shapes:
    TensorFlow keeps the graph around a custom gradient as long as the process lives, here this one
    instead of that of each training step.
    """
    forward = tf.function(partial(_forward, recurrence), jit_compile=True, autograph=False)
    backward = tf.function(partial(_backward, recurrence), jit_compile=True, autograph=False)

    @tf.custom_gradient
    def differentiable(x, h, c, fused, peepholes):
        starts = _halves((x, 1), (h, 0), (c, 0))
        done = [forward(*start, fused, peepholes) for start in starts]
        kept, *last = zip(*done, strict=True)
        last = [tf.concat(state, axis=0) for state in last]
        outputs = [tf.concat([half["hidden"] for half in kept], axis=1)] if return_sequences else []

        def gradient(*pulls):
            """Compute the gradients; `pulls` are those of the outputs of `differentiable`."""
            pulls = _halves(*zip(pulls, [1] * len(outputs) + [0, 0], strict=True))
            found = [
                backward(*start, fused, peepholes, half, pull)
                for start, half, pull in zip(starts, kept, pulls, strict=True)
            ]
            of_z, of_h, of_c, of_fused, of_peepholes = zip(*found, strict=True)
            # (L, B, n * U) -> (L, B, F); computed only if it is used
            of_x = tf.concat(of_z, axis=1) @ tf.transpose(fused[: x.shape[2]])
            of_states = [tf.concat(of_state, axis=0) for of_state in (of_h, of_c)]
            return of_x, *of_states, tf.add_n(of_fused), tf.add_n(of_peepholes)

        return [*outputs, *last], gradient

    return tf.function(differentiable, input_signature=signature, autograph=False)


def _halves(*tensors_and_batch_axes):
    """Split a batch into two halves, each a list of the tensors."""
    parts = []
    for tensor, axis in tensors_and_batch_axes:
        size = tensor.shape[axis] or tf.shape(tensor)[axis]
        parts.append(tf.split(tensor, [size // 2, size - size // 2], axis))
    return [list(half) for half in zip(*parts, strict=True)]


def _forward(recurrence, x, h, c, fused, peepholes):
    """Compute all steps of (L, B, F).

    Returns:
        The activated blocks, "cell" and "hidden" of all steps by name, each (L, B, U): arrays of
        their own, because XLA reads and writes parts of one array slowly. And the last h and c,
        each (B, U).
    """
    gates, length = recurrence.gates, tf.shape(x)[0]
    p = dict(zip(gates.peepholes, tf.unstack(peepholes), strict=True))
    x = _with_one(x)

    def gate(name, z, c):
        if name in gates.open:
            return 1.0
        return recurrence.gate(z[name] + p[name] * c if name in p else z[name])

    def step(t, h, c, kept):
        z = _split(gates, tf.concat([x[t], h], axis=1) @ fused)
        i = gate("input", z, c)
        f = 1.0 - i if gates.coupled else gate("forget", z, c)
        g = recurrence.candidate(z["candidate"])
        c = f * c + i * g
        o = gate("output", z, c)
        h = o * recurrence.output(c)
        values = {"input": i, "forget": f, "candidate": g, "output": o, "cell": c, "hidden": h}
        return t + 1, h, c, {name: array.write(t, values[name]) for name, array in kept.items()}

    kept = {name: _array(x, h.shape[1]) for name in (*gates.blocks, "cell", "hidden")}
    _, h, c, kept = tf.while_loop(lambda t, *_: t < length, step, (0, h, c, kept))
    return {name: array.stack() for name, array in kept.items()}, h, c


def _backward(recurrence, x, h, c, fused, peepholes, kept, pulls):
    """Compute the gradients of the blocks before activation (L, B, n * U), of h, c and weights."""
    gates, features, length = recurrence.gates, x.shape[2], tf.shape(x)[0]
    p = dict(zip(gates.peepholes, tf.unstack(peepholes), strict=True))
    recurrent = tf.transpose(fused[features + 1 :])
    c_before = tf.concat([c[None], kept["cell"][:-1]], axis=0)
    h_before = tf.concat([h[None], kept["hidden"][:-1]], axis=0)
    *of_outputs, of_h, of_c = pulls

    def through_peephole(name, of_z):
        return p[name] * of_z[name] if name in p and not recurrence.truncated else 0.0

    def step(t, of_h, of_c, of_blocks):
        y = {name: array[t] for name, array in kept.items()}
        i, g, o = y.get("input", 1.0), y["candidate"], y.get("output", 1.0)
        f = 1.0 - i if gates.coupled else y.get("forget", 1.0)
        squashed = recurrence.output(y["cell"])
        if of_outputs:
            of_h += of_outputs[0][t]

        of_z = {}
        if "output" in y:
            of_z["output"] = of_h * squashed * recurrence.gate.slope(o)
        of_c += of_h * o * recurrence.output.slope(squashed) + through_peephole("output", of_z)
        of_z["candidate"] = of_c * i * recurrence.candidate.slope(g)
        of_i, of_f = of_c * g, of_c * c_before[t]
        if "input" in y:
            of_z["input"] = (of_i - of_f if gates.coupled else of_i) * recurrence.gate.slope(i)
        if "forget" in y:
            of_z["forget"] = of_f * recurrence.gate.slope(f)
        of_c = of_c * f + through_peephole("input", of_z) + through_peephole("forget", of_z)

        of_z = tf.concat([of_z[name] for name in gates.blocks], axis=1)
        of_h = tf.zeros_like(of_h) if recurrence.truncated else of_z @ recurrent
        return t - 1, of_h, of_c, of_blocks.write(t, of_z)

    start = (length - 1, of_h, of_c, _array(x, fused.shape[1]))
    _, of_h, of_c, of_blocks = tf.while_loop(lambda t, *_: t >= 0, step, start)

    of_z = of_blocks.stack()
    seen = tf.concat([_with_one(x), h_before], axis=2)  # (L, B, F + 1 + U)
    of_fused = tf.matmul(_rows(seen), _rows(of_z), transpose_a=True)
    of_gates = _split(gates, of_z)
    of_peepholes = [
        _sum(of_gates[name] * (kept["cell"] if name == "output" else c_before))
        for name in gates.peepholes
    ]
    of_peepholes = tf.stack(of_peepholes) if of_peepholes else tf.zeros_like(peepholes)
    return of_z, of_h, of_c, of_fused, of_peepholes


def _with_one(x):
    """Append ones, the input of the bias: (L, B, F) -> (L, B, F + 1)."""
    return tf.concat([x, tf.ones_like(x[..., :1])], axis=2)


def _split(gates, fused):
    """Split a fused tensor into its blocks by name: (..., n * U) -> n x (..., U)."""
    return dict(zip(gates.blocks, tf.split(fused, len(gates.blocks), axis=-1), strict=True))


def _rows(sequences):
    """Join steps and batch: (L, B, width) -> (L * B, width)."""
    return tf.reshape(sequences, (-1, sequences.shape[-1]))


def _sum(sequences):
    """Sum over steps and batch, (L, B, U) -> (U,), as a matmul: XLA's sums are slow."""
    rows = _rows(sequences)
    return tf.matmul(tf.ones_like(rows[None, :, 0]), rows)[0]


def _array(x, width):
    """Make an array for a tensor (B, width) of each step of `x`."""
    return tf.TensorArray(x.dtype, size=tf.shape(x)[0], element_shape=(x.shape[1], width))
