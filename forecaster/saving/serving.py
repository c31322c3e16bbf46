"""Serving graph: unscaled history, covariates and times in, forecasts in the targets' units out.

    past_values        (batch, time, S)      float32, NaN where missing
    past_time          (batch, time)         int64, seconds since 1970-01-01 UTC
    past_covariates    (batch, time, P + F)  float32, the past ones, then the future ones
    future_covariates  (batch, H, F)         float32
    future_time        (batch, H)            int64, seconds since 1970-01-01 UTC
    static             (batch, K)            float32
        -> prediction  (batch, H, S)         float32
           quantiles   (batch, H, S, Q)      float32, where the output is quantiles

This is `serving_default`. `serving_float64` is the same in float64, for values that float32 would
round: a meter that reads 1,000,000,010. It takes one more input, which matters where all values of
a window are equal:

    spread             (batch, S)            float64, standard deviation of each series' own past;
                                             NaN for what the fit knows of the targets

`serving_default` always takes what the fit knows: the spread of each column of a wide frame, but of
a long one what is typical of its ids.

Inputs that a model does not use are absent. The manifest describes the others column by column, so
that they can be built without this package: see `Serving.description`.

Histories may have any number of steps from 1, which may differ between the inputs: they all end at
the same step. Before a short one, values and covariates are missing, and the times continue on the
grid. So these forecasts are those of `Forecaster.predict` from the same rows: it is the same model
in batches of other sizes, and the largest difference is within 1e-5 of the largest forecast (below
1e-6 where it was measured). Times that are no seconds, or do not go on step by step, end the call
with an error: see time_checks.py.

Who owns what: `Serving` owns signatures, description and graph, and maps their inputs to windows;
`Units` (inputs/units.py) owns the units of a window; the model (network/model.py) owns everything
from there to the forecast in these units.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import ops
from pandas.tseries.offsets import BaseOffset, Day, Tick, Week

from forecaster.data.json_index import labels_to_json
from forecaster.data.series_table import SeriesTable
from forecaster.inputs.covariate_coder import Column, Columns, CovariateCoder
from forecaster.inputs.spec import WindowSpec
from forecaster.inputs.spreads import Spreads
from forecaster.inputs.time_features import unix_seconds
from forecaster.inputs.units import Units
from forecaster.network.heads import Point, Quantiles
from forecaster.saving.time_checks import calendar, checked_times

Tensors = dict[str, tf.Tensor]

ENDPOINT, FLOAT64 = "serving_default", "serving_float64"
SPREAD = "spread"
_DAY = 86_400  # seconds
_MEANING = {
    "number": "itself, NaN where missing",
    "category": "1 + position in `categories`, counted from 0; 0 or NaN for all that is not there",
    "time": "seconds since 1970-01-01 00:00 UTC, from 1677 to 2262, each one step after the one "
    "before, and `future_time` after `past_time`: others are an error; times without a zone count "
    "as UTC",
}


@dataclass(frozen=True, eq=False)
class Serving:
    """Specification of a serving graph, apart from the model itself.

    Args:
        spec: shapes of the model.
        coder: the columns of the covariates, and the time features.
        output: head of the model.
        last_rows: the last row of each id of the fit: targets, kind and step of the times.
        spreads: of the series of the fit; None where the model takes the targets' units.
    """

    spec: WindowSpec
    coder: CovariateCoder
    output: Point | Quantiles
    last_rows: SeriesTable
    spreads: Spreads | None = None

    @property
    def columns(self) -> dict[str, Columns]:
        """Return the columns of each float input that is present."""
        columns = {
            "past_values": tuple(Column(label) for label in self.last_rows.targets),
            "past_covariates": self.coder.past + self.coder.future,
            "future_covariates": self.coder.future,
            "static": self.coder.static,
        }
        return {name: present for name, present in columns.items() if present}

    @property
    def signature(self) -> dict[str, tf.TensorSpec]:
        """Return the shape and dtype of each input of `serving_default` by name."""
        return self._signature(tf.float32)

    @property
    def signature_float64(self) -> dict[str, tf.TensorSpec]:
        """Return the shape and dtype of each input of `serving_float64` by name."""
        spread = tf.TensorSpec((None, self.last_rows.num_targets), tf.float64, SPREAD)
        return self._signature(tf.float64) | ({} if self.spreads is None else {SPREAD: spread})

    def _signature(self, floats: tf.DType) -> dict[str, tf.TensorSpec]:
        history, horizon = (None, None), (None, self.spec.horizon)
        axes = {"future_covariates": horizon, "static": (None,)}
        shapes = {name: (*axes.get(name, history), len(of)) for name, of in self.columns.items()}
        times = {"past_time": history, "future_time": horizon} if self.coder.time_features else {}
        return {
            name: tf.TensorSpec(shape, dtype, name)
            for dtype, named in ((floats, shapes), (tf.int64, times))
            for name, shape in named.items()
        }

    def description(self) -> dict[str, Any]:
        """Describe the inputs in JSON: dtype, shape, columns, and the meaning of their values."""
        described: dict[str, dict[str, Any]] = {}
        for name, spec in self.signature.items():
            described[name] = {"dtype": spec.dtype.name, "shape": spec.shape.as_list()}
            if name in self.columns:
                described[name]["columns"] = [_described(column) for column in self.columns[name]]
            else:
                described[name]["kind"] = "time"
        return {"inputs": described, "kinds": _MEANING}

    def windows(self, given: Tensors) -> Tensors:
        """Convert the inputs of `signature_float64` to the windows of the model, all float64.

        Past values are still in the targets' units, with their `SPREAD` (B, 1, S') beside them.
        """
        length = self.spec.input_length
        past: list[tf.Tensor] = []
        future: list[tf.Tensor] = []
        inputs = {"past_values": _last_steps(given["past_values"], length)}
        for name in ("past_covariates", "future_covariates", "static"):
            if name in given:
                given = given | {name: _in_units(given[name], self.columns[name])}
        if "past_covariates" in given:
            past.append(_last_steps(given["past_covariates"], length))
        if "future_covariates" in given:
            future.append(given["future_covariates"])
        if self.coder.time_features:
            given = self._with_checked_times(given)
            times = tf.concat([self._last_times(given["past_time"]), given["future_time"]], 1)
            features = self.coder.time_features.of_seconds(times)  # (B, L + H) -> (B, L + H, T)
            features = tf.cast(features, tf.float64)
            past.append(features[:, :length])
            future.append(features[:, length:])
        inputs |= {"past_covariates": tf.concat(past, -1)} if past else {}
        inputs |= {"future_covariates": tf.concat(future, -1)} if future else {}
        inputs |= {"static": given["static"]} if "static" in given else {}
        if self.spreads is not None:
            known = self._known_spread(self.spreads)
            inputs[SPREAD] = tf.where(tf.math.is_nan(given[SPREAD]), known, given[SPREAD])[:, None]
        return inputs if self.spec.channels > 1 else self._separate_targets(inputs)

    def answer(self, model: keras.Model, given: Tensors) -> Tensors:
        """Compute the outputs of `serving_float64` by name."""
        windows = self.windows(given)
        units = None
        if self.spreads is not None:
            units = Units.of(windows["past_values"], windows.pop(SPREAD), ops)
            windows["past_values"] = units.past(windows["past_values"])
        inputs = {name: tf.cast(window, tf.float32) for name, window in windows.items()}
        forecast = tf.cast(model(inputs, training=False), tf.float64)
        if units is not None:
            forecast = units.restored(forecast)
        if self.spec.channels == 1:
            # (B * S, H, 1, width) -> (B, S, H, width) -> (B, H, S, width)
            shape = (-1, self.last_rows.num_targets, self.spec.horizon, self.spec.head_width)
            forecast = tf.transpose(tf.reshape(forecast, shape), (0, 2, 1, 3))
        outputs = {"prediction": self.output.prediction(forecast)}
        return outputs | {"quantiles": forecast} if self.output.levels else outputs

    def write(self, directory: Path, model: keras.Model) -> None:
        """Write the SavedModel of a model that takes windows in units of their own."""

        @tf.function(input_signature=[self.signature_float64], autograph=False)
        def answer(given: Tensors) -> Tensors:
            return self.answer(model, given)

        def serve(given: Tensors) -> Tensors:
            exact = {
                name: tf.cast(array, tf.float64) if array.dtype.is_floating else array
                for name, array in given.items()
            }
            if SPREAD in self.signature_float64:
                shape = (tf.shape(given["past_values"])[0], self.last_rows.num_targets)
                exact[SPREAD] = tf.fill(shape, tf.constant(np.nan, tf.float64))
            return {name: tf.cast(array, tf.float32) for name, array in answer(exact).items()}

        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint(ENDPOINT, serve, input_signature=[self.signature])
        archive.add_endpoint(FLOAT64, answer, input_signature=[self.signature_float64])
        archive.write_out(directory, verbose=False)

    def _known_spread(self, spreads: Spreads) -> np.ndarray:
        """Return the spread of each target, (S,): its own in a wide frame, else a typical one."""
        is_wide = self.last_rows.ids is None
        return spreads.of(self.last_rows)[:, 0] if is_wide else spreads.typical

    def _separate_targets(self, inputs: Tensors) -> Tensors:
        """Give each target a window of its own, all else repeated: (B, ...) -> (B * S, ...)."""
        values = inputs["past_values"]
        repeated = {
            name: tf.repeat(value, values.shape[2], axis=0) for name, value in inputs.items()
        }
        # (B, L, S) -> (B, S, L) -> (B * S, L, 1)
        separate = {
            name: tf.reshape(tf.transpose(inputs[name], (0, 2, 1)), (-1, inputs[name].shape[1], 1))
            for name in ("past_values", SPREAD)
            if name in inputs
        }
        return repeated | separate

    def _with_checked_times(self, given: Tensors) -> Tensors:
        """Return the inputs, whose last times and those of the horizon the graph checks."""
        past, future = given["past_time"][:, -self.spec.input_length :], given["future_time"]
        freq = cast(BaseOffset, self.last_rows.freq)  # integer times have no time features
        times = tf.concat([past, future], 1)
        times = checked_times(times, self.coder.time_features, freq, self.last_rows.starts)
        past, future = times[:, : -self.spec.horizon], times[:, -self.spec.horizon :]
        return given | {"past_time": past, "future_time": future}

    def _last_times(self, seconds: tf.Tensor) -> tf.Tensor:
        """Return the last L of (B, time) unix seconds, continued on the grid before the first."""
        length = self.spec.input_length
        seconds = seconds[:, -length:]
        back = tf.range(length - tf.shape(seconds)[1], 0, -1)
        earlier = self._times_before(seconds[:, 0], tf.cast(back, tf.int64))
        return tf.ensure_shape(tf.concat([earlier, seconds], 1), (None, length))

    def _times_before(self, first: tf.Tensor, back: tf.Tensor) -> tf.Tensor:
        """Compute the times `back` (k,) steps before the `first` (B,): (B, k) unix seconds, int64.

        Steps of one length are subtracted. Others are counted on their `calendar`, a constant of
        the graph; before its first date the times stay where they are.
        """
        freq = cast(BaseOffset, self.last_rows.freq)  # integer times have no time features
        is_days = isinstance(freq, Day | Week)  # in pandas 2 a Day is a Tick too
        count = freq.n * (7 if isinstance(freq, Week) else 1)
        if is_days and not self.coder.time_features.transitions:
            return first[:, None] - back * count * _DAY
        if isinstance(freq, Tick) and not is_days:
            return first[:, None] - back * freq.nanos // 10**9
        dates = tf.constant(_calendar(Day() if is_days else freq.base, self.last_rows.starts))
        number = tf.searchsorted(dates, first, side="right", out_type=tf.int64) - 1
        since = first - tf.gather(dates, tf.maximum(number, 0))  # 0, unless a period ends there
        earlier = tf.gather(dates, tf.maximum(number[:, None] - back * count, 0))
        return earlier + since[:, None]


def _described(column: Column) -> dict[str, Any]:
    (label,) = labels_to_json([column.label])
    if column.categories is None:
        return {"name": label, "kind": "number"}
    return {"name": label, "kind": "category", "categories": labels_to_json(column.categories)}


def _in_units(values: tf.Tensor, columns: Columns) -> tf.Tensor:
    """Convert covariates (..., C) to the units of their columns."""
    location = np.array([column.location for column in columns])
    return (values - location) / np.array([column.unit for column in columns])


def _last_steps(values: tf.Tensor, count: int) -> tf.Tensor:
    """Return the last `count` steps of (B, time, C), NaN before the first one: (B, count, C)."""
    values = values[:, -count:]
    missing = count - tf.shape(values)[1]
    return tf.ensure_shape(
        tf.pad(values, [[0, 0], [missing, 0], [0, 0]], constant_values=np.nan),
        (None, count, values.shape[2]),
    )


def _calendar(each: BaseOffset, like: pd.Index) -> np.ndarray:
    """List a calendar's dates in the zone and at the hour of `like`: (n,) unix seconds, int64."""
    start = like[0].start_time if isinstance(like, pd.PeriodIndex) else like[0]
    dates = calendar(each, start)
    first_pass = np.ones(len(dates), bool)
    return unix_seconds(dates.tz_localize(start.tz, first_pass, nonexistent="shift_forward"))
