"""Rolling origin: forecasts from many cutoffs, none by weights that have seen what is scored.

    rows 0 .. cutoff - 1        what a forecast may read
    rows 0 .. cutoff - gap - 1  what its weights may have been fitted on (the last `window` of them)
    row cutoff ..               what is scored

Nothing here knows a concrete class: whatever has `fit_table`, `forecast_table` and scikit-learn's
`clone` can be judged.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Protocol

import numpy as np
import pandas as pd
from sklearn.base import clone

from forecaster.backtest_result import BacktestResult
from forecaster.baselines import seasonal_naive
from forecaster.checks import check_integer
from forecaster.parallel import Workers, run_all
from forecaster.scores import seasonal_scales
from forecaster.table import SeriesTable

logger = logging.getLogger(__name__)


class TableForecaster(Protocol):
    """What can be judged."""

    horizon: int

    def fit_table(self, table: SeriesTable) -> TableForecaster:
        """Fit fresh weights; returns itself."""

    def forecast_table(self, table: SeriesTable, cutoffs: np.ndarray) -> np.ndarray:
        """(C,) cutoffs -> (C, S, H, width), each from the rows before its cutoff alone."""

    def rows_seen(self, table: SeriesTable) -> int | None:
        """How many rows of `table` the weights have seen; None where there are no weights yet."""


def choose_cutoffs(
    table: SeriesTable, horizon: int, cutoffs: int | Sequence, stride: int
) -> np.ndarray:
    """The cutoffs as numbers of known rows, oldest first: (C,) int64.

    Args:
        cutoffs: how many, the last that have a whole horizon of rows after them; or the times
            themselves, each the last time seen.
        stride: steps between two cutoffs, where `cutoffs` is a number.

    Raises:
        ValueError: if the table has too few rows, or a time has no whole horizon after it.
    """
    check_integer("stride", stride, minimum=1)
    last = table.num_rows - horizon
    if not isinstance(cutoffs, int | np.integer) or isinstance(cutoffs, bool):
        rows = np.array([table.position_of(time) + 1 for time in cutoffs], np.int64)
        if not len(rows) or rows.max() > last:
            raise ValueError(
                f"`cutoffs` must be times that have a whole horizon after them. Received: "
                f"cutoffs={cutoffs!r}, horizon={horizon}. The last such time is "
                f"{table.times(0, last - 1, 1)[0]}."
            )
        return np.unique(rows)
    check_integer("cutoffs", cutoffs, minimum=1)
    first = last - (cutoffs - 1) * stride
    if first < 1:
        raise ValueError(
            f"`cutoffs` must fit into the frame. Received: cutoffs={cutoffs}, stride={stride}, "
            f"horizon={horizon}; they need {horizon + (cutoffs - 1) * stride + 1} rows, "
            f"the frame has {table.num_rows}. At most {max(0, (last - 1) // stride + 1)} fit."
        )
    return np.arange(first, last + 1, stride)


def run_backtest(
    model: TableForecaster,
    table: SeriesTable,
    cutoffs: np.ndarray,
    *,
    levels: tuple[float, ...],
    season_length: int,
    refit: bool | int,
    gap: int,
    window: int | None,
    workers: Workers,
) -> BacktestResult:
    """Forecast from every cutoff; see `Forecaster.backtest` for the arguments.

    Args:
        cutoffs: (C,) int64, oldest first, as `choose_cutoffs` gives them.
        levels: of the quantiles; empty for point forecasts.
    """
    if refit:
        every = int(refit)
        parts = [cutoffs[first : first + every] for first in range(0, len(cutoffs), every)]
        tasks = [partial(_fit_and_forecast, clone(model), table, part, gap, window) for part in parts]
        forecast = np.concatenate(run_all(tasks, workers))
    else:
        seen = model.rows_seen(table)
        if seen is None or seen > cutoffs[0] - gap:
            if seen is not None:
                logger.warning(
                    "The weights at hand have seen rows after the first cutoff, %s: a fresh clone "
                    "is fitted once, up to there.",
                    table.times(0, cutoffs[0] - 1, 1)[0],
                )
            forecast = _fit_and_forecast(clone(model), table, cutoffs, gap, window)
        else:
            forecast = model.forecast_table(table, cutoffs)
    return _result(table, cutoffs, forecast, levels, model.horizon, season_length)


def _fit_and_forecast(model, table, cutoffs, gap, window) -> np.ndarray:
    """Fit on the rows up to the first cutoff, forecast from all: (C, S, H, width)."""
    known = table.until(int(cutoffs[0]) - gap)
    model.fit_table(known if window is None else known.tail(window))
    return model.forecast_table(table, cutoffs)


def _result(table, cutoffs, forecast, levels, horizon, season_length) -> BacktestResult:
    """(C, S, H, width) -> windows in the order of cutoffs, then series: (C * S, H, ...)."""
    count = len(cutoffs) * table.num_targets
    rows = cutoffs[:, None] + np.arange(horizon)
    actual = table.values[:, rows].swapaxes(0, 1)  # (S, C, H) -> (C, S, H)
    naive = seasonal_naive(table.values, cutoffs, horizon, season_length)
    absolute, squared = seasonal_scales(table.values, cutoffs, season_length)
    forecast = forecast.reshape(count, horizon, -1).astype(np.float64)
    middle = levels.index(0.5) if levels else 0
    times = table.times(0, int(cutoffs[0]) - 1, int(cutoffs[-1] - cutoffs[0]) + 1)
    return BacktestResult(
        series=table.targets.take(np.tile(np.arange(table.num_targets), len(cutoffs))),
        cutoffs=times.take(np.repeat(cutoffs - cutoffs[0], table.num_targets)),
        freq=table.freq,
        actual=actual.reshape(count, horizon),
        prediction=forecast[..., middle],
        naive=naive.reshape(count, horizon),
        absolute_scale=absolute.reshape(count),
        squared_scale=squared.reshape(count),
        quantiles=forecast if levels else None,
        levels=levels,
    )
