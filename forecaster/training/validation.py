"""How good forecasts of the newest rows are, in units in which all series count alike."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from forecaster.data.ragged import cut, offsets_of
from forecaster.data.reading import SeriesTable
from forecaster.data.time_grid import stride_over_seasons
from forecaster.evaluation.baselines import seasonal_naive_of_ids
from forecaster.evaluation.metrics import seasonal_scales
from forecaster.inputs.windows import WindowSource, WindowSpec, forecast_at
from forecaster.network.heads import Point, Quantiles

MOST_JUDGED = 4096  # windows
MOST_SCALED = 100_000  # rows


class Judge:
    """Scores forecasts of the rows that do not train against what happened, and the naive's too.

    Left out are values that were not observed, windows whose past was not, and series that do not
    vary in the rows that train, whose errors have no unit (unless none varies).

    Args:
        table: the series.
        source: where their windows are gathered from.
        spec: shapes and season of the windows.
        output: head and error.
        loss: which error.
        train_rows: (I,) every target of an id that is scored lies at or after this row of it.

    Raises:
        ValueError: if nothing is left to score.
    """

    def __init__(
        self,
        table: SeriesTable,
        source: WindowSource,
        spec: WindowSpec,
        output: Point | Quantiles,
        loss: str,
        train_rows: np.ndarray,
    ):
        self.source, self.spec, self.output, self.loss = source, spec, output, loss
        self.ids, self.cutoffs = _judged_windows(table, spec, train_rows)
        ends = table.offsets[self.ids] + self.cutoffs
        rows = ends[:, None] + np.arange(spec.horizon)
        self.actual = table.values[:, rows].swapaxes(0, 1)  # (S, K, H) -> (K, S, H)

        scale = series_scales(table, train_rows, spec.season_length)[:, self.ids].T  # (K, S)
        varies = np.isfinite(scale)[..., None]
        self.scale = np.where(varies, scale[..., None], 1.0)
        first = np.maximum(self.cutoffs - spec.input_length, 0)
        seen = observes(table, self.ids, first, self.cutoffs)
        self.scored = ~np.isnan(self.actual) & seen.T[..., None]
        self.weights = np.ones(self.actual.shape)
        if table.weights is not None:
            self.weights *= table.weights[rows][:, None]  # (K, H) -> (K, 1, H)
            self.scored &= self.weights > 0
        if (self.scored & varies).any():
            self.scored &= varies
        if not self.scored.any():
            raise ValueError(
                "`frame` must have values in the last "
                f"{(table.lengths - train_rows).max()} rows, which judge, and shortly before them. "
                "Received: too few. Give a longer `validation`, or a frame that ends where its "
                "values end."
            )
        season = spec.season_length
        naive = seasonal_naive_of_ids(table, self.ids, self.cutoffs, spec.horizon, season)
        self.naive_score = self._score(np.repeat(naive[..., None], output.width, -1))

    def __call__(self, forward: Callable) -> float:
        """The mean error of the forecasts that `forward` gives; no unit."""
        forecast = forecast_at(forward, self.source, self.spec, self.ids, self.cutoffs)
        return self._score(forecast)

    def _score(self, forecast: np.ndarray) -> float:
        """(K, S, H, width) -> mean error in units of each series' scale."""
        actual, forecast = self.actual / self.scale, forecast / self.scale[..., None]
        error = np.asarray(self.output.error(actual, forecast, self.loss))
        return float(np.average(error[self.scored], weights=self.weights[self.scored]))


def _judged_windows(table, spec, train_rows) -> tuple[np.ndarray, np.ndarray]:
    """Ids and cutoffs (K,) of at most about 4,096 windows, the newest of each id among them."""
    last = table.lengths - spec.horizon
    ids = np.flatnonzero(last >= train_rows)
    ids = ids[:: math.ceil(len(ids) * table.num_targets / MOST_JUDGED) or 1]
    runs = last[ids] - train_rows[ids] + 1  # cutoffs of each id
    least = math.ceil(runs.sum() * table.num_targets / MOST_JUDGED) or 1
    stride = stride_over_seasons(least, spec.season_length, spec.horizon)
    counts = (runs - 1) // stride + 1
    ids = np.repeat(ids, counts)
    # How many windows of its id are newer: counts - 1, ..., 1, 0 for each id.
    newer = np.repeat(np.cumsum(counts), counts) - 1 - np.arange(len(ids))
    return ids, last[ids] - stride * newer


def series_scales(table: SeriesTable, rows: np.ndarray, season_length: int) -> np.ndarray:
    """The unit in which each series' errors count: what its seasonal naive errs in these rows.

    Where that is zero or unknown the spread of the rows stands in.

    Args:
        table: the series.
        rows: (I,) how many rows of each id are known; the last 100,000 of them are enough.
        season_length: rows in a season.

    Returns:
        (S, I), above zero, in the targets' units; NaN where the rows do not vary by as much as
        float32, in which windows come, can tell.
    """
    parts = [_scales(chunk, rows[ids], season_length) for ids, chunk in table.chunks()]
    return np.concatenate(parts, axis=1)


def _scales(table: SeriesTable, rows: np.ndarray, season_length: int) -> np.ndarray:
    """`series_scales` of few series."""
    counts = np.minimum(rows, MOST_SCALED)
    first = table.offsets[:-1] + rows - counts
    values = cut(table.values, first, counts)
    if table.weights is not None:  # what does not count is no measure
        values = np.where(cut(table.weights[None], first, counts) > 0, values, np.nan)
    offsets = offsets_of(counts)
    begins, ends = offsets[:-1], offsets[1:]
    scale = seasonal_scales(values, ends, season_length, begins)[0].T
    least = np.finfo(np.float32).eps * _largest(values, begins, ends)
    for target, position in zip(*np.nonzero(~(scale > least)), strict=True):
        known = values[target, begins[position] : ends[position]]
        observed = known[~np.isnan(known)]
        spread = observed.std() if len(observed) else 0.0
        scale[target, position] = spread if spread > least[target, position] else np.nan
    return scale


def _largest(values, begins, ends):
    """The largest size of rows ``begin .. end - 1``, 0 of none: (S, N), (I,), (I,) -> (S, I)."""
    sizes = np.pad(np.abs(values), [(0, 0), (0, 1)])
    largest = np.fmax.reduceat(sizes, np.stack([begins, ends], 1).ravel(), axis=1)[:, ::2]
    return np.where(begins < ends, np.nan_to_num(largest), 0.0)


def observes(
    table: SeriesTable, ids: np.ndarray, first: np.ndarray, last: np.ndarray
) -> np.ndarray:
    """Whether rows ``first .. last - 1`` of (K,) ids hold a value: (K,), (K,), (K,) -> (S, K)."""
    seen = np.empty((table.num_targets, len(ids)), bool)
    for chosen, own, chunk in table.chunks_of(ids):
        counts = np.zeros((table.num_targets, chunk.num_rows + 1), np.int64)  # before each row
        np.cumsum(~np.isnan(chunk.values), axis=1, out=counts[:, 1:])
        begins = chunk.offsets[own]
        seen[:, chosen] = counts[:, begins + last[chosen]] > counts[:, begins + first[chosen]]
    return seen
