"""Folds of time-series cross-validation: successive blocks of cutoffs."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from forecaster.data.series_table import SeriesTable
from forecaster.evaluation.backtest import check_train_length, possible_cutoffs
from forecaster.evaluation.timeline import Timeline
from forecaster.utils.checks import check_integer
from forecaster.utils.deprecation import renamed_argument

SHARE_HELD_OUT = 10  # by default a fold holds out 1 / 10 of the rows
MOST_CUTOFFS = 48  # of a fold, by default


@renamed_argument(window="train_length")
@dataclass(frozen=True)
class Folds:
    """Folds of time-series cross-validation: successive blocks of cutoffs.

        fold 1   fitted on ......... evaluated
        fold 2   fitted on ................. evaluated
        fold 3   fitted on ......................... evaluated
                                                           time ->

    Every fold fits new weights on the rows up to its first cutoff, and forecasts from all of its
    cutoffs. The cutoffs depend on the data alone: they are the same for every trial.

    Args:
        count: number of folds, at least 1.
        cutoffs: number of cutoffs of each fold, at least 1; None holds out a tenth of the rows,
            but at least a horizon, and at most 48 cutoffs.
        stride: steps between two cutoffs, at least 1; None is 1, or more for at most 48 cutoffs.
        train_length: rows in the rolling training window, at least 1; None: expanding.

    Raises:
        TypeError: if an argument is no integer.
        ValueError: if an argument is below 1.
    """

    count: int = 3
    cutoffs: int | None = None
    stride: int | None = None
    train_length: int | None = None

    def __post_init__(self) -> None:
        check_integer("folds", self.count, minimum=1)
        for name in ("cutoffs", "stride", "train_length"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), minimum=1)

    def blocks(
        self, table: SeriesTable, horizon: int, season_length: int, rows_needed: int
    ) -> list[np.ndarray]:
        """Return the cutoffs of each fold, in order, as `choose_cutoffs` returns them.

        Args:
            table: the series.
            horizon: steps that must lie in the table after every cutoff.
            season_length: steps in a season.
            rows_needed: rows of an id up to the first cutoff of a fold, for a fit.

        Raises:
            ValueError: if the folds do not fit into the table.
        """
        check_train_length(self.train_length, rows_needed)
        timeline = Timeline(table)
        possible = possible_cutoffs(table, horizon, 1)
        possible = possible[_first_known(timeline, possible, rows_needed) :]
        wanted = max(horizon, timeline.num_steps // SHARE_HELD_OUT)
        length = max(min(len(possible) // self.count, wanted), 1)
        stride = self.stride
        if stride is None:
            stride = stride_over_seasons(-(-length // MOST_CUTOFFS), season_length, horizon)
        cutoffs = max(length // stride, 1) if self.cutoffs is None else self.cutoffs
        chosen = possible[::-1][::stride][: self.count * cutoffs][::-1]
        if len(chosen) < self.count * cutoffs:
            raise ValueError(
                f"`folds` must fit into the frame. Received: {self.count} folds of {cutoffs} "
                f"cutoffs, stride={stride}, horizon={horizon}, in {timeline.num_steps} rows, of "
                f"which the first {rows_needed} are needed to fit on. {len(chosen) // cutoffs} "
                "such folds fit. Give more rows, or fewer folds or cutoffs."
            )
        return np.split(chosen, self.count)


def rows_of_fold(table: SeriesTable, cutoffs: np.ndarray, train_length: int | None) -> SeriesTable:
    """Return the rows that a fold is fitted on: up to its first cutoff, or the last of them."""
    known = table.until(Timeline(table).rows_known(cutoffs[0]))
    return known if train_length is None else known.tail(train_length)


def stride_over_seasons(least: int, season_length: int, horizon: int) -> int:
    """Return the smallest stride from `least` on whose forecasts cover every phase of a season."""
    stride = least
    while math.gcd(stride, season_length) > horizon:
        stride += 1
    return stride


def _first_known(timeline: Timeline, cutoffs: np.ndarray, rows: int) -> int:
    """Return the position of the first cutoff at which an id has this many known rows."""
    return bisect_left(cutoffs, rows, key=lambda cutoff: timeline.rows_known(cutoff).max())
