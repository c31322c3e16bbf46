"""Where to cut windows, and how to cut them.

Two objects, used alike by training, validation, backtest and forecast:

* `Cutoffs` says *where*: a run of consecutive cutoffs for every series, numbered but never listed.
* `WindowSource` says *how*: it gathers the rows around a cutoff from the arrays of a table.

A series is one target of one id. A cutoff is a number of known rows of it: the window at cutoff
``c`` holds the ``input_length`` rows before row ``c`` and the ``horizon`` rows from row ``c`` on.
Rows outside a series (before its first, after its last) are NaN: a short history is a history with
a gap at its start, and the unseen future is a future in which nothing was observed.

Windows are cut by NumPy from the table's own arrays, which may lie on disk, and become float32 when
they are cut: no second array of the size of the table is made.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import tensorflow as tf

from forecaster.data.reading import SeriesTable

FORECAST_BATCH = 256  # windows
CUT_TOGETHER = 256  # windows: a call from TensorFlow to NumPy takes as long as cutting some

Inputs = dict[str, np.ndarray]
Forward = Callable[[dict[str, tf.Tensor]], tf.Tensor]


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

    def locate(self, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Series and cutoff of the windows with these numbers: (B,) -> (B,), (B,), all int64."""
        series = self._ends.searchsorted(number, side="right")
        return series, number + self._shifts[series]

    @cached_property
    def _ends(self) -> np.ndarray:
        """(n,) how many windows there are up to each series' last."""
        return np.cumsum(self.counts)

    @cached_property
    def _shifts(self) -> np.ndarray:
        """(n,) from the number of a window of each series to its cutoff."""
        return self.first + self.counts - self._ends


@dataclass(frozen=True, eq=False)
class CodedColumns:
    """Covariates of a table as a model takes them, coded when they are looked up.

    Args:
        values: (C, N) numbers, and codes of the table's categories.
        codes: for each column what becomes of each code, and at last of a missing one; None for
            numbers, which stay as they are.
    """

    values: np.ndarray
    codes: tuple[np.ndarray | None, ...]

    def __len__(self) -> int:
        return len(self.values)

    def at(self, places: np.ndarray) -> np.ndarray:
        """Places (...) among the N -> (..., C) float32, NaN where missing."""
        found = self.values.T[places].astype(np.float32)
        for column, codes in enumerate(self.codes):
            if codes is not None:
                own = found[..., column]
                code = np.where(np.isnan(own), len(codes) - 1, own)
                found[..., column] = codes[code.astype(np.int64)]
        return found


@dataclass(frozen=True, eq=False)
class CovariateArrays:
    """What is known beside the targets of a table.

    Args:
        past: (P, N), seen over the window.
        future: (F, N), seen over the window behind the past ones, and known over the horizon.
        static: (K, I).
        time_features: (M, T) float32, of the times that any id may need.
        clock: (I,) int64, the place among those times of each id's first row.
    """

    past: CodedColumns
    future: CodedColumns
    static: CodedColumns
    time_features: np.ndarray
    clock: np.ndarray


