"""Rolling origin: forecasts from many cutoffs, none by weights that have seen what is scored.

    rows 0 .. cutoff - 1        what a forecast may read
    rows 0 .. cutoff - gap - 1  what its weights may have been fitted on (the last `window` of them)
    row cutoff ..               what is scored

Nothing here knows a concrete class: whatever has the methods of `TableForecaster` and can be
copied by scikit-learn's `clone` can be judged.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from numbers import Integral
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
from forecaster.time_grid import shortlist

logger = logging.getLogger(__name__)


class TableForecaster(Protocol):
    """What can be judged."""

    horizon: int

    def fit_table(self, table: SeriesTable) -> TableForecaster:
        """Fit fresh weights; returns itself."""

    def forecast_table(self, table: SeriesTable, cutoffs: np.ndarray) -> np.ndarray:
        """(C,) cutoffs -> (C, S, H, width), each from the rows before its cutoff alone."""

    def rows_needed(self, table: SeriesTable) -> int:
        """The fewest rows of `table` that can be fitted on."""

    def reason_to_refit(self, table: SeriesTable, rows: int) -> str | None:
        """Why forecasts must not come from the weights at hand; None if they may.

        The reason may be that the weights have seen more than the first `rows` of the table. It is
        the empty text where there are none, which is nothing to be told of.
        """


def choose_cutoffs(
    table: SeriesTable, horizon: int, cutoffs: int | Sequence, stride: int
) -> np.ndarray:
    """The cutoffs as numbers of known rows, oldest first: (C,) int64.

    Args:
        table: the series.
        horizon: steps that must lie in the table after every cutoff.
        cutoffs: how many, the last that have a whole horizon of rows after them; or the times
            themselves, each the last time seen.
        stride: steps between two cutoffs, where `cutoffs` is a number.

    Raises:
        TypeError: if `cutoffs` is neither a number nor several times, or `stride` no integer.
        ValueError: if the table has too few rows, or a time has no whole horizon after it.
    """
    check_integer("stride", stride, minimum=1)
    last = table.num_rows - horizon
    if isinstance(cutoffs, Integral):
        check_integer("cutoffs", cutoffs, minimum=1)
        if cutoffs > (fit := max(0, (last - 1) // stride + 1)):
            raise ValueError(
                f"`cutoffs` must fit into the frame. Received: cutoffs={cutoffs}, stride={stride}, "
                f"horizon={horizon}; they need {horizon + (cutoffs - 1) * stride + 1} rows, the "
                f"frame has {table.num_rows}. At most {fit} fit."
            )
        return np.arange(last - (cutoffs - 1) * stride, last + 1, stride)
    if not pd.api.types.is_list_like(cutoffs):
        raise TypeError(
            f"`cutoffs` must be an integer or a list of times. Received: cutoffs={cutoffs!r}. For "
            "one time write a list of one."
        )
    rows = np.array([table.position_of(time) + 1 for time in cutoffs], np.int64)
    late = [time for time, row in zip(cutoffs, rows, strict=True) if row > last]
    if late or not len(rows):
        raise ValueError(
            f"`cutoffs` must be times that have a whole horizon after them. Received: "
            f"{shortlist(late) or 'none'}; horizon={horizon}. Only the first {max(last, 0)} of "
            f"{table.num_rows} rows do."
        )
    return np.unique(rows)


def run_backtest(
    model: TableForecaster,
    table: SeriesTable,
    cutoffs: np.ndarray,
    *,
    levels: tuple[float, ...],
    season_length: int,
    refit: int,
    gap: int,
    window: int | None,
    workers: Workers,
) -> BacktestResult:
    """Forecast from every cutoff; see `Forecaster.backtest` for the arguments.

    Args:
        model: what is judged; it is not changed.
        table: the series.
        cutoffs: (C,) int64, oldest first, as `choose_cutoffs` gives them.
        levels: of the quantiles; empty for point forecasts.
        season_length: of the seasonal naive forecast and of the scales.
        refit: every how many cutoffs fresh weights are fitted; 0 is only where it must be.
        gap: steps before a cutoff that its weights must not have seen.
        window: how many of the newest rows are fitted on; None is all.
        workers: where the fits run.

    Raises:
        ValueError: if the first fit would have too few rows.
    """
    reason = "" if refit else model.reason_to_refit(table, int(cutoffs[0]) - gap)
    if reason is None:
        forecast = model.forecast_table(table, cutoffs)
    else:
        _check_rows(model.rows_needed(table), table, cutoffs, gap, window)
        if reason:
            logger.warning("A fresh clone is fitted once, before the first cutoff: %s.", reason)
        every = refit or len(cutoffs)
        parts = [cutoffs[first : first + every] for first in range(0, len(cutoffs), every)]
        tasks = [
            # What comes after its last cutoff is not even sent to a task.
            partial(_fit_and_forecast, clone(model), table.until(int(part[-1])), part, gap, window)
            for part in parts
        ]
        forecast = np.concatenate(run_all(tasks, workers))
    return _result(table, cutoffs, forecast, levels, model.horizon, season_length)


def _check_rows(needed: int, table: SeriesTable, cutoffs: np.ndarray, gap: int, window: int | None):
    """Whether the first fit has the rows it needs: said now, not after hours of fitting."""
    if window is not None and window < needed:
        raise ValueError(
            f"`window` must be at least {needed}, the fewest rows that can be fitted on. Received: "
            f"window={window}. Leave it out for all rows."
        )
    known = cutoffs - gap
    if known[0] < needed:
        first = table.times(0, int(cutoffs[0]) - 1, 1)[0]
        enough = np.count_nonzero(known >= needed)
        raise ValueError(
            f"`cutoffs` must leave at least {needed} rows to fit on. Received: {len(cutoffs)} "
            f"cutoffs, gap={gap}; up to the first one, {first}, it is {max(known[0], 0)} rows. "
            f"{enough} of the cutoffs leave enough: give fewer, or more rows, or a forecaster with "
            "a shorter `horizon`, `season_length` or `validation`."
        )


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
