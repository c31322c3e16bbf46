"""How good forecasts of the newest rows are, in units in which all series count alike."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from forecaster.baselines import seasonal_naive
from forecaster.output import Point, Quantiles
from forecaster.scores import seasonal_scales
from forecaster.table import SeriesTable
from forecaster.windows import WindowSource, WindowSpec, forecast_at

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
        train_rows: every target that is scored lies at or after this row.

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
        train_rows: int,
    ):
        self.source, self.spec, self.output, self.loss = source, spec, output, loss
        last = table.num_rows - spec.horizon
        stride = math.ceil((last - train_rows + 1) * table.num_targets / MOST_JUDGED)
        while math.gcd(stride, spec.season_length) > spec.horizon:
            stride += 1  # until every phase of a season is scored
        self.cutoffs = np.arange(last, train_rows - 1, -stride)[::-1]
        rows = self.cutoffs[:, None] + np.arange(spec.horizon)
        self.actual = table.values[:, rows].swapaxes(0, 1)  # (S, C, H) -> (C, S, H)

        scale = series_scales(table.values, train_rows, spec.season_length)
        varies = np.isfinite(scale)
        self.scale = np.where(varies, scale, 1.0)[:, None]
        seen = observes(table.values, self.cutoffs, spec.input_length)  # (S, C)
        self.scored = ~np.isnan(self.actual) & seen.T[..., None]
        if (self.scored & varies[:, None]).any():
            self.scored &= varies[:, None]
        if not self.scored.any():
            raise ValueError(
                f"`frame` must have values in its last {table.num_rows - train_rows} rows, which "
                "judge, and shortly before them. Received: too few. Give a longer `validation`, or "
                "a frame that ends where its values end."
            )
        naive = seasonal_naive(table.values, self.cutoffs, spec.horizon, spec.season_length)
        self.naive_score = self._score(np.repeat(naive[..., None], output.width, -1))

    def __call__(self, forward: Callable) -> float:
        """The mean error of the forecasts that `forward` gives; no unit."""
        return self._score(forecast_at(forward, self.source, self.spec, self.cutoffs))

    def _score(self, forecast: np.ndarray) -> float:
        """(C, S, H, width) -> mean error in units of each series' scale."""
        actual, forecast = self.actual / self.scale, forecast / self.scale[..., None]
        error = np.asarray(self.output.error(actual, forecast, self.loss))
        return float(error[self.scored].mean())


def series_scales(values: np.ndarray, rows: int, season_length: int) -> np.ndarray:
    """The unit in which each series' errors count: what its seasonal naive errs in these rows.

    Where that is zero or unknown the spread of the rows stands in.

    Args:
        values: (S, N), NaN where missing.
        rows: how many of the N are known; the last 100,000 of them are enough.
        season_length: rows in a season.

    Returns:
        (S,), above zero, in the targets' units; NaN where the rows do not vary by as much as
        float32, in which windows come, can tell.
    """
    known = values[:, max(rows - MOST_SCALED, 0) : rows]
    (scale,), _ = seasonal_scales(known, np.array([known.shape[1]]), season_length)
    for index, series in enumerate(known):
        observed = series[~np.isnan(series)]
        least = np.finfo(np.float32).eps * np.abs(observed).max(initial=0)
        if not scale[index] > least:
            spread = observed.std() if len(observed) else 0.0
            scale[index] = spread if spread > least else np.nan
    return scale


def observes(values: np.ndarray, cutoffs: np.ndarray, steps: int) -> np.ndarray:
    """Whether the `steps` rows before each cutoff hold a value: (S, N), (C,) -> (S, C)."""
    start = max(cutoffs[0] - steps, 0)
    counts = np.cumsum(~np.isnan(values[:, start : cutoffs[-1]]), axis=1)
    counts = np.pad(counts, [(0, 0), (1, 0)])  # of the values before each row
    return counts[:, cutoffs - start] > counts[:, np.maximum(cutoffs - steps, 0) - start]
