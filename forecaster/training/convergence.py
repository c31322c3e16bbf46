"""Convergence of a fit: its error beside the seasonal naive's, and beside that of a constant.

Who owns what: `spread_of` owns the error of a constant, which is no forecast; `check_converged`
refuses a fit that is far worse than that, `check_updated` an update that is worse than the weights
before it; `complaint_of` owns the warning of a fit that is worse than the seasonal naive.

All errors are in units of each series' scale, as the validation score. Those of "mse" are squares,
so their roots are compared and shown.
"""

from __future__ import annotations

import math

import numpy as np

from forecaster.data.series_table import SeriesTable
from forecaster.inputs.spreads import Spreads
from forecaster.network.normalization import Normalization
from forecaster.training.settings import Training
from forecaster.training.validation import series_scales

DIVERGED = 100.0  # times the error of a constant
WORSE = 3.0  # times the error of the seasonal naive, or of the weights before an update
WORSE_IF_CUT_OFF = 30.0  # times the error of the seasonal naive, after too few epochs


def spread_of(table: SeriesTable, rows: np.ndarray, season_length: int) -> float:
    """Compute the error of each series' own mean as its forecast, in units of its scale.

    Args:
        table: the series.
        rows: (I,) number of training rows of each id, its first ones.
        season_length: rows in a season.

    Returns:
        The mean over the series of standard deviation / scale; infinite where none varies.
    """
    ratio = Spreads.learned(table, rows).values.T / series_scales(table, rows, season_length)
    return float(np.nanmean(ratio)) if np.isfinite(ratio).any() else math.inf


def check_converged(
    training: Training,
    normalization: Normalization,
    loss: str,
    error: float,
    spread: float,
    naive_score: float = 0.0,
) -> None:
    """Check that the error of a fit is finite, and not 100 times that of a constant.

    Args:
        training: the settings.
        normalization: of each window.
        loss: name of the error.
        error: of the fit, a loss or a validation score.
        spread: of the training rows, by `spread_of`.
        naive_score: the seasonal naive's error, where it is known; the bound is never below it.

    Raises:
        ValueError: if it is.
    """
    of_constant = max(spread, _unsquared(naive_score, loss), 1.0)
    if not _unsquared(error, loss) < DIVERGED * of_constant:
        other = ", or normalization='last'" if normalization == "none" else ""
        raise ValueError(
            f"The fit diverged: its loss or its validation score is {_unsquared(error, loss):.3g} "
            "(1 is the seasonal naive's error in the training rows), where forecasting a constant "
            f"has {of_constant:.3g}. Received: learning_rate={training.learning_rate!r}. Try a "
            f"smaller one{other}."
        )


def complaint_of(
    loss: str, score: float, spread: float, naive_score: float, *, was_cut_off: bool
) -> str | None:
    """Tell that a fit forecasts far worse than the seasonal naive; None if it does not.

    Where the naive is nearly perfect, a tenth of the error of a constant takes its place.

    Args:
        loss: name of the error.
        score: of the best epoch.
        spread: of the training rows, by `spread_of`.
        naive_score: the seasonal naive's error.
        was_cut_off: whether the fit still got better in its last epoch; then 30 times the naive's
            error is far worse, otherwise 3 times.
    """
    score, naive = _unsquared(score, loss), _unsquared(naive_score, loss)
    factor, advice = WORSE, "Try another `learning_rate`, other parameters or more rows"
    if was_cut_off:
        factor, advice = WORSE_IF_CUT_OFF, "It was still getting better: give more `epochs`"
    if score <= factor * max(naive, spread / 10):
        return None
    return (
        f"The fit forecasts the held-out rows worse than the seasonal naive: error {score:.3g}, "
        f"seasonal naive {naive:.3g} (1 is the naive's in the training rows). {advice}, and see "
        "what `backtest` says."
    )


def check_updated(training: Training, loss: str, before: float, after: float) -> None:
    """Check that an update has not made the error in its own windows 3 times as large.

    Args:
        training: the settings.
        loss: name of the error.
        before: error of the weights before the update; below 1, the unit, it counts as 1.
        after: error of the weights after it.

    Raises:
        ValueError: if it has, or the error is not finite.
    """
    before, after = max(_unsquared(before, loss), 1.0), _unsquared(after, loss)
    if not after < WORSE * before:
        raise ValueError(
            f"The fit diverged: its loss or its validation score is {after:.3g} in the windows of "
            f"this update (1 is the seasonal naive's error), where the weights before it, which "
            f"are kept, have {before:.3g} or less. Received: learning_rate="
            f"{training.learning_rate!r}. Try a smaller one."
        )


def _unsquared(error: float, loss: str) -> float:
    """Return an error in units of the series' scale, not in squares of it."""
    return math.sqrt(error) if loss == "mse" else error
