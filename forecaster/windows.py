"""Where to cut windows, and how to cut them.

Two objects, used alike by training, validation, backtest and forecast:

* `Cutoffs` says *where*: a run of consecutive cutoffs for every series, numbered but never listed.
* `WindowSource` says *how*: it gathers the rows around a cutoff from one flat array.

A series is one target of one id. A cutoff is a number of known rows of it: the window at cutoff
``c`` holds the ``input_length`` rows before row ``c`` and the ``horizon`` rows from row ``c`` on.
Rows outside a series (before its first, after its last) are NaN: a short history is a history with
a gap at its start, and the unseen future is a future in which nothing was observed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from forecaster.table import SeriesTable

FORECAST_BATCH = 256  # windows

Inputs = dict[str, tf.Tensor]
Forward = Callable[[Inputs], tf.Tensor]


@dataclass(frozen=True)
class WindowSpec:
    """The shapes and the seed that a core network is built for.

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
        head_width: numbers given for each step and channel; 1 for a point forecast.
        season_length: steps in a season, 1 where there is none.
        seed: for initializers and dropout, so that the same seed gives the same weights.
        past_covariates: P, numbers beside the targets for each step of history.
        future_covariates: F, numbers that are known for each step of the horizon.
        static: K, numbers that are known for each series.
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
        """Numbers given for each step, all channels together."""
        return self.channels * self.head_width


