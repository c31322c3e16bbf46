"""The linear recurrence over time, h_t = a_t h_{t-1} + b_t, where a and b do not see h.

Who owns what:

- Whoever calls owns a and b: a function of the inputs, of which it sees many steps at once.
- This file owns the three ways to compute h, and the choice between them.
- `fast_scan.py` owns the one of them that knows TensorFlow.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras
from keras import ops

# The methods that work on a backend, the fastest on CPUs first. On TensorFlow Keras's own loops do
# not train under XLA; on torch its scan is in float32, on CPUs only.
Method = Literal["blocks", "loop", "scan"]
METHODS: dict[str, tuple[Method, ...]] = {
    "tensorflow": ("blocks",),
    "jax": ("loop", "scan"),
    "torch": ("loop",),
}


def linear_recurrence(
    coefficients: Callable[..., tuple[Any, Any]],
    inputs: Any,
    weights: Sequence[Any],
    initial: Any,
    mask: Any = None,
    method: Method | None = None,
) -> Any:
    """Compute all h_t = a_t h_{t-1} + b_t, with a_t, b_t = coefficients(x_t, *weights).

    The methods give the same numbers up to rounding:

    - "blocks", on TensorFlow: a loop over blocks of steps with a gradient of its own, which
      keeps nothing but h; a and b exist for one block at a time and are computed again on the way
      back. It works eagerly, in graphs and under XLA.
    - "loop", on JAX and torch: a and b for all steps at once, then a loop over time.
    - "scan", on JAX: the same, then a parallel scan; log(time) steps, each over the whole sequence.

    Args:
        coefficients: Function (x, *weights) -> (a, b), differentiable, that treats every step
            alike: from (..., features) to two tensors (..., units).
        inputs: (time, batch, features), with at least one step.
        weights: Tensors that `coefficients` takes beside its inputs.
        initial: (batch, units), the state before the first step.
        mask: (time, batch), boolean; False keeps the state of the step before. Default: None.
        method: One of `METHODS` of the backend. Default: None, see `fastest_method`.

    Returns:
        h of shape (time, batch, units).

    Raises:
        ValueError: `method` is not one of the backend's.

    Example:
        >>> from keras import ops
        >>> def count(x):
        ...     return ops.ones_like(x), x
        >>> sums = linear_recurrence(count, ops.ones((3, 1, 1)), (), ops.zeros((1, 1)))
        >>> ops.convert_to_numpy(sums).ravel().tolist()
        [1.0, 2.0, 3.0]
    """
    method = fastest_method() if method is None else method
    backend = keras.backend.backend()
    if method not in METHODS[backend]:
        raise ValueError(
            f"`method` must be one of {METHODS[backend]} on the backend {backend}. "
            f"Received: method={method!r}. Leave it out for the fastest."
        )
    mask = None if mask is None else ops.expand_dims(ops.cast(mask, "bool"), -1)

    def masked(x, valid, *weights):
        a, b = coefficients(x, *weights)
        return (a, b) if valid is None else (ops.where(valid, a, 1.0), ops.where(valid, b, 0.0))

    if method == "blocks":
        from custom_layers.fast_scan import scan_in_blocks  # TensorFlow is the backend

        return scan_in_blocks(masked, inputs, mask, weights, initial)
    a, b = masked(inputs, mask, *weights)
    return _scan(a, b, initial) if method == "scan" else _loop(a, b, initial)


def fastest_method() -> Method:
    """Return the fastest method for this backend and its devices.

    A parallel scan reads and writes the whole sequence log(time) times. That pays on accelerators;
    on CPUs a loop is faster.
    """
    backend = keras.backend.backend()
    if backend == "jax" and any(
        not device.startswith("cpu") for device in keras.distribution.list_devices()
    ):
        return "scan"
    return METHODS[backend][0]


def _loop(a, b, initial):
    def step(h, coefficients):
        a, b = coefficients
        h = a * h + b
        return h, h

    return ops.scan(step, initial, (a, b))[1]


def _scan(a, b, initial):
    def after(first, second):
        """Join two stretches of steps, h -> a h + b each, into one."""
        (a_first, b_first), (a_second, b_second) = first, second
        return a_second * a_first, a_second * b_first + b_second

    a, b = ops.associative_scan(after, (a, b), axis=0)
    return a * initial + b
