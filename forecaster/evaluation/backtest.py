"""Rolling origin: forecasts from many cutoffs, none by weights that have seen what is scored.

    steps 0 .. cutoff - 1        what a forecast may read
    steps 0 .. cutoff - gap - 1  what its weights may have been fitted on (the last `window` rows)
    step cutoff ..               what is scored

A cutoff is one moment for all ids: steps are counted on the table's timeline, from the first time
of any id to the last. An id is forecast where it has a row up to that moment and a whole horizon
of rows after it.

Nothing here knows a concrete class: whatever has the methods of `TableForecaster` and can be
copied by scikit-learn's `clone` can be judged.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any, Protocol

import numpy as np
import pandas as pd
from sklearn.base import clone

from forecaster.data.reading import SeriesTable
from forecaster.data.time_grid import shortlist
from forecaster.evaluation.backtest_result import BacktestResult
from forecaster.evaluation.baselines import seasonal_naive_of_ids
from forecaster.evaluation.metrics import seasonal_scales
from forecaster.utils.checks import check_integer
from forecaster.utils.executors import Workers, run_all

logger = logging.getLogger(__name__)


class TableForecaster(Protocol):
    """What can be judged."""

    horizon: int

    def fit_table(self, table: SeriesTable) -> TableForecaster:
        """Fit fresh weights; returns itself."""

    def forecast_table(
        self, table: SeriesTable, ids: np.ndarray, cutoffs: np.ndarray
    ) -> np.ndarray:
        """(K,) ids and cutoffs -> (K, S, H, width), each from the rows before its cutoff alone."""

    def rows_needed(self, table: SeriesTable) -> int:
        """The fewest rows of an id of `table` that can be fitted on."""

    def reason_to_refit(self, table: SeriesTable, until: Any) -> str | None:
        """Why forecasts must not come from the weights at hand; None if they may.

        The reason may be that the weights have seen something after the time `until`. It is the
        empty text where there are no weights, which is nothing to be told of.
        """


def choose_cutoffs(
    table: SeriesTable, horizon: int, cutoffs: int | Sequence, stride: int
) -> np.ndarray:
    """The cutoffs as numbers of known steps of the table's timeline, oldest first: (C,) int64.

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
    if isinstance(cutoffs, Integral):
        check_integer("cutoffs", cutoffs, minimum=1)
        found = possible_cutoffs(table, horizon, stride)
        if cutoffs > (fit := len(found)):
            raise ValueError(
                f"`cutoffs` must fit into the frame. Received: cutoffs={cutoffs}, stride={stride}, "
                f"horizon={horizon}; they need {horizon + (cutoffs - 1) * stride + 1} rows, the "
                f"frame has {table.num_steps}. At most {fit} fit."
            )
        return found[-cutoffs:]
    if not pd.api.types.is_list_like(cutoffs):
        raise TypeError(
            f"`cutoffs` must be an integer or a list of times. Received: cutoffs={cutoffs!r}. For "
            "one time write a list of one."
        )
    rows = np.array([table.step_of(time) + 1 for time in cutoffs], np.int64)
    is_scored = _is_scored(table, horizon)
    last = int(np.flatnonzero(is_scored).max(initial=0))
    late = [
        time
        for time, row in zip(cutoffs, rows, strict=True)
        if not (row < len(is_scored) and is_scored[row])
    ]
    if late or not len(rows):
        raise ValueError(
            f"`cutoffs` must be times that have a whole horizon after them. Received: "
            f"{shortlist(late) or 'none'}; horizon={horizon}. Only the first {max(last, 0)} of "
            f"{table.num_steps} rows do."
        )
    return np.unique(rows)


def possible_cutoffs(table: SeriesTable, horizon: int, stride: int) -> np.ndarray:
    """All cutoffs that can be scored, so many steps apart, the newest among them: (C,) int64."""
    is_scored = _is_scored(table, horizon)
    found = np.arange(np.flatnonzero(is_scored).max(initial=0), 0, -stride)
    return found[is_scored[found]][::-1]


def check_window(window: int | None, needed: int) -> None:
    """Whether the newest `window` rows are as many as a fit needs; None is all rows."""
    if window is not None and window < needed:
        raise ValueError(
            f"`window` must be at least {needed}, the fewest rows that can be fitted on. Received: "
            f"window={window}. Leave it out for all rows."
        )


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
    windows = _scored_windows(table, cutoffs, model.horizon)
    reason = "" if refit else model.reason_to_refit(table, table.step_time(cutoffs[0] - gap - 1))
    if reason is None:
        forecast = model.forecast_table(table, windows.ids, windows.rows)
    else:
        _check_rows(model.rows_needed(table), table, cutoffs, gap, window)
        if reason:
            logger.warning("A fresh clone is fitted once, before the first cutoff: %s.", reason)
        every = refit or len(cutoffs)
        tasks = []
        for first in range(0, len(cutoffs), every):
            part = windows.at(cutoffs[first : first + every])
            known = table.rows_known(cutoffs[first] - gap)
            # What is not known at its last cutoff is not even sent to a task.
            seen = table.known_after(table.rows_known(part.cutoffs[-1]), model.horizon)
            tasks.append(partial(_fit_and_forecast, clone(model), seen, part, known, window))
        forecast = np.concatenate(run_all(tasks, workers))
    return _result(table, windows, forecast, levels, model.horizon, season_length)