@dataclass(frozen=True)
class Cutoffs:
    """Runs of consecutive cutoffs, one run a series, numbered ``0 .. len - 1`` in order.

    Args:
        first: (n,) int64, the first cutoff of each series, in rows of that series.
        counts: (n,) int64, how many cutoffs follow each other from there.
    """

    first: np.ndarray
    counts: np.ndarray

    @classmethod
    def between(cls, first: np.ndarray, last: np.ndarray) -> Cutoffs:
        """Every cutoff from `first` to `last`, both included; none where first > last."""
        first, last = np.broadcast_arrays(np.asarray(first, np.int64), np.asarray(last, np.int64))
        return cls(first, np.maximum(last - first + 1, 0))

    def __len__(self) -> int:
        return int(self.counts.sum())

    def locate(self, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Series and cutoff of the windows with these numbers: (B,) -> (B,), (B,), all int64."""
        ends = np.cumsum(self.counts)
        series = tf.searchsorted(ends, number, side="right", out_type=tf.int64)
        return series, number + tf.gather(self.first + self.counts - ends, series)


@dataclass(frozen=True, eq=False)
class CovariateArrays:
    """The covariates of a table as a model takes them, float32, NaN where missing.

    Args:
        window: (N, p), seen over the window: past covariates, then future ones.
        horizon: (N, f), known over the horizon.
        static: (I, k).
        time_features: (M, T), of the times that any id may need.
        clock: (I,) int64, the place among those times of each id's first row.
    """

    window: np.ndarray
    horizon: np.ndarray
    static: np.ndarray
    time_features: np.ndarray
    clock: np.ndarray


class WindowSource:
    """The values of a table as one float32 array from which windows are gathered.

    Independent channels lie behind each other, each a series of its own; joint channels stay
    side by side. Windows are never materialised.

    Args:
        table: the series.
        covariates: what is known beside them; None for nothing.
        joint: whether one window holds all target columns (S' = S) or one of them (S' = 1).
    """

    def __init__(
        self,
        table: SeriesTable,
        covariates: CovariateArrays | None = None,
        *,
        joint: bool = False,
    ):
        # Joint: (S, N) -> (N, S). Independent: (S, N) -> (S * N, 1).
        values = table.values.T if joint else table.values.reshape(-1, 1)
        self.num_ids = table.num_ids
        self.copies = 1 if joint else table.num_targets
        self.values = tf.convert_to_tensor(values.astype(np.float32))
        first_rows = np.arange(self.copies) * table.num_rows
        self.starts = np.add.outer(first_rows, table.offsets[:-1]).ravel()
        self.lengths = self.of_series(table.lengths)
        self.offsets = table.offsets
        # Tensors, because a graph would hold every array that it reads as a copy of its own.
        self.covariates = None
        if covariates is not None:
            tensors = {name: tf.convert_to_tensor(a) for name, a in vars(covariates).items()}
            self.covariates = CovariateArrays(**tensors)
        self.row_weights = None
        if table.weights is not None:
            self.row_weights = tf.constant(table.weights[:, None], tf.float32)

    @property
    def num_series(self) -> int:
        return len(self.starts)

    @property
    def channels(self) -> int:
        return self.values.shape[1]

    def of_series(self, of_ids: np.ndarray) -> np.ndarray:
        """What holds for each id, for each series: (I,) -> (n,), all ids of a target together."""
        return np.tile(of_ids, self.copies)

    def inputs(self, series: tf.Tensor, cutoff: tf.Tensor, spec: WindowSpec) -> Inputs:
        """What the model is given to forecast from each cutoff, (B,) and (B,), by name."""
        inputs = {"past_values": self.gather(series, cutoff, -spec.input_length, 0)}
        if self.covariates is None:
            return inputs
        ids, known = series % self.num_ids, self.covariates
        for name, columns, first, last in (
            ("past_covariates", known.window, -spec.input_length, 0),
            ("future_covariates", known.horizon, 0, spec.horizon),
        ):
            if columns.shape[1] + known.time_features.shape[1]:
                inputs[name] = self._gather_of_ids(columns, ids, cutoff, first, last)
            if known.time_features.shape[1]:
                moments = tf.gather(known.clock, ids)[:, None] + _around(cutoff, first, last)
                times = tf.gather(known.time_features, moments)
                inputs[name] = tf.concat([inputs[name], times], -1)
        if known.static.shape[1]:
            inputs["static"] = tf.gather(known.static, ids)
        return inputs

    def gather(self, series: tf.Tensor, cutoff: tf.Tensor, first: int, last: int) -> tf.Tensor:
        """Rows ``cutoff + first .. cutoff + last - 1`` of each series, NaN outside the series.

        Args:
            series: (B,) int64, numbers of series.
            cutoff: (B,) int64, in rows of the series.
            first: steps from the cutoff; negative ones lie in the past.
            last: the same, not included.

        Returns:
            (B, last - first, S') float32, in the targets' units.
        """
        starts, lengths = (tf.gather(of, series) for of in (self.starts, self.lengths))
        return _gather(self.values, starts, lengths, _around(cutoff, first, last))

    def weights(self, series: tf.Tensor, cutoff: tf.Tensor, horizon: int) -> tf.Tensor | float:
        """How much the user lets each step of the horizon count: (B, H, 1); 1 where all alike."""
        if self.row_weights is None:
            return 1.0
        return self._gather_of_ids(self.row_weights, series % self.num_ids, cutoff, 0, horizon)

    def _gather_of_ids(self, rows, ids, cutoff, first, last) -> tf.Tensor:
        """As `gather`, from rows (N, C) that all targets of an id share."""
        start, end = tf.gather(self.offsets, ids), tf.gather(self.offsets, ids + 1)
        return _gather(rows, start, end - start, _around(cutoff, first, last))


def _around(cutoff: tf.Tensor, first: int, last: int) -> tf.Tensor:
    """The rows ``cutoff + first .. cutoff + last - 1``: (B,) -> (B, last - first)."""
    return cutoff[:, None] + tf.range(first, last, dtype=tf.int64)


def _gather(values, starts, lengths, row) -> tf.Tensor:
    """Rows (B, R) of series that begin at `starts` (B,) of `values` (N, C): (B, R, C)."""
    inside = (row >= 0) & (row < lengths[:, None])
    found = tf.gather(values, starts[:, None] + tf.where(inside, row, 0))
    return tf.where(inside[..., None], found, np.nan)


def training_batches(
    source: WindowSource,
    cutoffs: Cutoffs,
    spec: WindowSpec,
    batch_size: int,
    weights: np.ndarray,
    first_batch: int = 0,
) -> tf.data.Dataset:
    """An endless stream of batches of one shape that visits every window once, then all again.

    Each visit of all windows has its own order, a function of ``spec.seed`` and its number
    alone, so that a stream can start again at any batch. Memory does not grow with the windows.

    Args:
        source: what to cut.
        cutoffs: where.
        spec: how long, and the seed.
        batch_size: B, windows in a batch.
        weights: (n, S') float32, what an error of one unit counts in each series and channel.
        first_batch: number of the batch to begin with.

    Returns:
        A dataset of (inputs of the model, target (B, H, S'), weight (B, H, S')). Where a target
        is missing, or its channel observes nothing in the past of the window, both are 0; the
        other weights are so much larger that the mean over a batch is the mean over them.
    """
    windows = len(cutoffs)

    def cut(position):
        visit = position // windows
        seed = tf.stack([tf.ones_like(visit) * spec.seed, visit, visit], 1)  # (B, 3)
        # The public index_shuffle takes no seed an element (it pads the wrong axis); this op does.
        # With fewer rounds, windows that are neighbours in time often stay neighbours.
        number = tf.raw_ops.RandomIndexShuffle(
            index=position % windows, seed=seed, max_index=windows - 1, rounds=8
        )
        series, cutoff = cutoffs.locate(number)
        inputs = source.inputs(series, cutoff, spec)
        target = source.gather(series, cutoff, 0, spec.horizon)
        blind = tf.reduce_all(tf.math.is_nan(inputs["past_values"]), axis=1, keepdims=True)
        missing = tf.math.is_nan(target) | blind
        share = 1 - tf.reduce_mean(tf.cast(missing, tf.float32))
        weight = tf.math.divide_no_nan(tf.gather(weights, series)[:, None, :], share)
        weight *= source.weights(series, cutoff, spec.horizon)
        return inputs, tf.where(missing, 0.0, target), tf.where(missing, 0.0, weight)

    positions = tf.data.Dataset.range(first_batch * batch_size, np.iinfo(np.int64).max)
    return positions.batch(batch_size, drop_remainder=True).map(cut).prefetch(tf.data.AUTOTUNE)


def forecast_windows(
    forward: Forward,
    source: WindowSource,
    spec: WindowSpec,
    series: np.ndarray,
    cutoffs: np.ndarray,
) -> np.ndarray:
    """Forecasts of any windows, in batches, so that memory does not grow with them.

    Args:
        forward: from inputs of the model, (B, ...), to (B, H, S', width) forecasts.
        source: what to cut.
        spec: how long.
        series: (K,) numbers of series.
        cutoffs: (K,) in rows of each series.

    Returns:
        (K, H, S', width) float32, in the targets' units.
    """
    forecasts = []
    for start in range(0, len(cutoffs), FORECAST_BATCH):
        chosen = slice(start, start + FORECAST_BATCH)
        inputs = source.inputs(
            tf.constant(series[chosen], tf.int64), tf.constant(cutoffs[chosen], tf.int64), spec
        )
        forecasts.append(forward(inputs).numpy())
    return np.concatenate(forecasts)


def forecast_at(
    forward: Forward, source: WindowSource, spec: WindowSpec, ids: np.ndarray, cutoffs: np.ndarray
) -> np.ndarray:
    """Forecasts of every target of `ids` (K,), each from its own of the `cutoffs` (K,).

    Returns:
        (K, S, H, width) float32, in the targets' units.
    """
    # The series of an id: its own number, and so many further on for every other target.
    series = ids[:, None] + source.num_ids * np.arange(source.copies)
    repeated = np.repeat(cutoffs, source.copies)
    forecasts = forecast_windows(forward, source, spec, series.ravel(), repeated)
    # (K * copies, H, S', width) -> (K, copies, H, S', width) -> (K, copies, S', H, width)
    shape = (len(cutoffs), source.copies, spec.horizon, source.channels, spec.head_width)
    forecasts = forecasts.reshape(shape).swapaxes(2, 3)
    # -> (K, copies * S' = S, H, width)
    return forecasts.reshape(len(cutoffs), -1, spec.horizon, spec.head_width)
