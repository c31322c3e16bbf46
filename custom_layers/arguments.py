"""Checks of the arguments of constructors and calls of recurrent layers."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import keras


def check_units(units: int, name: str = "units") -> None:
    """Check that a size is a positive int."""
    if isinstance(units, bool) or not isinstance(units, Integral) or units < 1:
        raise ValueError(
            f"`{name}` must be a positive int. Received: {name}={units!r}. "
            f"Pass a size, for example {name}=32."
        )


def check_rate(name: str, rate: float) -> None:
    """Check that a dropout rate is in [0, 1)."""
    if not isinstance(rate, Real) or not 0.0 <= rate < 1.0:
        raise ValueError(
            f"`{name}` must be in [0, 1). Received: {name}={rate!r}. "
            f"It is the share that is dropped; pass {name}=0.0 to drop nothing."
        )


def check_chrono_lag(lag: int | None) -> None:
    """Check that the longest lag to be learned is None or an int above 2."""
    if lag is not None and (isinstance(lag, bool) or not isinstance(lag, Integral) or lag < 3):
        raise ValueError(
            f"`chrono_lag` must be an int above 2. Received: chrono_lag={lag!r}. "
            "Pass the longest lag to be learned, in steps, or None."
        )


def check_inputs(inputs: Any, name: str = "sequences") -> None:
    """Check that inputs are real floating-point numbers, with at least one time step.

    Raises:
        TypeError: another dtype.
        ValueError: no time step.
    """
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    if "float" not in dtype:
        raise TypeError(
            f"`{name}` must be real floating-point numbers. Received: dtype={dtype}. "
            f'Cast them, for example with keras.ops.cast({name}, "float32").'
        )
    if inputs.shape[1] == 0:
        raise ValueError(
            f"`{name}` must have at least one time step: (batch, time, ...). "
            f"Received: shape={tuple(inputs.shape)}. Leave out sequences that are empty."
        )


def check_mask(mask: Any, inputs: Any, name: str = "sequences") -> None:
    """Check that a mask is None or has a value for every step of `inputs`."""
    if mask is not None and not _fits(mask.shape, inputs.shape[:2]):
        raise ValueError(
            f"`mask` must have the shape (batch, time) of `{name}`, {tuple(inputs.shape[:2])}. "
            f"Received: mask.shape={tuple(mask.shape)}. Pass one boolean for each step."
        )


def check_states(states: Any, sizes: Sequence[int], batch: int | None) -> None:
    """Check that initial states are None or one tensor (batch, size) for each of `sizes`."""
    if states is None:
        return
    states = list(states) if isinstance(states, (list, tuple)) else [states]
    expected = [(batch, size) for size in sizes]
    shapes = [tuple(state.shape) for state in states]
    if len(shapes) != len(expected) or not all(map(_fits, shapes, expected)):
        raise ValueError(
            f"`initial_state` must be a list of {len(expected)} tensors with the shapes "
            f"{expected}. Received: {len(shapes)} with the shapes {shapes}. "
            "Pass the states that `return_state=True` gives, or None to start from zeros."
        )


def _fits(shape, expected) -> bool:
    """Check that two shapes can be the same; None is a size that is not known yet."""
    return len(shape) == len(expected) and all(
        None in pair or pair[0] == pair[1] for pair in zip(shape, expected, strict=True)
    )
