"""What a forecaster answers with: one number a step, or several quantiles of it.

An output is a head without weights: it says how many numbers the core network gives for each
step and channel (`width`), turns them into the forecast (`forecast`), and judges it (`loss`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from keras import ops

MEDIAN = 0.5


@dataclass(frozen=True)
class Point:
    """One number for each step: the median where ``loss="mae"`` trained it, the mean for "mse"."""

    losses: ClassVar[tuple[str, ...]] = ("mae", "mse")
    levels: ClassVar[tuple[float, ...]] = ()
    width: ClassVar[int] = 1

    def forecast(self, raw):
        """(B, H, S', 1) -> (B, H, S', 1), normalized units."""
        return raw

    def prediction(self, forecast):
        """The point forecast: (..., 1) -> (...), whatever array holds it."""
        return forecast[..., 0]

    def error(self, target, forecast, loss: str):
        """(B, H, S') and (B, H, S', 1) -> error of each value, (B, H, S')."""
        difference = target - self.prediction(forecast)
        return ops.square(difference) if loss == "mse" else ops.abs(difference)


@dataclass(frozen=True, init=False)
class Quantiles:
    r"""Several quantiles for each step, which cannot cross.

    Use it when the spread of the future matters as much as its middle. The network gives the
    median ``m`` and a distance to every next level, positive through softplus:

        q_k = m + sum of softplus(d_j) over the levels between the median and level k
        (minus, below the median)

    and is trained with the pinball loss ``max(a (y - q), (a - 1) (y - q))``, the mean over the
    levels ``a``.

    Args:
        levels: probabilities between 0 and 1, each once, in any order. The median (0.5) is the
            point forecast, so it is added where it is missing.

    Raises:
        ValueError: if there is no level, or one lies outside (0, 1) or stands twice.
        TypeError: if a level is not a number.

    Example:
        >>> Quantiles([0.9, 0.1]).levels
        (0.1, 0.5, 0.9)

    Source: Koenker & Bassett 1978 (pinball loss); Gasthaus et al. 2019 (monotone quantiles by
        positive increments).
    """

    levels: tuple[float, ...]
    losses: ClassVar[tuple[str, ...]] = ("pinball",)

    def __init__(self, levels):
        object.__setattr__(self, "levels", _checked_levels(levels))

    @property
    def width(self) -> int:
        return len(self.levels)

    def forecast(self, raw):
        """(B, H, S', Q) -> increasing quantiles, (B, H, S', Q), normalized units."""
        middle = self.levels.index(MEDIAN)
        median = raw[..., middle : middle + 1]
        steps = ops.softplus(raw)
        below = ops.flip(ops.cumsum(ops.flip(steps[..., :middle], -1), -1), -1)
        above = ops.cumsum(steps[..., middle + 1 :], -1)
        return ops.concatenate([median - below, median, median + above], -1)

    def prediction(self, forecast):
        """The median: (..., Q) -> (...), whatever array holds it."""
        return forecast[..., self.levels.index(MEDIAN)]

    def error(self, target, forecast, loss: str):
        """(B, H, S') and (B, H, S', Q) -> pinball loss of each value, (B, H, S')."""
        levels = ops.convert_to_tensor(self.levels, forecast.dtype)
        difference = target[..., None] - forecast
        return ops.mean(ops.maximum(levels * difference, (levels - 1) * difference), -1)


def as_output(output) -> Point | Quantiles:
    """The output that `output` ("point", or an output itself) stands for."""
    if isinstance(output, str) and output == "point":
        return Point()
    if isinstance(output, Point | Quantiles):
        return output
    raise ValueError(
        f'`output` must be "point" or Quantiles([...]). Received: output={output!r}. '
        "For three quantiles write output=Quantiles([0.1, 0.5, 0.9])."
    )


def _checked_levels(levels) -> tuple[float, ...]:
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
