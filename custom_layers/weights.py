"""Weights of a cell: their arguments, their config, and biases that start by remembering."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from custom_layers.signatures import Constraint, Initializer, Regularizer


def add_weight(
    cell: keras.Layer, name: str, shape: tuple[int, ...], initializer: Any = None
) -> Any:
    """Add a weight with the initializer, regularizer and constraint that its cell has for it.

    Args:
        cell: The cell, with the attributes `kernel_initializer` and so on for `kernel`, and
            `recurrent_initializer` and so on for `recurrent_kernel`.
        name: The name of the weight.
        shape: Its shape.
        initializer: Another initializer. Default: None, that of the cell.

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


def store_weight_arguments(
    cell: keras.Layer,
    kind: str,
    initializer: Initializer,
    regularizer: Regularizer,
    constraint: Constraint,
) -> None:
    """Store the arguments of `<kind>_kernel` as attributes, under the names that Keras gives them.

    Args:
        cell: The cell.
        kind: The name of the weight, without "_kernel".
        initializer: A name, an object or a config, as in the constructor of the cell.
        regularizer: The same.
        constraint: The same.
    """
    setattr(cell, f"{kind}_initializer", keras.initializers.get(initializer))
    setattr(cell, f"{kind}_regularizer", keras.regularizers.get(regularizer))
    setattr(cell, f"{kind}_constraint", keras.constraints.get(constraint))


def weight_config(cell: keras.Layer, kind: str) -> dict[str, Any]:
    """Return the part of a cell's config that `store_weight_arguments` restores."""
    initializer, regularizer, constraint = (
        f"{kind}_{role}" for role in ("initializer", "regularizer", "constraint")
    )
    return {
        initializer: keras.initializers.serialize(getattr(cell, initializer)),
        regularizer: keras.regularizers.serialize(getattr(cell, regularizer)),
        constraint: keras.constraints.serialize(getattr(cell, constraint)),
    }


def initial_bias(
    cell: keras.Layer,
    shape: tuple[int, ...],
    dtype: Any,
    blocks: Sequence[str],
    chrono_signs: Mapping[str, float],
    remembering: Mapping[str, float],
) -> Any:
    """Draw a bias from `bias_initializer`, but for the blocks that make the cell remember.

    Args:
        cell: The cell, with the attributes units, bias_initializer, unit_forget_bias, chrono_lag
            and seed.
        shape: Shape of the bias, (blocks x units,).
        dtype: Of the result.
        blocks: Names of the blocks in their order.
        chrono_signs: By block, the sign with which chrono initialization puts log(lag) there.
        remembering: By block, the value that `unit_forget_bias` puts there.

    Returns:
        The bias, of that shape.
    """
    drawn = ops.split(cell.bias_initializer(shape, dtype=dtype), len(blocks))
    parts = dict(zip(blocks, drawn, strict=True))
    if cell.chrono_lag is not None:
        logs = log_lags(cell.units, cell.chrono_lag, cell.seed, dtype)
        parts |= {block: sign * logs for block, sign in chrono_signs.items()}
    elif cell.unit_forget_bias:
        parts |= {block: ops.full_like(parts[block], value) for block, value in remembering.items()}
    return ops.concatenate(list(parts.values()))


def log_lags(units: int, longest: int, seed: int | None, dtype: Any) -> Any:
    """Draw biases that keep a unit's state for about u steps, u uniform in [1, longest - 1].

    Args:
        units: Number of biases.
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
