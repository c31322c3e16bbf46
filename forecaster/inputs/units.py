"""Units of windows: float64 values become float32 without the loss of the digits that matter.

float32 has seven digits. A meter that goes from 1,000,000,010 to 1,000,000,020 would stand still in
it, and the square of a price of 1e-25 would be 0. So a window is handed to the network in units of
its own, and the forecast comes back to the targets' units in float64:

    past = (values - origin) / unit,        forecast = origin + unit * model(past)

* The origin is the last observed value.
* The unit is the window's range. Where a window does not vary, it is the spread of its series
  (spreads.py), so that the network and its covariates have a say after a row of equal values too.

So the network sees the same numbers, bit for bit, whatever the level and the scale of a series, and
learns the same from them.

`Units` owns the rule, for NumPy and in a graph alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.data.quality import ROUNDING

Array = Any  # NumPy's, or a tensor


@dataclass(frozen=True, eq=False)
class Units:
    """Origin and unit of each window and channel, all (B, 1, S') float64.

    Args:
        origin: the value that becomes 0.
        unit: the difference that becomes 1; 0 where neither the window nor its series varies.
        width: range of the window; infinite where its values differ by rounding alone.
    """

    origin: Array
    unit: Array
    width: Array

    @classmethod
    def of(cls, past: Array, spread: Array, ops: Any = np) -> Units:
        """Choose the units of windows.

        Args:
            past: (B, L, S') float64, NaN where missing.
            spread: (B, 1, S') float64, of each window's series; 0 where it has none.
            ops: the functions to compute with: NumPy's, or `keras.ops` in a graph.
        """
        missing = ops.isnan(past)
        highest = ops.max(ops.where(missing, -np.inf, past), 1, keepdims=True)
        lowest = ops.min(ops.where(missing, np.inf, past), 1, keepdims=True)
        width = highest - lowest  # -inf where nothing is observed
        varies = width > ROUNDING * ops.maximum(ops.abs(highest), ops.abs(lowest))
        steps = ops.arange(1, past.shape[1] + 1)[:, None]
        last_step = ops.argmax(ops.where(missing, 0, steps), 1, keepdims=True)
        last = ops.take_along_axis(past, last_step, 1)
        origin = ops.where(ops.isnan(last), 0.0, last)  # NaN where nothing is observed
        unit = ops.where(varies, width, spread)
        return cls(origin, unit, ops.where(varies, width, np.inf))

    def past(self, values: Array) -> Array:
        """Convert the values that the units were chosen by, (B, L, S'); equal ones are 0."""
        return (values - self.origin) / self.width

    def scaled(self, values: Array, ops: Any = np) -> Array:
        """Convert (B, R, S') to these units; a unit of 0 counts as 1."""
        return (values - self.origin) / ops.where(self.unit > 0, self.unit, 1.0)

    def restored(self, forecast: Array) -> Array:
        """Convert (B, H, S', width) back to the targets' units."""
        return self.origin[..., None] + self.unit[..., None] * forecast
