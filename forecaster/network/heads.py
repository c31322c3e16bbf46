"""Heads without weights: a point forecast, or several quantiles.

An output owns the number of core outputs for each step and channel (`width`), their conversion to
the forecast (`forecast`), the point forecast in it (`prediction`), and its errors (`error`) under
the losses that can train it (`losses`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from keras import ops

from forecaster.inputs.spec import Tensor

Array = Any  # NumPy's, or a tensor

MEDIAN = 0.5


@dataclass(frozen=True)
class Point:
    """Point forecast: the median where it is trained with ``loss="mae"``, the mean for "mse"."""

    losses: ClassVar[tuple[str, ...]] = ("mae", "mse")
    levels: ClassVar[tuple[float, ...]] = ()
    width: ClassVar[int] = 1

    def forecast(self, raw: Tensor) -> Tensor:
        """Return the core's outputs unchanged: (B, H, S', 1), in normalized units."""
        return raw

    def prediction(self, forecast: Array) -> Array:
        """Return the point forecast: (..., 1) -> (...), of any kind of array."""
        return forecast[..., 0]

    def error(self, target: Array, forecast: Array, loss: str) -> Tensor:
        """Compute the error of each value: (B, H, S') and (B, H, S', 1) -> (B, H, S')."""
        difference = target - self.prediction(forecast)
        return ops.square(difference) if loss == "mse" else ops.abs(difference)


@dataclass(frozen=True, init=False)
class Quantiles:
    r"""Quantile forecast, several levels for each step, which cannot cross.

    Use it when the spread of the future matters as much as its middle. The network outputs the
    median ``m`` and a distance to every next level, positive through softplus:

        q_k = m + sum of softplus(d_j) over the levels between the median and level k
        (minus, below the median)

    and is trained with the pinball loss ``max(a (y - q), (a - 1) (y - q))``, the mean over the
    levels ``a``.

    Args:
        levels: probabilities between 0 and 1, each once, in any order. The median (0.5) is the
            point forecast, so it is added where it is missing.

    Raises:
        ValueError: if there is no level, or one lies outside (0, 1) or occurs twice.
        TypeError: if a level is not a number.

    Example:
        >>> Quantiles([0.9, 0.1]).levels
        (0.1, 0.5, 0.9)

    Source: Koenker & Bassett 1978 (pinball loss); Gasthaus et al. 2019 (monotone quantiles by
        positive increments).
    """

    levels: tuple[float, ...]
    losses: ClassVar[tuple[str, ...]] = ("pinball",)

    def __init__(self, levels: Collection[float]) -> None:
        object.__setattr__(self, "levels", _checked_levels(levels))

    @property
    def width(self) -> int:
        """Return Q, the number of levels."""
        return len(self.levels)

    def forecast(self, raw: Tensor) -> Tensor:
        """Compute increasing quantiles: (B, H, S', Q) -> (B, H, S', Q), normalized units."""
        middle = self.levels.index(MEDIAN)
        median = raw[..., middle : middle + 1]
        steps = ops.softplus(raw)
        below = ops.flip(ops.cumsum(ops.flip(steps[..., :middle], -1), -1), -1)
        above = ops.cumsum(steps[..., middle + 1 :], -1)
        return ops.concatenate([median - below, median, median + above], -1)

    def prediction(self, forecast: Array) -> Array:
        """Return the median: (..., Q) -> (...), of any kind of array."""
        return forecast[..., self.levels.index(MEDIAN)]

    def error(self, target: Array, forecast: Array, loss: str) -> Tensor:
        """Compute the pinball loss of each value: (B, H, S') and (B, H, S', Q) -> (B, H, S')."""
        levels = ops.convert_to_tensor(self.levels, forecast.dtype)
        difference = target[..., None] - forecast
        return ops.mean(ops.maximum(levels * difference, (levels - 1) * difference), -1)


def as_output(output: str | Point | Quantiles) -> Point | Quantiles:
    """Return the output that `output` names, or itself where it is one.

    Raises:
        ValueError: if it is neither "point" nor an output.
    """
    if isinstance(output, str) and output == "point":
        return Point()
    if isinstance(output, Point | Quantiles):
        return output
    raise ValueError(
        f'`output` must be "point" or Quantiles([...]). Received: output={output!r}. '
        "For three quantiles write output=Quantiles([0.1, 0.5, 0.9])."
    )


def asked_levels(output: Point | Quantiles, quantiles: Any) -> list[float] | None:
    """Check that the requested quantiles are levels of `output`, and return them as a list.

    Args:
        output: of the forecaster.
        quantiles: one level or several; None for the point forecast.

    Returns:
        The levels in the order of the request; None for the point forecast.

    Raises:
        ValueError: if one is not a level of `output`.
    """
    if quantiles is None:
        return None
    known = list(output.levels)
    if not known:
        raise ValueError(
            f"`quantiles` must be None for a point forecaster. Received: quantiles={quantiles!r}. "
            "Fit with `output`, for example output=Quantiles([0.1, 0.5, 0.9])."
        )
    levels = [*quantiles] if isinstance(quantiles, Sequence | np.ndarray) else [quantiles]
    if not levels or any(level not in known for level in levels):
        raise ValueError(
            f"`quantiles` must be among the levels of `output`, {known}. Received: "
            f"quantiles={quantiles!r}. Fit with those levels to have others."
        )
    return levels


def _checked_levels(levels: Collection[float]) -> tuple[float, ...]:
    advice = "For example Quantiles([0.1, 0.5, 0.9])."
    try:
        given = [float(level) for level in levels if not isinstance(level, str | bool)]
        numbers = len(given) == len(levels)
    except (TypeError, ValueError):
        numbers = False
    if not numbers:
        raise TypeError(f"`levels` must be numbers. Received: levels={levels!r}. {advice}")
    inside = all(math.isfinite(level) and 0 < level < 1 for level in given)
    if not given or not inside or len(set(given)) < len(given):
        raise ValueError(
            f"`levels` must be probabilities between 0 and 1, each once. "
            f"Received: levels={levels!r}. {advice}"
        )
    return tuple(sorted({*given, MEDIAN}))
