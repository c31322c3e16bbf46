"""Normalization of each window by its own location and scale; missing values filled, flagged."""

from __future__ import annotations

from typing import Any, Literal, get_args

import keras
from keras import ops

from forecaster.inputs.spec import Tensor

Normalization = Literal["standard", "last", "none"]
NORMALIZATIONS: tuple[str, ...] = get_args(Normalization)


@keras.saving.register_keras_serializable(package="forecaster", name="NormalizeWindow")
class InstanceNormalization(keras.layers.Layer):
    """Reversible instance normalization: each window in units of its own location and scale.

        past = (values - location) / scale,     forecast = location + scale * core(past)

    Location and scale are those of the observed values, and returned, so that the forecast can be
    transformed back to the targets' units.

    A missing value becomes 0, the window's location. A window without variation has scale 1, which
    is the spread of its series where windows come in units of their own (inputs/units.py).

    Args:
        method: "standard" (mean and standard deviation), "last" (last observed value and standard
            deviation) or "none" (0 and 1: values enter as they are).

    Call arguments:
        values: (B, L, S'), NaN where missing.

    Returns:
        past (B, L, S') normalized, observed (B, L, S') of 0 and 1, location (B, 1, S') and
        scale (B, 1, S') in the units of the values. Where a window observes nothing, location is
        NaN; in training it is 0, because such a window has weight 0 there, and NaN * 0 is NaN.

    Source: Kim et al. 2022, "Reversible Instance Normalization for Accurate Time-Series Forecasting
        against Distribution Shift". Here without its affine weights, and with missing values.
    """

    def __init__(self, method: Normalization, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.method = method

    def call(self, values: Tensor, training: bool = False) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        missing = ops.isnan(values)
        observed = ops.cast(ops.logical_not(missing), values.dtype)
        count = ops.maximum(ops.sum(observed, 1, keepdims=True), 1)
        steps = ops.arange(1, values.shape[1] + 1, dtype=values.dtype)[:, None]
        last_step = ops.argmax(observed * steps, 1, keepdims=True)
        last = ops.take_along_axis(values, last_step, 1)  # NaN where nothing is observed
        # Computed from distances to the last value, the spread of a constant is exactly 0, and a
        # small spread at a high level keeps its digits.
        distance = ops.where(missing, 0.0, values - last)
        mean = ops.sum(distance, 1, keepdims=True) / count
        variance = ops.sum(ops.square(observed * (distance - mean)), 1, keepdims=True) / count
        scale = ops.where(variance > 0, ops.sqrt(variance), 1.0)
        if self.method == "standard":
            location = last + mean
        elif self.method == "last":
            location = last
        else:
            location, scale = 0 * last, ops.ones_like(scale)
        if training:
            location = ops.where(ops.isnan(location), 0.0, location)
        past = (values - location) / scale
        return ops.where(missing, 0.0, past), observed, location, scale

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"method": self.method}
