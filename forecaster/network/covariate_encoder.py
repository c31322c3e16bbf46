"""What a core sees of the covariates: numbers in one scale, flags beside them, embedded categories.

A covariate is seen over the window, known over the horizon, or known once for a window. In each
of these three groups the columns keep their order, and each becomes some numbers side by side:

    a number      (x - location) / scale, 0 where missing; over the window then a flag beside it
    a plain one   itself
    a category    its row of a table that is trained
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from numbers import Integral

import keras
import numpy as np
from keras import ops

from forecaster.inputs.windows import WindowSpec

NUMBER, PLAIN = 0, -1  # kinds of a column; any other is a category's number of codes
# Fields of CovariateKinds -> inputs of a model, of its core, and fields of WindowSpec.
INPUTS = {"past": "past_covariates", "future": "future_covariates", "static": "static"}
WIDEST_EMBEDDING = 16


@dataclass(frozen=True)
class CovariateKinds:
    """What each column of the covariates is, in order.

    A kind is `NUMBER` (0), standardized with the column's own location and scale; `PLAIN` (-1), a
    number that is never missing and is used as it is; or n of at least 1, a category with the
    codes 0 .. n - 1, of which 0 stands for those that are missing or were never seen.

    Args:
        past: columns seen over the window. A column of `future` that is seen there as well is one
            of these too, with an embedding of its own if it is a category.
        future: columns known over the horizon.
        static: columns known once for a window.

    Raises:
        TypeError: if a kind is no integer.
        ValueError: if a kind is below -1.
    """

    past: tuple[int, ...] = ()
    future: tuple[int, ...] = ()
    static: tuple[int, ...] = ()

    def __post_init__(self):
        for group, kinds in asdict(self).items():
            for kind in kinds:
                if isinstance(kind, bool) or not isinstance(kind, Integral):
                    raise TypeError(f"`{group}` must hold integers. Received: {kind!r}.")
                if kind < PLAIN:
                    raise ValueError(
                        f"`{group}` must hold 0 for a number, -1 for a plain one, or a category's "
                        f"number of codes. Received: {kind!r}."
                    )
            # JSON has no tuples, and no numbers of NumPy.
            object.__setattr__(self, group, tuple(int(kind) for kind in kinds))


def embedding_width(codes: int) -> int:
    """Numbers that stand for a category with so many codes: 1.6 codes^0.56, from 1 up to 16.

    Source: fastai, `emb_sz_rule`, whose bound is 600.
    """
    return max(1, min(WIDEST_EMBEDDING, round(1.6 * codes**0.56)))


def core_spec(spec: WindowSpec, kinds: CovariateKinds) -> WindowSpec:
    """`spec` with the numbers of covariates that a core sees of columns of these kinds."""
    widths = {
        name: sum(_width(kind, is_past=group == "past") for kind in getattr(kinds, group))
        for group, name in INPUTS.items()
    }
    return replace(spec, **widths)


def _width(kind: int, *, is_past: bool) -> int:
    """Numbers that a column becomes."""
    if kind > 0:
        return embedding_width(kind)
    return 2 if is_past and kind == NUMBER else 1


@keras.saving.register_keras_serializable(package="forecaster")
class EncodeCovariates(keras.layers.Layer):
    """The columns of one group of covariates as the numbers that a core sees.

    Location and scale of the numbers are weights that training leaves alone: 0 and 1, until
    `set_scaling` gives them. Training begins with small random rows for the codes of a category,
    and with zeros for code 0: where no training window misses the category, nothing is known of it.

    Args:
        kinds: of the columns; see `CovariateKinds`.
        seed: of the embeddings.
        flags: whether 1 (observed) or 0 (missing) stands beside each number.

    Call arguments:
        columns: (..., n) in the users' units and codes, NaN where missing. A code that is none of
            the category's is taken for 0.

    Returns:
        (..., width), the columns in their order.
    """

    def __init__(self, kinds: Sequence[int], seed: int, flags: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.kinds, self.seed, self.flags = tuple(kinds), seed, flags

    def build(self, _):
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

    def call(self, columns):
        observed = ops.logical_not(ops.isnan(columns))
        standard = ops.where(observed, (columns - self.location) / self.scale, 0.0)
        parts, tables = [], iter(self.tables)
        for column, kind in enumerate(self.kinds):
            here = slice(column, column + 1)
            if kind > 0:
                parts.append(_rows(next(tables), columns[..., column]))
            else:
                parts.append(standard[..., here])  # of a plain column location and scale stay 0, 1
            if kind == NUMBER and self.flags:
                parts.append(ops.cast(observed[..., here], columns.dtype))
        return ops.concatenate(parts, -1)

    def set_scaling(self, location: np.ndarray, scale: np.ndarray) -> None:
        """Give each number its location and scale (n,); where they are not finite, 0 and 1.

        A scale that float32 cannot tell from 0 at that location becomes 1: what is constant stays
        so, and another value that comes later is not blown up.
        """
        location, scale = np.asarray(location, np.float64), np.asarray(scale, np.float64)
        is_number = np.equal(self.kinds, NUMBER)
        location = np.where(is_number & np.isfinite(location), location, 0)
        varies = scale > np.finfo(np.float32).eps * np.abs(location)  # not so for NaN
        self.location.assign(location)
        self.scale.assign(np.where(is_number & varies & np.isfinite(scale), scale, 1))

    def get_config(self):
        config = {"kinds": list(self.kinds), "seed": self.seed, "flags": self.flags}
        return super().get_config() | config


def _rows(table, codes):
    """The rows (..., width) of a table (n, width) for codes (...); row 0 for all that have none."""
    is_code = ops.logical_and(codes >= 0, codes < table.shape[0])  # NaN is none
    rows = ops.cast(ops.where(is_code, codes, 0.0), "int32")
    # The product has a dense gradient. Of one that holds only the rows of a batch, Keras's Adam
    # leaves out the others, which its momentum should move as well.
    return ops.take(1.0 * table, rows, axis=0)


def _embedding(seed: int):
    """An initializer: small random numbers, and zeros for code 0."""
    normal = keras.initializers.RandomNormal(stddev=0.05, seed=seed)

    def start(shape, dtype):
        codes, width = shape
        return ops.pad(normal((codes - 1, width), dtype), [[1, 0], [0, 0]])

    return start