class WindowSource:
    """The arrays of a table, from which windows are gathered.

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
        self.table, self.covariates, self.joint = table, covariates, joint
        self.num_ids = table.num_ids
        self.copies = 1 if joint else table.num_targets
        self.channels = table.num_targets if joint else 1
        self.lengths = self.of_series(table.lengths)

    @property
    def num_series(self) -> int:
        return self.num_ids * self.copies

    def of_series(self, of_ids: np.ndarray) -> np.ndarray:
        """What holds for each id, for each series: (I,) -> (n,), all ids of a target together."""
        return np.tile(of_ids, self.copies)

    def inputs(self, series: np.ndarray, cutoff: np.ndarray, spec: WindowSpec) -> Inputs:
        """What the model is given to forecast from each cutoff, (B,) and (B,), by name."""
        inputs = {"past_values": self.gather(series, cutoff, -spec.input_length, 0)}
        if self.covariates is None:
            return inputs
        ids, known = series % self.num_ids, self.covariates
        for name, groups, first, last in (
            ("past_covariates", (known.past, known.future), -spec.input_length, 0),
            ("future_covariates", (known.future,), 0, spec.horizon),
        ):
            places, inside = self._places(ids, cutoff, first, last)
            parts = [
                np.where(inside[..., None], columns.at(places), np.float32(np.nan))
                for columns in groups
                if len(columns)
            ]
            if known.time_features.shape[1]:
                moments = known.clock[ids][:, None] + _around(cutoff, first, last)
                parts.append(known.time_features[moments])
            if parts:
                inputs[name] = np.concatenate(parts, axis=-1)
        if len(known.static):
            inputs["static"] = known.static.at(ids)
        return inputs

    def gather(self, series: np.ndarray, cutoff: np.ndarray, first: int, last: int) -> np.ndarray:
        """Rows ``cutoff + first .. cutoff + last - 1`` of each series, NaN outside the series.

        Args:
            series: (B,) int64, numbers of series.
            cutoff: (B,) int64, in rows of the series.
            first: steps from the cutoff; negative ones lie in the past.
            last: the same, not included.

        Returns:
            (B, last - first, S') float32, in the targets' units.
        """
        target, ids = np.divmod(series, self.num_ids)
        places, inside = self._places(ids, cutoff, first, last)
        if self.joint:
            found = self.table.values.T[places]  # (N, S) at (B, R) -> (B, R, S)
        else:
            found = self.table.values[target[:, None], places][..., None]
        return np.where(inside[..., None], found.astype(np.float32), np.float32(np.nan))

    def weights(self, series: np.ndarray, cutoff: np.ndarray, horizon: int) -> np.ndarray | float:
        """How much the user lets each step of the horizon count: (B, H, 1); 1 where all alike.

        NaN outside the series.
        """
        if self.table.weights is None:
            return 1.0
        places, inside = self._places(series % self.num_ids, cutoff, 0, horizon)
        return np.where(inside, self.table.weights[places], np.nan)[..., None]

    def _places(self, ids, cutoff, first, last) -> tuple[np.ndarray, np.ndarray]:
        """Where the rows around each cutoff lie in the table, and whether the id has them: (B, R).

        A row that the id does not have is looked for at the id's first.
        """
        offsets, row = self.table.offsets, _around(cutoff, first, last)
        begin, end = offsets[ids][:, None], offsets[ids + 1][:, None]
        inside = (row >= 0) & (row < end - begin)
        return begin + np.where(inside, row, 0), inside


def _around(cutoff: np.ndarray, first: int, last: int) -> np.ndarray:
    """The rows ``cutoff + first .. cutoff + last - 1``: (B,) -> (B, last - first)."""
    return cutoff[:, None] + np.arange(first, last)


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
    windows, together = len(cutoffs), max(CUT_TOGETHER // batch_size, 1)

    def cut(number):
        """The windows (k, B) of some batches -> their inputs, targets and weights, (k, B, ...)."""
        series, cutoff = cutoffs.locate(number.ravel())
        inputs = source.inputs(series, cutoff, spec)
        target = source.gather(series, cutoff, 0, spec.horizon)
        blind = np.isnan(inputs["past_values"]).all(axis=1, keepdims=True)
        missing = np.isnan(target) | blind
        of_batch = missing.reshape(together, -1)
        share = np.maximum(1 - of_batch.mean(axis=1), 1 / of_batch.shape[1])  # of what is there
        weight = weights[series][:, None] * source.weights(series, cutoff, spec.horizon)
        weight = weight / share.repeat(batch_size)[:, None, None]
        parts = (inputs, np.where(missing, 0, target), np.where(missing, 0, weight))
        return tf.nest.map_structure(
            lambda part: part.reshape(number.shape + part.shape[1:]).astype(np.float32, copy=False),
            parts,
        )

    def cut_in_graph(batch):
        position = (batch + tf.range(together, dtype=tf.int64)) * batch_size
        position = position[:, None] + tf.range(batch_size, dtype=tf.int64)  # (k, B)
        visit = position // windows
        seed = tf.stack([tf.ones_like(visit) * spec.seed, visit, visit], -1)  # (k, B, 3)
        # The public index_shuffle takes no seed an element (it pads the wrong axis); this op does.
        # With fewer rounds, windows that are neighbours in time often stay neighbours.
        number = tf.raw_ops.RandomIndexShuffle(
            index=tf.reshape(position % windows, [-1]),
            seed=tf.reshape(seed, [-1, 3]),
            max_index=windows - 1,
            rounds=8,
        )
        number = tf.reshape(number, [together, batch_size])
        parts = tf.numpy_function(
            lambda number: tf.nest.flatten(alive()(number)),
            [number],
            [tf.float32] * len(tf.nest.flatten(like)),
            stateful=False,
        )
        for part, known in zip(parts, tf.nest.flatten(like), strict=True):
            part.set_shape(known.shape)
        return tf.nest.pack_sequence_as(like, parts)

    like = cut(np.zeros((together, batch_size), np.int64))  # in names and shapes
    alive = weakref.ref(cut)
    first = tf.data.Dataset.range(first_batch, np.iinfo(np.int64).max // batch_size, together)
    batches = first.map(cut_in_graph).unbatch().prefetch(tf.data.AUTOTUNE)
    # TensorFlow never forgets a function that it calls: only the dataset may hold the table.
    batches.cut = cut
    return batches


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
        inputs = source.inputs(series[chosen], cutoffs[chosen], spec)
        tensors = {name: tf.convert_to_tensor(array) for name, array in inputs.items()}
        forecasts.append(forward(tensors).numpy())
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
