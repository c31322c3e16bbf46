"""Rolling-origin evaluation: forecasts from many cutoffs, without weights fitted on scored rows.

    steps 0 .. cutoff - 1        read by a forecast
    steps 0 .. cutoff - gap - 1  fitted on (the last `train_length` rows of them)
    step cutoff ..               scored

A cutoff is the same time for all ids: steps are counted on the table's `Timeline`. An id is
forecast if it has a row up to that time and a whole horizon of rows after it.

Nothing here knows a concrete class: whatever has the methods of `TableForecaster` can be evaluated.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any, Protocol

import numpy as np
import pandas as pd

from forecaster.data.messages import shortlist
from forecaster.data.series_table import SeriesTable
from forecaster.data.table_parts import chunks_of_ids, known_after
from forecaster.evaluation.backtest_result import BacktestResult
from forecaster.evaluation.baselines import seasonal_naive_of_ids
from forecaster.evaluation.metrics import error_scales
from forecaster.evaluation.timeline import Timeline
from forecaster.utils.checks import check_integer
from forecaster.utils.executors import Workers, run_all
from forecaster.utils.progress import progress_bar

logger = logging.getLogger(__name__)


class FittedTableForecaster(Protocol):
    """A model with weights that can be evaluated."""

    def forecast_table(
        self, table: SeriesTable, ids: np.ndarray, cutoffs: np.ndarray
    ) -> np.ndarray:
        """Forecast (K,) ids from (K,) cutoffs: (K, S, H, width), each from the rows before it."""

    def reason_to_refit(self, model: Any, table: SeriesTable, until: Any) -> str | None:
        """Return why these weights must not forecast `table` for `model`; None if they may.

        One reason is that they were fitted on rows after the time `until`.
        """


class TableForecaster(Protocol):
    """A model that can be evaluated."""

    @property
    def horizon(self) -> int:
        """Return the number of steps of a forecast."""

    def fit_table(self, table: SeriesTable) -> FittedTableForecaster:
        """Fit new weights, without a change to the model."""

    def rows_needed(self, table: SeriesTable) -> int:
        """Return the minimum number of rows of an id of `table` for a fit."""


def choose_cutoffs(
    table: SeriesTable, horizon: int, cutoffs: int | Sequence[Any], stride: int
) -> np.ndarray:
    """Return cutoffs as numbers of known steps of the table's timeline, in order: (C,) int64.

    Args:
        table: the series.
        horizon: steps that must lie in the table after every cutoff.
        cutoffs: number of cutoffs, the last ones with a whole horizon of rows after them; or the
            times themselves, each the last known one.
        stride: steps between two cutoffs, if `cutoffs` is a number.

    Raises:
        TypeError: if `cutoffs` is neither a number nor several times, or `stride` no integer.
        ValueError: if the table has too few rows, or a time has no whole horizon after it.
    """
    check_integer("stride", stride, minimum=1)
    timeline = Timeline(table)
    if isinstance(cutoffs, int | Integral):
        check_integer("cutoffs", cutoffs, minimum=1)
        count = int(cutoffs)
        found = possible_cutoffs(table, horizon, stride)
        if count > (fit := len(found)):
            raise ValueError(
                f"`cutoffs` must fit into the frame. Received: cutoffs={cutoffs}, stride={stride}, "
                f"horizon={horizon}; they need {horizon + (count - 1) * stride + 1} rows, the "
                f"frame has {timeline.num_steps}. At most {fit} fit."
            )
        return found[-count:]
    if not pd.api.types.is_list_like(cutoffs):
        raise TypeError(
            f"`cutoffs` must be an integer or a list of times. Received: cutoffs={cutoffs!r}. For "
            "one time write a list of one."
        )
    rows = np.array([timeline.step_of(time) + 1 for time in cutoffs], np.int64)
    is_scored = _is_scored(timeline, horizon)
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
            f"{timeline.num_steps} rows do."
        )
    return np.unique(rows)


def possible_cutoffs(table: SeriesTable, horizon: int, stride: int) -> np.ndarray:
    """Return all cutoffs that can be scored, `stride` steps apart, up to the last: (C,) int64."""
    is_scored = _is_scored(Timeline(table), horizon)
    found = np.arange(np.flatnonzero(is_scored).max(initial=0), 0, -stride)
    return found[is_scored[found]][::-1]


def check_train_length(train_length: int | None, needed: int) -> None:
    """Check that a rolling training window has the rows that a fit needs; None is all rows."""
    if train_length is not None and train_length < needed:
        raise ValueError(
            f"`train_length` must be at least {needed}, the fewest rows that can be fitted on. "
            f"Received: train_length={train_length}. Leave it out for all rows."
        )


def run_backtest(
    model: TableForecaster,
    table: SeriesTable,
    cutoffs: np.ndarray,
    *,
    levels: tuple[float, ...],
    season_length: int,
    fitted: FittedTableForecaster | None = None,
    refit: int = 0,
    gap: int = 0,
    train_length: int | None = None,
    workers: Workers = 0,
) -> BacktestResult:
    """Forecast from every cutoff; see `Forecaster.backtest` for the arguments.

    Args:
        model: the model to evaluate, which is not changed.
        table: the series.
        cutoffs: (C,) int64, in order, as `choose_cutoffs` returns them.
        levels: of the quantiles; empty for point forecasts.
        season_length: of the seasonal naive forecast and of the scales.
        fitted: fitted weights, used unless they must not be; None for none.
        refit: number of cutoffs between two fits; 0 fits once, and only if `fitted` cannot be used.
        gap: steps before a cutoff that its weights must not be fitted on.
        train_length: rows in the rolling training window; None: expanding.
        workers: where the fits run, as in `run_all`.

    Raises:
        ValueError: if the first fit has too few rows.
    """
    timeline, horizon = Timeline(table), model.horizon
    windows = _scored_windows(timeline, cutoffs, horizon)
    if fitted is not None and not refit:
        until = timeline.time_at(cutoffs[0] - gap - 1)
        reason = fitted.reason_to_refit(model, table, until)
        if reason is None:
            forecast = fitted.forecast_table(table, windows.ids, windows.rows)
            return _result(table, windows, forecast, levels, horizon, season_length)
        logger.warning("A fresh clone is fitted once, before the first cutoff: %s.", reason)
    _check_rows(model.rows_needed(table), timeline, cutoffs, gap, train_length)
    every = refit or len(cutoffs)
    tasks: list[Callable[[], np.ndarray]] = []
    for first in range(0, len(cutoffs), every):
        part = windows.at(cutoffs[first : first + every])
        known = timeline.rows_known(cutoffs[first] - gap)
        # A task does not even receive what is unknown at its last cutoff.
        visible = known_after(table, timeline.rows_known(part.cutoffs[-1]), horizon)
        tasks.append(partial(_fit_and_forecast, model, visible, part, known, train_length))
    if callable(workers):  # executors that others made, and may be watched by them
        forecasts = run_all(tasks, workers)
    else:
        with progress_bar("Backtest: fits", len(tasks)) as advance:
            forecasts = run_all(tasks, workers, advance)
    forecast = np.concatenate(forecasts)
    return _result(table, windows, forecast, levels, horizon, season_length)


def _is_scored(timeline: Timeline, horizon: int) -> np.ndarray:
    """Return whether an id has a row before each cutoff and a whole horizon after: (steps + 1,)."""
    first = timeline.first_steps + 1
    end = np.maximum(first + timeline.table.lengths - horizon, first)  # not included
    # Each id is scored from its first cutoff up to its end: count the ids that are past each.
    steps = np.arange(timeline.num_steps + 1)
    begun, ended = (np.sort(bounds).searchsorted(steps, side="right") for bounds in (first, end))
    return begun > ended


@dataclass(frozen=True, eq=False)
class _Windows:
    """Pairs of an id and a cutoff, in the order of cutoffs, then ids.

    Args:
        ids: (K,) positions of ids.
        rows: (K,) number of known rows of each id.
        cutoffs: (K,) number of known steps of the timeline.
    """

    ids: np.ndarray
    rows: np.ndarray
    cutoffs: np.ndarray

    def at(self, cutoffs: np.ndarray) -> _Windows:
        """Select the pairs at some of the cutoffs."""
        chosen = np.isin(self.cutoffs, cutoffs)
        return _Windows(self.ids[chosen], self.rows[chosen], self.cutoffs[chosen])


def _scored_windows(timeline: Timeline, cutoffs: np.ndarray, horizon: int) -> _Windows:
    """Return the ids with a row at or before each cutoff, and a whole horizon after it."""
    rows = timeline.rows_known(cutoffs[:, None])  # (C, I)
    at, ids = np.nonzero((rows > 0) & (rows + horizon <= timeline.table.lengths))
    return _Windows(ids, rows[at, ids], cutoffs[at])


def _check_rows(
    needed: int, timeline: Timeline, cutoffs: np.ndarray, gap: int, train_length: int | None
) -> None:
    """Check that the first fit has the rows it needs, before any fit starts."""
    check_train_length(train_length, needed)
    known = timeline.rows_known(cutoffs[:, None] - gap).max(axis=1)
    if known[0] < needed:
        enough = np.count_nonzero(known >= needed)
        raise ValueError(
            f"`cutoffs` must leave at least {needed} rows to fit on. Received: {len(cutoffs)} "
            f"cutoffs, gap={gap}; up to the first one, {timeline.time_at(cutoffs[0] - 1)}, it is "
            f"{known[0]} rows. {enough} of the cutoffs leave enough: give fewer, or more rows, or "
            "a forecaster with a shorter `horizon`, `season_length` or `validation`."
        )


def _fit_and_forecast(
    model: TableForecaster,
    table: SeriesTable,
    windows: _Windows,
    known: np.ndarray,
    train_length: int | None,
) -> np.ndarray:
    """Fit on the first `known` rows of each id, forecast all windows: (K, S, H, width)."""
    history = table.until(known)
    fitted = model.fit_table(history if train_length is None else history.tail(train_length))
    return fitted.forecast_table(table, windows.ids, windows.rows)


def _result(
    table: SeriesTable,
    windows: _Windows,
    forecast: np.ndarray,
    levels: tuple[float, ...],
    horizon: int,
    season_length: int,
) -> BacktestResult:
    """Make a result with a window of each target: forecasts (K, S, H, width) -> (K * S, H, ...)."""
    targets, count = table.num_targets, len(windows.ids) * table.num_targets
    ends = table.offsets[windows.ids] + windows.rows
    actual = table.values[:, ends[:, None] + np.arange(horizon)].swapaxes(0, 1)  # (K, S, H)
    naive = seasonal_naive_of_ids(table, windows.ids, windows.rows, horizon, season_length)
    absolute, squared = np.empty((2, len(windows.ids), targets))
    for chosen, ids, chunk in chunks_of_ids(table, windows.ids):
        begins = chunk.offsets[ids]
        scales = error_scales(chunk.values, begins + windows.rows[chosen], season_length, begins)
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
