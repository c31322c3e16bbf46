"""Weights of a cell: made with the arguments for them, and biases that start by remembering."""

from typing import Any

import keras
from keras import ops


def add_weight(
    cell: keras.Layer, name: str, shape: tuple[int, ...], initializer: Any = None
) -> Any:
    """A weight with the initializer, regularizer and constraint that its cell has for it.

    Args:
        cell: The cell, with the attributes `kernel_initializer` and so on for `kernel`, and
            `recurrent_initializer` and so on for `recurrent_kernel`.
        name: The name of the weight.
        shape: Its shape.
        initializer: What to start from instead. Default: None, the initializer of the cell.

    Returns:
        The variable.
    """
    prefix = name.removesuffix("_kernel")
    return cell.add_weight(
        name=name,
        shape=shape,
        initializer=initializer or getattr(cell, f"{prefix}_initializer"),
        regularizer=getattr(cell, f"{prefix}_regularizer"),
        constraint=getattr(cell, f"{prefix}_constraint"),
    )


def log_lags(units: int, longest: int, seed: int | None, dtype: Any) -> Any:
    """Biases by which each unit keeps its state for about u steps, u uniform in [1, longest - 1].

    Args:
        units: How many.
        longest: Longest lag to be learned, in steps, above 2.
        seed: Integer seed, or None for a random one.
        dtype: Of the result.

    Returns:
        log(u), (units,).

    Source:
        Tallec and Ollivier, "Can Recurrent Neural Networks Warp Time?", ICLR 2018.
    """
    lags = keras.initializers.RandomUniform(1, longest - 1, seed=seed)
    return ops.log(lags((units,), dtype=dtype))
