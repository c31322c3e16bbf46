"""Baseline forecasts without training, as a reference for models."""

from __future__ import annotations

import numpy as np

from forecaster.data.series_table import SeriesTable
from forecaster.data.table_parts import chunks_of_ids


def seasonal_naive(
    values: np.ndarray,
    cutoffs: np.ndarray,
    horizon: int,
    season_length: int,
    begins: np.ndarray | int = 0,
) -> np.ndarray:
    """Forecast the value of one season before (seasonal naive).

    Use it as the baseline of every backtest; with ``season_length=1`` it repeats the last value.
    With ``c`` known rows and a season of ``m`` rows, step ``h`` is

        forecast[h] = values[c - m + (h - 1) % m]

    Where that value is missing (NaN, or before row ``begins``), the same step of the latest earlier
    season that has it is used; if there is none, the last observed value. The forecast is NaN only
    if nothing was observed at all. Rows from ``c`` on are not read.

    Args:
        values: (n, T), series in rows, NaN where missing, in the target's units.
        cutoffs: (C,) integers in 0..T, the number of known rows at each cutoff.
        horizon: H, steps to forecast, at least 1.
        season_length: m, rows in a season, at least 1.
        begins: (C,) integers, the first row of the series of each cutoff, if several series are
            concatenated; 0 is the first row of all.

    Returns:
        (C, n, H), in the target's units, float as `values`.

    Example:
        >>> week = np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]])
        >>> seasonal_naive(week, np.array([7]), horizon=3, season_length=7)
        array([[[1., 2., 3.]]])

    Source: Hyndman & Athanasopoulos, "Forecasting: Principles and Practice", 5.2. The use
        of earlier seasons for missing values is ours.
    """
    cutoffs = np.asarray(cutoffs, np.int64)
    begins = np.broadcast_to(begins, cutoffs.shape)[:, None]
    season = np.arange(horizon) % season_length
    rows = cutoffs[:, None] - season_length + season  # (C, H), perhaps before the series begins
    series = np.arange(len(values))[None, :, None]
    forecast = values[series, np.maximum(rows, 0)[:, None, :]]  # (C, n, H)
    np.copyto(forecast, np.nan, where=(rows < begins)[:, None, :])
    # Earlier seasons cost time and memory in T, so only series that need them are searched.
    for index in np.flatnonzero(np.isnan(forecast).any(axis=(0, 2))):
        forecast[:, index] = _from_earlier_seasons(
            values[index], cutoffs, rows, season_length, begins
        )
    return forecast


def seasonal_naive_of_ids(
    table: SeriesTable, ids: np.ndarray, cutoffs: np.ndarray, horizon: int, season_length: int
) -> np.ndarray:
    """Compute the `seasonal_naive` of all targets of (K,) ids, each from its own of (K,) cutoffs.

    Args:
        table: the series.
        ids: positions of ids, any number of times each.
        cutoffs: number of known rows of each.
        horizon: H, steps to forecast, at least 1.
        season_length: rows in a season, at least 1.

    Returns:
        (K, S, H) float64, in the targets' units.
    """
    forecast = np.empty((len(ids), table.num_targets, horizon))
    for chosen, own, chunk in chunks_of_ids(table, ids):
        begins = chunk.offsets[own]
        ends = begins + cutoffs[chosen]
        forecast[chosen] = seasonal_naive(chunk.values, ends, horizon, season_length, begins)
    return forecast


def _from_earlier_seasons(
    series: np.ndarray,
    cutoffs: np.ndarray,
    rows: np.ndarray,
    season_length: int,
    begins: np.ndarray,
) -> np.ndarray:
    """Forecast one series with gaps: (T,), (C,), (C, H) -> (C, H)."""
    known = series[: cutoffs.max()]
    # Row -1 means "no such row": each array below ends in a NaN or a -1.
    same_step = _last_observed(known, season_length)[np.maximum(rows, -1)]
    latest = _last_observed(known, 1)[cutoffs - 1]
    source = np.where(same_step >= begins, same_step, latest[:, None])
    return np.append(known, np.nan)[np.where(source >= begins, source, -1)]


def _last_observed(series: np.ndarray, lag: int) -> np.ndarray:
    """Return for each row the last observed one of row, row - lag, row - 2 lag, ...; -1 if none.

    (T,) -> (T + 1,), the last entry is -1.
    """
    length = len(series)
    rows = np.where(np.isnan(series), -1, np.arange(length))
    seasons = np.append(rows, np.full(-length % lag, -1)).reshape(-1, lag)
    # (seasons, lag) -> (T,): the largest row so far in each column is the last observed one.
    latest = np.maximum.accumulate(seasons, axis=0).reshape(-1)[:length]
    return np.append(latest, -1)
