"""Covariate encoder: standardized numbers, observation flags and embedded categories for a core.

A covariate is observed over the window, known over the horizon, or constant over a window. In each
of these three roles the columns keep their order, and each becomes one or more numbers:

    number             (x - location) / scale, 0 where missing; over the window a flag follows,
                       1 where it is observed
    unscaled number    itself
    category           its row of an embedding table, which is trained
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import ops

from forecaster.inputs.spec import INPUT_OF_ROLE, NUMBER, CovariateKinds, Tensor, WindowSpec

WIDEST_EMBEDDING = 16


def embedding_width(codes: int) -> int:
    """Return the embedding width of a category with so many codes: 1.6 codes^0.56, from 1 to 16.

    Source: fastai, `emb_sz_rule`, whose bound is 600.
    """
    return max(1, min(WIDEST_EMBEDDING, round(1.6 * codes**0.56)))


def core_spec(spec: WindowSpec, kinds: CovariateKinds) -> WindowSpec:
    """Return `spec` with the widths of covariates of these kinds as the encoder gives them."""
    widths = {
        name: sum(_width(kind, is_past=role == "past") for kind in getattr(kinds, role))
        for role, name in INPUT_OF_ROLE.items()
    }
    return replace(spec, **widths)


def _width(kind: int, *, is_past: bool) -> int:
    """Return the number of values that a column becomes."""
    if kind > 0:
        return embedding_width(kind)
    return 2 if is_past and kind == NUMBER else 1


@keras.saving.register_keras_serializable(package="forecaster", name="EncodeCovariates")
class CovariateEncoder(keras.layers.Layer):
    """Encoding of the covariates of one role: standardized numbers and embedded categories.

    Location and scale of the numbers are weights that are not trained: 0 and 1, until `set_scaling`
    sets them. The embeddings of a category start from small random rows, and from zeros for code 0,
    which is not trained where the category is never missing in a training window.

    Args:
        kinds: of the columns; see `CovariateKinds`.
        seed: of the embeddings.
        flags: whether a flag follows each number: 1 (observed) or 0 (missing).

    Call arguments:
        columns: (..., n) in the users' units and codes, NaN where missing. A code outside the
            category's counts as 0.

    Returns:
        (..., width), the columns in their order.
    """

    def __init__(self, kinds: Sequence[int], seed: int, flags: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kinds, self.seed, self.flags = tuple(kinds), seed, flags

    def build(self, _: Any) -> None:
        count = len(self.kinds)
        self.location = self.add_weight((count,), "zeros", trainable=False, name="location")
        self.scale = self.add_weight((count,), "ones", trainable=False, name="scale")
        seeds = np.random.default_rng(self.seed).integers(2**31, size=count)
        self.tables = [
            self.add_weight(
                (kind, embedding_width(kind)), _embedding(int(seed)), name=f"embedding_{column}"
            )
            for column, (kind, seed) in enumerate(zip(self.kinds, seeds, strict=True))
            if kind > 0
        ]

    def call(self, columns: Tensor) -> Tensor:
        observed = ops.logical_not(ops.isnan(columns))
        standard = ops.where(observed, (columns - self.location) / self.scale, 0.0)
        parts, tables = [], iter(self.tables)
        for column, kind in enumerate(self.kinds):
            own = slice(column, column + 1)
            if kind > 0:
                parts.append(_rows(next(tables), columns[..., column]))
            else:
                parts.append(standard[..., own])  # an unscaled column has location 0 and scale 1
            if kind == NUMBER and self.flags:
                parts.append(ops.cast(observed[..., own], columns.dtype))
        return ops.concatenate(parts, -1)

    def set_scaling(self, location: np.ndarray, scale: np.ndarray) -> None:
        """Set location and scale (n,) of each numeric column; 0 and 1 where they are not finite.

        A scale that float32 cannot tell from 0 at that location becomes 1: a constant column stays
        constant, and another value that comes later is not scaled up.
        """
        location, scale = np.asarray(location, np.float64), np.asarray(scale, np.float64)
        is_number = np.equal(self.kinds, NUMBER)
        location = np.where(is_number & np.isfinite(location), location, 0)
        varies = scale > np.finfo(np.float32).eps * np.abs(location)  # not so for NaN
        self.location.assign(location)
        self.scale.assign(np.where(is_number & varies & np.isfinite(scale), scale, 1))

    def get_config(self) -> dict[str, Any]:
        config = {"kinds": list(self.kinds), "seed": self.seed, "flags": self.flags}
        return super().get_config() | config


def _rows(table: Tensor, codes: Tensor) -> Tensor:
    """Look up codes (...) in a table (n, width): (..., width); row 0 for all other codes."""
    is_code = ops.logical_and(codes >= 0, codes < table.shape[0])  # False for NaN
    rows = ops.cast(ops.where(is_code, codes, 0.0), "int32")
    # The product makes the gradient dense. With a sparse gradient, of the rows in a batch, Keras's
    # Adam skips the other rows, which its momentum should move as well.
    return ops.take(1.0 * table, rows, axis=0)


def _embedding(seed: int) -> Callable[..., Tensor]:
    """Return an initializer of small random numbers, with zeros for code 0."""
    normal = keras.initializers.RandomNormal(stddev=0.05, seed=seed)

    def start(shape: tuple[int, int], dtype: str) -> Tensor:
        codes, width = shape
        return ops.pad(normal((codes - 1, width), dtype), [[1, 0], [0, 0]])

    return start
