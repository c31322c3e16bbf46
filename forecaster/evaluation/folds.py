"""Folds: where in time the trials of a search are judged, and the judging of one.

Nothing here knows a concrete class, as in backtest.py.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from forecaster.data.reading import SeriesTable
from forecaster.data.time_grid import stride_over_seasons
from forecaster.evaluation.backtest import (
    TableForecaster,
    check_window,
    possible_cutoffs,
    run_backtest,
)
from forecaster.evaluation.metrics import outermost_interval
from forecaster.utils.checks import check_choice, check_integer

SHARE_JUDGED = 10  # by default a fold judges one in so many of the rows
MOST_CUTOFFS = 48  # of a fold, by default
ERRORS = ("MAE", "RMSE", "sMAPE", "MASE", "RMSSE", "skill")
QUANTILE_ERRORS = ("pinball", "coverage")


@dataclass(frozen=True)
class Folds:
    """Where the trials of a search are judged: blocks of cutoffs behind each other in time.

        fold 1   fitted on ......... judged
        fold 2   fitted on ................. judged
        fold 3   fitted on ......................... judged
                                                           time ->

    Every fold fits fresh weights on the rows up to its first cutoff, and forecasts from all of its
    cutoffs. The cutoffs are a matter of the data alone: they are the same for every trial.

    Args:
        count: how many, at least 1.
        cutoffs: of each fold, at least 1; None lets a fold judge a tenth of the rows, but a
            horizon of them at least, and no more than 48 cutoffs.
        stride: steps between two cutoffs, at least 1; None is 1, or what 48 cutoffs need.
        window: how many of the newest rows a fold is fitted on, at least 1; None is all.

    Raises:
        TypeError: if an argument is no integer.
        ValueError: if an argument is below 1.
    """

    count: int = 3
    cutoffs: int | None = None
    stride: int | None = None
    window: int | None = None

    def __post_init__(self):
        check_integer("folds", self.count, minimum=1)
        for name in ("cutoffs", "stride", "window"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), minimum=1)

    def blocks(
        self, table: SeriesTable, horizon: int, season_length: int, rows_needed: int
    ) -> list[np.ndarray]:
        """The cutoffs of each fold, oldest first, as `choose_cutoffs` gives them.

        Args:
            table: the series.
            horizon: steps that must lie in the table after every cutoff.
            season_length: steps after which the data repeat.
            rows_needed: of an id, up to the first cutoff of a fold.

        Raises:
            ValueError: if so many folds do not fit into the table.
        """
        check_window(self.window, rows_needed)
        possible = possible_cutoffs(table, horizon, 1)
        possible = possible[_first_known(table, possible, rows_needed) :]
        wanted = max(horizon, table.num_steps // SHARE_JUDGED)
        length = max(min(len(possible) // self.count, wanted), 1)
        stride = self.stride
        if stride is None:
            stride = stride_over_seasons(-(-length // MOST_CUTOFFS), season_length, horizon)
        cutoffs = max(length // stride, 1) if self.cutoffs is None else self.cutoffs
        chosen = possible[::-1][::stride][: self.count * cutoffs][::-1]
        if len(chosen) < self.count * cutoffs:
            raise ValueError(
                f"`folds` must fit into the frame. Received: {self.count} folds of {cutoffs} "
                f"cutoffs, stride={stride}, horizon={horizon}, in {table.num_steps} rows, of which "
                f"the first {rows_needed} are needed to fit on. {len(chosen) // cutoffs} such "
                "folds fit. Give more rows, or fewer folds or cutoffs."
            )
        return np.split(chosen, self.count)


@dataclass(frozen=True)
class Objective:
    """What a search makes small: a score, or the mean of several.

    "skill" counts as ``1 - skill``, the error as a part of the naive's, and "coverage" as its
    distance from what the interval promises, so that less is always better.

    Args:
        names: of scores.
        levels: of the quantiles; empty for point forecasts.

    Raises:
        ValueError: if a name is not one of a score that these forecasts have.
    """

    names: tuple[str, ...]
    levels: tuple[float, ...]

    def __post_init__(self):
        interval = outermost_interval(self.levels)
        known = ERRORS + QUANTILE_ERRORS[: 0 if not self.levels else 1 if interval is None else 2]
        for name in self.names:
            check_choice("objective", name, known)
        if not self.names:
            raise ValueError('`objective` must name a score. Received: none. For example "MASE".')

    def __str__(self) -> str:
        return self.names[0] if len(self.names) == 1 else f"mean of {', '.join(self.names)}"

    def of(self, scores: dict[str, float]) -> float:
        """The mean of what is to be made small, from scores by their names."""
        return float(np.mean([self._error(name, scores[name]) for name in self.names]))

    def _error(self, name, score):
        if name == "skill":
            return 1 - score
        if name == "coverage":
            low, high = outermost_interval(self.levels)
            return abs(score - (self.levels[high] - self.levels[low]))
        return score


@dataclass(frozen=True)
class FoldResult:
    """What a trial did in a fold.

    Args:
        scores: of the forecasts, by name, as `BacktestResult.scores` gives them.
        naive: of the seasonal naive forecasts of the same values.
        epochs: after which the fit was best.
        weights: numbers in the network that were fitted.
        seconds: of the fit and the forecasts.
    """

    scores: dict[str, float]
    naive: dict[str, float]
    epochs: int
    weights: int
    seconds: float


def run_fold(
    model: TableForecaster,
    table: SeriesTable,
    cutoffs: np.ndarray,
    *,
    window: int | None,
    levels: Sequence[float],
    season_length: int,
) -> FoldResult:
    """Fit on the rows up to the first cutoff, forecast from all of them, and score.

    Args:
        model: is fitted; a `TableForecaster` with a `history_` and a `model_`.
        table: the series.
        cutoffs: (C,) int64, of one fold.
        window: how many of the newest rows are fitted on; None is all.
        levels: of the quantiles; empty for point forecasts.
        season_length: of the seasonal naive forecast and of the scales.
    """
    started = perf_counter()
    model.fit_table(rows_of_fold(table, cutoffs, window))
    scores = run_backtest(
        model,
        table,
        cutoffs,
        levels=tuple(levels),
        season_length=season_length,
        refit=0,
        gap=0,
        window=None,
        workers=0,
    ).scores()
    return FoldResult(
        scores=scores.loc["prediction"].to_dict(),
        naive=scores.loc["naive"].to_dict(),
        epochs=model.history_.best_epoch,
        weights=model.model_.count_params(),
        seconds=perf_counter() - started,
    )


def rows_of_fold(table: SeriesTable, cutoffs: np.ndarray, window: int | None) -> SeriesTable:
    """What a fold is fitted on: the rows up to its first cutoff, or the newest of them."""
    known = table.until(table.rows_known(cutoffs[0]))
    return known if window is None else known.tail(window)


def _first_known(table: SeriesTable, cutoffs: np.ndarray, rows: int) -> int:
    """The position of the first cutoff up to which an id has so many rows."""
    return bisect_left(cutoffs, rows, key=lambda cutoff: table.rows_known(cutoff).max())