def _is_scored(table: SeriesTable, horizon: int) -> np.ndarray:
    """(steps + 1,) whether an id has a row before a cutoff and a whole horizon after it."""
    first = table.first_steps + 1
    last = np.maximum(first + table.lengths - horizon, first)  # not included
    # Each id begins to be scored at one cutoff and ceases at another.
    steps = np.arange(table.num_steps + 1)
    begun, ceased = (np.sort(bounds).searchsorted(steps, side="right") for bounds in (first, last))
    return begun > ceased


@dataclass(frozen=True, eq=False)
class _Windows:
    """Pairs of an id and a cutoff, in the order of cutoffs, then ids.

    Args:
        ids: (K,) positions of ids.
        rows: (K,) how many rows of that id are known.
        cutoffs: (K,) how many steps of the timeline are known.
    """

    ids: np.ndarray
    rows: np.ndarray
    cutoffs: np.ndarray

    def at(self, cutoffs: np.ndarray) -> _Windows:
        """Those at some of the cutoffs."""
        chosen = np.isin(self.cutoffs, cutoffs)
        return _Windows(self.ids[chosen], self.rows[chosen], self.cutoffs[chosen])


def _scored_windows(table: SeriesTable, cutoffs: np.ndarray, horizon: int) -> _Windows:
    """The ids that have a row at or before a cutoff, and a whole horizon after it."""
    rows = table.rows_known(cutoffs[:, None])  # (C, I)
    at, ids = np.nonzero((rows > 0) & (rows + horizon <= table.lengths))
    return _Windows(ids, rows[at, ids], cutoffs[at])


def _check_rows(needed: int, table: SeriesTable, cutoffs: np.ndarray, gap: int, window: int | None):
    """Whether the first fit has the rows it needs: said now, not after hours of fitting."""
    check_window(window, needed)
    known = table.rows_known(cutoffs[:, None] - gap).max(axis=1)
    if known[0] < needed:
        enough = np.count_nonzero(known >= needed)
        raise ValueError(
            f"`cutoffs` must leave at least {needed} rows to fit on. Received: {len(cutoffs)} "
            f"cutoffs, gap={gap}; up to the first one, {table.step_time(cutoffs[0] - 1)}, it is "
            f"{known[0]} rows. {enough} of the cutoffs leave enough: give fewer, or more rows, or "
            "a forecaster with a shorter `horizon`, `season_length` or `validation`."
        )


def _fit_and_forecast(model, table, windows, known, window) -> np.ndarray:
    """Fit on the first `known` rows of each id, forecast all windows: (K, S, H, width)."""
    seen = table.until(known)
    model.fit_table(seen if window is None else seen.tail(window))
    return model.forecast_table(table, windows.ids, windows.rows)


def _result(table, windows, forecast, levels, horizon, season_length) -> BacktestResult:
    """(K, S, H, width) -> a window for each target: (K * S, H, ...)."""
    targets, count = table.num_targets, len(windows.ids) * table.num_targets
    ends = table.offsets[windows.ids] + windows.rows
    actual = table.values[:, ends[:, None] + np.arange(horizon)].swapaxes(0, 1)  # (K, S, H)
    naive = seasonal_naive_of_ids(table, windows.ids, windows.rows, horizon, season_length)
    absolute, squared = np.empty((2, len(windows.ids), targets))
    for chosen, ids, chunk in table.chunks_of(windows.ids):
        begins = chunk.offsets[ids]
        scales = seasonal_scales(chunk.values, begins + windows.rows[chosen], season_length, begins)
        absolute[chosen], squared[chosen] = scales
    forecast = forecast.reshape(count, horizon, -1).astype(np.float64)
    middle = levels.index(0.5) if levels else 0
    series = windows.ids[:, None] * targets + np.arange(targets)
    return BacktestResult(
        series=table.series.take(series.ravel()),
        cutoffs=table.times_at(windows.ids, windows.rows - 1).repeat(targets),
        freq=table.freq,
        actual=actual.reshape(count, horizon),
        prediction=forecast[..., middle],
        naive=naive.reshape(count, horizon),
        absolute_scale=absolute.reshape(count),
        squared_scale=squared.reshape(count),
        quantiles=forecast if levels else None,
        levels=levels,
    )
