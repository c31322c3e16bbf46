"""Picklable task: one fold of a trial, run in process or in a worker.

A worker is given the file of the table, which it reads once. A trial that fails is reported by the
result: an exception that comes out of a worker means that the worker itself has died.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import perf_counter

import numpy as np

from forecaster.data.series_table import SeriesTable
from forecaster.data.table_json import table_arrays, table_from_json, table_sha256, table_to_json
from forecaster.engine import Engine
from forecaster.evaluation.backtest import run_backtest
from forecaster.evaluation.folds import rows_of_fold
from forecaster.utils.files import read_arrays, write_arrays


@dataclass(frozen=True)
class FoldResult:
    """Scores and costs of a trial in one fold.

    Args:
        scores: of the forecasts, by name, as `BacktestResult.scores` gives them.
        naive: scores of the seasonal naive forecasts of the same values.
        epochs: best number of epochs of the fit.
        num_parameters: of the network.
        seconds: run time of the fit and the forecasts.
    """

    scores: dict[str, float]
    naive: dict[str, float]
    epochs: int
    num_parameters: int
    seconds: float


@dataclass(frozen=True)
class FoldSettings:
    """Settings of a backtest that all trials and folds of a search share.

    Args:
        train_length: rows in the rolling training window; None: expanding.
        levels: levels of the quantiles; empty for point forecasts.
        season_length: season of the naive forecast and of the scales, in steps.
    """

    train_length: int | None
    levels: tuple[float, ...]
    season_length: int


def run_fold(
    engine: Engine, table: SeriesTable, cutoffs: np.ndarray, settings: FoldSettings
) -> FoldResult:
    """Fit on the rows up to the first cutoff, forecast from all of them, and score.

    Args:
        engine: engine of the trial.
        table: the series.
        cutoffs: (C,) int64, cutoffs of the fold.
        settings: settings of the search.
    """
    started = perf_counter()
    fitted = engine.fit_table(rows_of_fold(table, cutoffs, settings.train_length))
    scores = run_backtest(
        engine,
        table,
        cutoffs,
        levels=settings.levels,
        season_length=settings.season_length,
        fitted=fitted,
    ).scores()
    return FoldResult(
        scores=scores.loc["prediction"].to_dict(),
        naive=scores.loc["naive"].to_dict(),
        epochs=fitted.trained.history.best_epoch,
        num_parameters=fitted.trained.model.count_params(),
        seconds=perf_counter() - started,
    )


def write_table(file: Path, table: SeriesTable) -> tuple[Path, str]:
    """Write a table for workers; return the file and the digest that `FoldTask` takes."""
    write_arrays(file, table_arrays(table), table_to_json(table))
    return file.resolve(), table_sha256(table)


@lru_cache(maxsize=1)
def _table(file: Path, digest: str) -> SeriesTable:
    """Read the table in a file; the digest is the key of the cache, as the file may change."""
    arrays, description = read_arrays(file)
    return table_from_json(description, **arrays)


@dataclass(frozen=True, eq=False)
class FoldTask:
    """Fold of a trial, to run here or in a worker.

    Args:
        table: the series; or the file that holds them, and their digest.
        engine: engine of the trial.
        cutoffs: (C,) int64, cutoffs of the fold.
        settings: settings of the search.
    """

    table: SeriesTable | tuple[Path, str]
    engine: Engine
    cutoffs: np.ndarray
    settings: FoldSettings

    def __call__(self) -> FoldResult | str:
        """Run the fold; return its result, or the error text of a trial that failed."""
        table = _table(*self.table) if isinstance(self.table, tuple) else self.table
        try:
            return run_fold(self.engine, table, self.cutoffs, self.settings)
        except Exception as error:
            return error_text(error)


def error_text(error: Exception) -> str:
    """Format an error: a line with its message, then the traceback."""
    where = "".join(traceback.format_exception(error))
    return f"{type(error).__name__}: {error}\n\n{where}"
