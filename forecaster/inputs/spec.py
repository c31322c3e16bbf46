"""Shapes that windows, networks and artifacts share, and the names of their parts.

The covariates of one role have a name in each stage:

    table (data/)        coder and kinds (here)    input of a model and of its core, WindowSpec
    past_covariates      past                      past_covariates
    future_covariates    future                    future_covariates
    static_covariates    static                    static

Future covariates are observed over the window too, so they are among the past inputs as well; time
features are the last columns of both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

INPUT_OF_ROLE = {"past": "past_covariates", "future": "future_covariates", "static": "static"}
NUMBER, UNSCALED = 0, -1  # kinds of a column; any other is a category's number of codes

Tensor = Any  # of Keras or TensorFlow, symbolic or eager; neither package has types
Inputs = dict[str, np.ndarray]
Forward = Callable[[dict[str, "tf.Tensor"]], "tf.Tensor"]


@dataclass(frozen=True)
class WindowSpec:
    """Shapes and seed that a core network is built for.

    Use it as the only argument of a custom network: a function ``(WindowSpec) -> keras.Model``
    that maps a dictionary of inputs to ``(B, H, S' * head_width)``, all in normalized units:

        past, observed       (B, L, S')   values, 0 where missing, and whether they were observed
        past_covariates      (B, L, P)    each of these three only where its width is above 0;
        future_covariates    (B, H, F)    scaled, filled, and categories embedded
        static               (B, K)

    Args:
        input_length: L, steps of history the network sees.
        horizon: H, steps forecast at once.
        channels: S', target columns in one window; 1 when channels are independent.
        head_width: outputs for each step and channel; 1 for a point forecast.
        season_length: steps in a season, 1 where there is none.
        seed: for initializers and dropout, so that the same seed gives the same weights.
        past_covariates: P, width of the covariates at each step of history.
        future_covariates: F, width of the covariates at each step of the horizon.
        static: K, width of the static covariates.
    """

    input_length: int
    horizon: int
    channels: int = 1
    head_width: int = 1
    season_length: int = 1
    seed: int = 0
    past_covariates: int = 0
    future_covariates: int = 0
    static: int = 0

    @property
    def width(self) -> int:
        """Return the number of outputs for each step, all channels together."""
        return self.channels * self.head_width


@dataclass(frozen=True)
class CovariateKinds:
    """Kinds of the covariate columns of each role, in order.

    A kind is `NUMBER` (0), standardized with the column's own location and scale; `UNSCALED` (-1),
    a number that is never missing and is used as it is; or n of at least 1, a category with the
    codes 0 .. n - 1, where code 0 stands for missing and unknown categories.

    Args:
        past: columns observed over the window. A column of `future` that is observed there as well
            is one of these too, with an embedding of its own if it is a category.
        future: columns known over the horizon.
        static: columns that are constant over a window.

    Raises:
        TypeError: if a kind is not an integer.
        ValueError: if a kind is below -1.
    """

    past: tuple[int, ...] = ()
    future: tuple[int, ...] = ()
    static: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for role, kinds in asdict(self).items():
            for kind in kinds:
                if isinstance(kind, bool) or not isinstance(kind, Integral):
                    raise TypeError(f"`{role}` must hold integers. Received: {kind!r}.")
                if kind < UNSCALED:
                    raise ValueError(
                        f"`{role}` must hold 0 for a number, -1 for an unscaled one, or a "
                        f"category's number of codes. Received: {kind!r}."
                    )
            # A kind read from JSON comes in a list; one from NumPy could not be written to JSON.
            object.__setattr__(self, role, tuple(int(kind) for kind in kinds))
