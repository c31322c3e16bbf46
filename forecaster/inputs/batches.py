"""Batches of windows: an endless shuffled stream for training, and forecasts batch by batch.

Who owns what:

* `TrainingCut` owns targets and weights: which errors count, and how much.
* `training_batches` owns the order of the windows, and the hand-over from NumPy to TensorFlow.
* `forecast_windows` owns the batches of forecasts; `forecast_at` arranges its results by id.

windows.py owns where and how a window is cut.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from forecaster.inputs.spec import Forward, Inputs, Tensor, WindowSpec
from forecaster.inputs.windows import Cutoffs, Windows, WindowSource

FORECAST_BATCH = 256  # windows
CUT_TOGETHER = 256  # windows: a call from TensorFlow to NumPy takes as long as cutting some

TrainingBatches = tuple[Inputs, np.ndarray, np.ndarray]  # inputs, targets, weights: (k, B, ...)


@dataclass(frozen=True, eq=False)
class TrainingCut:
    """Cut of numbered windows into inputs, targets and weights, several batches at a time.

    Args:
        source: the arrays that windows are cut from.
        cutoffs: where windows are cut.
        spec: lengths of history and horizon.
        weights: (n, S'), weight of an error of 1 in each series and channel, in the
            targets' units.
        power: of the units in an error: 1, or 2 where errors are squared.
    """

    source: WindowSource
    cutoffs: Cutoffs
    spec: WindowSpec
    weights: np.ndarray
    power: int = 1

    def __call__(self, number: np.ndarray) -> TrainingBatches:
        """Cut the windows (k, B) of k batches -> inputs, targets and weights, (k, B, ...) float32.

        Where a target is missing, or its channel observes nothing in the past of the window, both
        target and weight are 0. The other weights grow in return, so that the mean error over a
        batch is the mean over the values that count.
        """
        batches, batch_size = number.shape
        series, cutoff = self.cutoffs.locate(number.ravel())
        windows = self.source.windows(series, cutoff, self.spec)
        target = windows.scaled(self.source.gather(series, cutoff, 0, self.spec.horizon))
        blind = np.isnan(windows.inputs["past_values"]).all(axis=1, keepdims=True)
        missing = np.isnan(target) | blind
        of_batch = missing.reshape(batches, -1)
        observed_share = np.maximum(1 - of_batch.mean(axis=1), 1 / of_batch.shape[1])
        weight = self.source.weights(series, cutoff, self.spec.horizon)
        weight = self._of_errors(windows, series) * weight
        weight = weight / observed_share.repeat(batch_size)[:, None, None]
        parts = (windows.inputs, np.where(missing, 0, target), np.where(missing, 0, weight))
        return tf.nest.map_structure(
            lambda part: part.reshape(number.shape + part.shape[1:]).astype(np.float32, copy=False),
            parts,
        )

    def _of_errors(self, windows: Windows, series: np.ndarray) -> np.ndarray:
        """Return the weights of errors in the units of each window, (B, 1, S') float32."""
        weights = self.weights[series][:, None]
        if windows.units is not None:
            weights = weights * windows.units.unit**self.power
        return weights.astype(np.float32)


def training_batches(cut: TrainingCut, batch_size: int, first_batch: int = 0) -> tf.data.Dataset:
    """Stream batches of one shape without end, visiting every window once, then all again.

    Each visit of all windows has its own order, a function of ``spec.seed`` and its number
    alone, so that a stream can resume at any batch. Memory does not grow with the windows.

    Args:
        cut: the windows, and how they are cut.
        batch_size: B, windows in a batch.
        first_batch: number of the batch to begin with.

    Returns:
        A dataset of (inputs of the model, target (B, H, S'), weight (B, H, S')).
    """
    together = max(CUT_TOGETHER // batch_size, 1)
    like = cut(np.zeros((together, batch_size), np.int64))  # an example of names and shapes
    reference = weakref.ref(cut)

    def cut_numbered(number: np.ndarray) -> list[np.ndarray]:
        alive = reference()
        if alive is None:
            raise RuntimeError("The dataset of training batches is gone. Keep it while it is read.")
        return tf.nest.flatten(alive(number))

    @tf.autograph.experimental.do_not_convert
    def cut_in_graph(batch: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        number = _visited_windows(batch, together, batch_size, len(cut.cutoffs), cut.spec.seed)
        parts = tf.numpy_function(
            cut_numbered,
            [number],
            [tf.float32] * len(tf.nest.flatten(like)),
            stateful=False,
        )
        for part, known in zip(parts, tf.nest.flatten(like), strict=True):
            part.set_shape(known.shape)
        return tf.nest.pack_sequence_as(like, parts)

    first = tf.data.Dataset.range(first_batch, np.iinfo(np.int64).max // batch_size, together)
    batches = first.map(cut_in_graph).unbatch().prefetch(tf.data.AUTOTUNE)
    # TensorFlow never frees a Python function that it calls: only the dataset may hold the table.
    batches.cut = cut
    return batches


def _visited_windows(
    batch: tf.Tensor, batches: int, batch_size: int, windows: int, seed: int
) -> tf.Tensor:
    """Return the window numbers of some batches from `batch` on, shuffled: (batches, B)."""
    position = (batch + tf.range(batches, dtype=tf.int64)) * batch_size
    position = position[:, None] + tf.range(batch_size, dtype=tf.int64)
    visit = position // windows
    seeds = tf.stack([tf.ones_like(visit) * seed, visit, visit], -1)  # (batches, B, 3)
    # The public index_shuffle takes no seed per element (it pads the wrong axis); this op does.
    # With fewer rounds, windows that are neighbours in time often stay neighbours.
    number = tf.raw_ops.RandomIndexShuffle(
        index=tf.reshape(position % windows, [-1]),
        seed=tf.reshape(seeds, [-1, 3]),
        max_index=windows - 1,
        rounds=8,
    )
    return tf.reshape(number, [batches, batch_size])


def forecast_windows(
    forward: Forward,
    source: WindowSource,
    spec: WindowSpec,
    series: np.ndarray,
    cutoffs: np.ndarray,
) -> np.ndarray:
    """Forecast any windows in batches, so that memory does not grow with their number.

    Args:
        forward: from inputs of the model, (B, ...), to (B, H, S', width) forecasts.
        source: the arrays that windows are cut from.
        spec: lengths of history and horizon.
        series: (K,) numbers of series.
        cutoffs: (K,) in rows of each series.

    Returns:
        (K, H, S', width) float64, in the targets' units.
    """
    forecasts = []
    for start in range(0, len(cutoffs), FORECAST_BATCH):
        chosen = slice(start, start + FORECAST_BATCH)
        windows = source.windows(series[chosen], cutoffs[chosen], spec)
        tensors = {name: tf.convert_to_tensor(array) for name, array in windows.inputs.items()}
        forecasts.append(windows.restored(forward(tensors).numpy()))
    return np.concatenate(forecasts)


def forecast_at(
    forward: Forward, source: WindowSource, spec: WindowSpec, ids: np.ndarray, cutoffs: np.ndarray
) -> np.ndarray:
    """Forecast every target of `ids` (K,), each id from its own of the `cutoffs` (K,).

    Returns:
        (K, S, H, width) float64, in the targets' units.
    """
    # The series of an id: its own number, plus `num_ids` for every further target.
    series = ids[:, None] + source.num_ids * np.arange(source.copies)
    repeated = np.repeat(cutoffs, source.copies)
    forecasts = forecast_windows(forward, source, spec, series.ravel(), repeated)
    # (K * copies, H, S', width) -> (K, copies, H, S', width) -> (K, copies, S', H, width)
    shape = (len(cutoffs), source.copies, spec.horizon, source.channels, spec.head_width)
    forecasts = forecasts.reshape(shape).swapaxes(2, 3)
    # -> (K, copies * S' = S, H, width)
    return forecasts.reshape(len(cutoffs), -1, spec.horizon, spec.head_width)
