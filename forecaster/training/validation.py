"""Validation score: mean scaled error on the held-out last rows of each series.

Who owns what: `ValidationScorer` owns which windows are scored, and their score, alike for the
model and for the seasonal naive; `series_scales` owns the unit of errors, in training too.
"""

from __future__ import annotations

import math

import numpy as np

from forecaster.data.quality import ROUNDING
from forecaster.data.ragged import cut, offsets_of
from forecaster.data.series_table import SeriesTable
from forecaster.data.table_parts import chunks_of_ids, table_chunks
from forecaster.evaluation.baselines import seasonal_naive_of_ids
from forecaster.evaluation.folds import stride_over_seasons
from forecaster.evaluation.metrics import error_scales
from forecaster.inputs.batches import forecast_at
from forecaster.inputs.spec import Forward, WindowSpec
from forecaster.inputs.windows import WindowSource
from forecaster.network.heads import Point, Quantiles

MOST_WINDOWS = 4096  # windows
MOST_SCALED = 100_000  # rows


class ValidationScorer:
    """Mean scaled error of forecasts of the held-out rows, and that of the seasonal naive.

    Left out are values that were not observed, windows without observed history, and series that
    are constant in the training rows, whose errors have no unit (unless all are).

    Args:
        table: the series.
        source: arrays that windows are gathered from.
        spec: shapes and season of the windows.
        output: head and error.
        loss: name of the error.
        train_rows: (I,) number of training rows of each id; only later rows are scored.

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
    ) -> None:
        self.source, self.spec, self.output, self.loss = source, spec, output, loss
        self.ids, self.cutoffs = _validation_windows(table, spec, train_rows)
        ends = table.offsets[self.ids] + self.cutoffs
        rows = ends[:, None] + np.arange(spec.horizon)
        self.actual = table.values[:, rows].swapaxes(0, 1)  # (S, K, H) -> (K, S, H)

        scale = series_scales(table, train_rows, spec.season_length)[:, self.ids].T  # (K, S)
        varies = np.isfinite(scale)[..., None]
        self.scale = np.where(varies, scale[..., None], 1.0)
        first = np.maximum(self.cutoffs - spec.input_length, 0)
        has_history = observes(table, self.ids, first, self.cutoffs)
        self.scored = ~np.isnan(self.actual) & has_history.T[..., None]
        self.weights = np.ones(self.actual.shape)
        if table.weights is not None:
            self.weights *= table.weights[rows][:, None]  # (K, H) -> (K, 1, H)
            self.scored &= self.weights > 0
        if (self.scored & varies).any():
            self.scored &= varies
        if not self.scored.any():
            raise ValueError(
                "`frame` must have values in the last "
                f"{(table.lengths - train_rows).max()} rows, which are held out, and shortly "
                "before them. Received: too few. Give a longer `validation`, or a frame that ends "
                "where its values end."
            )
        season = spec.season_length
        naive = seasonal_naive_of_ids(table, self.ids, self.cutoffs, spec.horizon, season)
        self.naive_score = self._score(np.repeat(naive[..., None], output.width, -1))

    def __call__(self, forward: Forward) -> float:
        """Compute the mean scaled error of the forecasts of `forward`; no unit."""
        forecast = forecast_at(forward, self.source, self.spec, self.ids, self.cutoffs)
        return self._score(forecast)

    def _score(self, forecast: np.ndarray) -> float:
        """Compute the mean error in units of each series' scale: (K, S, H, width) -> float."""
        actual, forecast = self.actual / self.scale, forecast / self.scale[..., None]
        error = np.asarray(self.output.error(actual, forecast, self.loss))
        return float(np.average(error[self.scored], weights=self.weights[self.scored]))


def _validation_windows(
    table: SeriesTable, spec: WindowSpec, train_rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Choose ids and cutoffs (K,) of at most about 4,096 windows, with the last one of each id."""
    last = table.lengths - spec.horizon
    ids = np.flatnonzero(last >= train_rows)
    ids = ids[:: math.ceil(len(ids) * table.num_targets / MOST_WINDOWS) or 1]
    runs = last[ids] - train_rows[ids] + 1  # cutoffs of each id
    least = math.ceil(runs.sum() * table.num_targets / MOST_WINDOWS) or 1
    stride = stride_over_seasons(least, spec.season_length, spec.horizon)
    counts = (runs - 1) // stride + 1
    ids = np.repeat(ids, counts)
    # The number of later windows of the same id: counts - 1, ..., 1, 0 for each id.
    later = np.repeat(np.cumsum(counts), counts) - 1 - np.arange(len(ids))
    return ids, last[ids] - stride * later


def series_scales(table: SeriesTable, rows: np.ndarray, season_length: int) -> np.ndarray:
    """Compute the unit of each series' errors: the seasonal naive's error in its first rows.

    Where that is zero or unknown, the standard deviation of the rows is used instead.

    Args:
        table: the series.
        rows: (I,) number of known rows of each id; the last 100,000 of them are used.
        season_length: rows in a season.

    Returns:
        (S, I), above zero, in the targets' units; NaN where the rows are constant, as far as
        float64 can tell.
    """
    parts = [_scales(chunk, rows[ids], season_length) for ids, chunk in table_chunks(table)]
    return np.concatenate(parts, axis=1)


def _scales(table: SeriesTable, rows: np.ndarray, season_length: int) -> np.ndarray:
    """Compute `series_scales` of a chunk of series."""
    counts = np.minimum(rows, MOST_SCALED)
    first = table.offsets[:-1] + rows - counts
    values = cut(table.values, first, counts)
    if table.weights is not None:  # rows of weight 0 do not count
        values = np.where(cut(table.weights[None], first, counts) > 0, values, np.nan)
    offsets = offsets_of(counts)
    begins, ends = offsets[:-1], offsets[1:]
    scale = error_scales(values, ends, season_length, begins)[0].T
    least = ROUNDING * _largest(values, begins, ends)
    for target, position in zip(*np.nonzero(~(scale > least)), strict=True):
        known = values[target, begins[position] : ends[position]]
        observed = known[~np.isnan(known)]
        spread = observed.std() if len(observed) else 0.0
        scale[target, position] = spread if spread > least[target, position] else np.nan
    return scale


def _largest(values: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Compute the largest magnitude in rows ``begin .. end - 1``, 0 of none: (S, N) -> (S, I)."""
    magnitudes = np.pad(np.abs(values), [(0, 0), (0, 1)])
    largest = np.fmax.reduceat(magnitudes, np.stack([begins, ends], 1).ravel(), axis=1)[:, ::2]
    return np.where(begins < ends, np.nan_to_num(largest), 0.0)


def observes(
    table: SeriesTable, ids: np.ndarray, first: np.ndarray, last: np.ndarray
) -> np.ndarray:
    """Return whether rows ``first .. last - 1`` of ids (K,) hold a value, for targets: (S, K)."""
    has_value = np.empty((table.num_targets, len(ids)), bool)
    for chosen, own, chunk in chunks_of_ids(table, ids):
        counts = np.zeros((table.num_targets, chunk.num_rows + 1), np.int64)  # before each row
        np.cumsum(~np.isnan(chunk.values), axis=1, out=counts[:, 1:])
        begins = chunk.offsets[own]
        has_value[:, chosen] = counts[:, begins + last[chosen]] > counts[:, begins + first[chosen]]
    return has_value
