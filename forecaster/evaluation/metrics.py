"""Metrics of point and quantile forecasts.

Who owns what:

* `seasonal_scales` computes the scale of each series at every cutoff (for MASE and RMSSE), and
  `error_scales` leaves out those that are rounding noise.
* `point_errors` and `quantile_errors` compute the error of every single value, not averaged.
* `grouped_scores` averages errors over groups of windows, block by block, so that its memory
  does not grow with the number of windows.

A window is one series at one cutoff: K windows of H steps are arrays (K, H). The score of a group
is the mean over all scored values of the group, with equal weights; RMSE and RMSSE are
the root of such a mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from forecaster.data.quality import ROUNDING

ROOTS = ("RMSE", "RMSSE")
BLOCK_VALUES = 2**18  # values scored at once: large enough to be fast, small enough for a cache

# Of the range of the values: what the sine of a large number has lost, as that of the millionth
# step of a formula, is no difference, as `ROUNDING` of the values themselves is none.
LOST = 1e-10

# Columns of the scores of a backtest.
Metric: TypeAlias = Literal["MAE", "RMSE", "sMAPE", "MASE", "RMSSE", "pinball", "coverage", "skill"]

# Name of a score -> the error of each value, and whether that value is scored; both (K, H).
Errors: TypeAlias = Mapping[str, tuple[np.ndarray, np.ndarray]]


def seasonal_scales(
    values: np.ndarray, cutoffs: np.ndarray, season_length: int, begins: np.ndarray | int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the mean seasonal difference of each series, up to each cutoff.

    Use it for the denominators of MASE and RMSSE. With ``c`` known rows and a season of ``m``

        absolute = mean of |values[t] - values[t - m]|      squared = mean of its square

    over the rows ``t < c`` where both values are observed. All cutoffs of a series share one
    cumulative sum, and rows from ``c`` on have no part in it.

    Args:
        values: (n, T), series in rows, NaN where missing, in the target's units.
        cutoffs: (C,) integers in 0..T, the number of known rows at each cutoff.
        season_length: m, rows in a season, at least 1.
        begins: (C,) integers, the first row of the series of each cutoff, if several series are
            concatenated; 0 is the first row of all.

    Returns:
        Two arrays (C, n): the absolute scale in the target's units, the squared one in their
        square. NaN where there is no pair, as in a history no longer than a season: a scale of a
        shorter season would be a different score under the same name.

    Example:
        >>> seasonal_scales(np.array([[1.0, 2.0, 4.0, 8.0]]), np.array([3, 4]), season_length=2)
        (array([[3. ],
               [4.5]]), array([[ 9. ],
               [22.5]]))

    Source: Hyndman & Koehler 2006 (MASE); Makridakis et al. 2022, the M5 competition (RMSSE).
    """
    cutoffs = np.asarray(cutoffs, np.int64)
    begins = np.broadcast_to(np.asarray(begins, np.int64), cutoffs.shape)
    # The pair (t - m, t) has the number t - m: a window has the pairs begin .. cutoff - m - 1.
    ends = np.maximum(cutoffs - season_length, begins)
    last = cutoffs.max(initial=0)
    absolute, squared = np.empty((2, len(cutoffs), len(values)))
    for index, series in enumerate(values):  # one by one: the sums are as long as the series
        known = series[:last]
        difference = np.abs(known[season_length:] - known[:-season_length])
        pairs = pd.DataFrame({"count": ~np.isnan(difference), "sum": np.nan_to_num(difference)})
        pairs["squares"] = np.square(pairs["sum"])
        count, total, squares = _sums_between(begins, ends, pairs)
        absolute[:, index], squared[:, index] = quotient(total, count), quotient(squares, count)
    return absolute, squared


def error_scales(
    values: np.ndarray, cutoffs: np.ndarray, season_length: int, begins: np.ndarray | int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Compute `seasonal_scales`, and take rounding noise for what it is: no difference, so 0.

    Use it wherever errors are divided by a scale. Differences are noise where their mean is at most
    8 ulps of the largest value so far, or 1e-10 of the range of the values so far.

    Args:
        values: (n, T), as for `seasonal_scales`.
        cutoffs: (C,), the same.
        season_length: m, the same.
        begins: (C,), the same.

    Returns:
        Two arrays (C, n), as those of `seasonal_scales`.
    """
    absolute, squared = seasonal_scales(values, cutoffs, season_length, begins)
    cutoffs = np.asarray(cutoffs, np.int64)
    begins = np.broadcast_to(np.asarray(begins, np.int64), cutoffs.shape)
    for index, series in enumerate(values):
        known = series[: cutoffs.max(initial=0)]
        is_noise = absolute[:, index] <= _rounding_noise(known, cutoffs, begins)
        absolute[is_noise, index] = squared[is_noise, index] = 0
    return absolute, squared


def _rounding_noise(series: np.ndarray, cutoffs: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Compute the size of rounding in (T,) values up to each of (C,) cutoffs: (C,)."""
    number = _series_numbers(begins, len(series))
    lowest = pd.Series(series).fillna(np.inf).groupby(number, sort=False).cummin()
    highest = pd.Series(series).fillna(-np.inf).groupby(number, sort=False).cummax()
    last = np.where(begins < cutoffs, cutoffs - 1, -1)
    low, high = np.append(lowest, np.inf)[last], np.append(highest, -np.inf)[last]
    return _noise_between(low, high)


def without_noise(error: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Replace errors that are no more than rounding by 0: (K, H), (K, H) -> (K, H)."""
    low = np.fmin.reduce(actual, axis=1, keepdims=True)
    high = np.fmax.reduce(actual, axis=1, keepdims=True)
    return np.where(error <= _noise_between(low, high), 0.0, error)


def _noise_between(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Compute the size of rounding in values between two bounds."""
    return np.maximum(ROUNDING * np.maximum(-low, high), LOST * (high - low))


def _series_numbers(begins: np.ndarray, rows: int) -> np.ndarray:
    """Count the series that begin at or before each row: (T,)."""
    return np.unique(begins).searchsorted(np.arange(rows), side="right")


def _sums_between(begins: np.ndarray, ends: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
    """Sum rows begin .. end - 1 for each window: (C,), (C,), (T, A) -> (A, C).

    The cumulative sum restarts with each series, because small numbers after large ones would
    lose digits.
    """
    series = _series_numbers(begins, len(rows))
    sums = rows.groupby(series, sort=False).cumsum().to_numpy(float)
    sums = np.append(sums, np.zeros((1, rows.shape[1])), axis=0)  # row -1: of nothing
    return sums[np.where(begins < ends, ends - 1, -1)].T


def point_errors(
    actual: np.ndarray,
    forecast: np.ndarray,
    absolute_scale: np.ndarray,
    squared_scale: np.ndarray,
    scored: np.ndarray,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Compute the error of every value of a point forecast, for each of the five scores.

    With ``e = actual - forecast``:

        MAE    |e|                                   RMSE    e ** 2, the root is taken of the mean
        sMAPE  200 |e| / (|actual| + |forecast|)     MASE    |e| / absolute_scale
                                                     RMSSE   e ** 2 / squared_scale, the same

    sMAPE is M4's, in percent from 0 to 200; 0 / 0 is 0. Windows whose scale is zero or NaN
    (a constant history, a short one) are left out of MASE and RMSSE.

    Args:
        actual: (K, H), in the target's units.
        forecast: (K, H), in the target's units. Where it is NaN the error is NaN, and so is the
            mean of any group with that value: a failed forecast is not ignored.
        absolute_scale: (K,), as `seasonal_scales` returns it.
        squared_scale: (K,), the same.
        scored: (K, H) bool, the values to score.

    Returns:
        Name of the score -> (error (K, H), scored values (K, H) bool).
    """
    error = np.abs(actual - forecast)
    squared_error = np.square(error)
    size = np.abs(actual) + np.abs(forecast)
    relative = np.divide(200 * error, size, out=np.zeros_like(error), where=size != 0)
    errors = {
        "MAE": (error, scored),
        "RMSE": (squared_error, scored),
        "sMAPE": (relative, scored),
    }
    for name, numerator, scale in (
        ("MASE", error, absolute_scale),
        ("RMSSE", squared_error, squared_scale),
    ):
        scale = scale[:, None]
        errors[name] = (quotient(numerator, scale), scored & (scale > 0))
    return errors


def quantile_errors(
    actual: np.ndarray, quantiles: np.ndarray, levels: tuple[float, ...], scored: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Compute the error of every value of a quantile forecast: pinball loss and coverage.

    With ``e = actual - quantile``:

        pinball    mean over the levels a of max(a e, (a - 1) e), in the target's units
        coverage   1 where the actual value is in the outermost symmetric interval, else 0

    The mean of the second is the fraction covered: for levels 0.1, 0.5, 0.9 it should be 0.8.
    Without two levels symmetric around 0.5 no value is scored for it.

    Args:
        actual: (K, H), in the target's units.
        quantiles: (K, H, Q), in the target's units; NaN as in `point_errors`.
        levels: Q probabilities between 0 and 1.
        scored: (K, H) bool, the values to score.

    Returns:
        Name of the score -> (error (K, H), scored values (K, H) bool).

    Source: Koenker & Bassett 1978 (pinball loss).
    """
    loss = np.zeros_like(actual)
    for index, level in enumerate(
        levels
    ):  # one by one: an array (K, H, Q) would be Q times as large
        difference = actual - quantiles[..., index]
        loss += np.maximum(level * difference, (level - 1) * difference)
    errors = {"pinball": (loss / len(levels), scored)}
    interval = outermost_interval(levels)
    if interval is None:
        errors["coverage"] = (np.zeros_like(actual), np.zeros_like(scored))
    else:
        low, high = quantiles[..., interval[0]], quantiles[..., interval[1]]
        covered = np.where(np.isnan(low + high), np.nan, (low <= actual) & (actual <= high))
        errors["coverage"] = (covered, scored)
    return errors


def outermost_interval(levels: tuple[float, ...]) -> tuple[int, int] | None:
    """Return the positions of the outermost two levels symmetric around 0.5; None if none are.

    Example:
        >>> outermost_interval((0.05, 0.1, 0.5, 0.9))
        (1, 3)
    """
    for low in sorted(range(len(levels)), key=lambda position: levels[position]):
        for high, level in enumerate(levels):
            if levels[low] < 0.5 and math.isclose(levels[low] + level, 1.0):
                return low, high
    return None


def grouped_scores(
    errors_of: Callable[[np.ndarray], Errors],
    groups: np.ndarray,
    num_groups: int,
    horizon: int,
    *,
    by_step: bool = False,
) -> dict[str, np.ndarray]:
    """Average errors over groups of windows; for RMSE and RMSSE take the root of the mean.

    Args:
        errors_of: returns the errors of some windows, as `point_errors` does. It is called with the
            positions (b,) of one block of windows after another.
        groups: (K,) integers in 0..num_groups - 1, the group of each window.
        num_groups: G.
        horizon: H, steps in a window.
        by_step: whether each step of the horizon is a group of its own.

    Returns:
        Name of the score -> (G, H) if `by_step`, else (G, 1); NaN where no value is scored.
    """
    sums: dict[str, np.ndarray] = {}
    counts: dict[str, np.ndarray] = {}
    order = np.argsort(groups, kind="stable")  # windows of a group become adjacent
    block = max(1, BLOCK_VALUES // horizon)
    for start in range(0, len(order), block):
        windows = order[start : start + block]
        present, first = np.unique(groups[windows], return_index=True)
        for name, (error, scored) in errors_of(windows).items():
            for totals, values in ((sums, np.where(scored, error, 0)), (counts, scored)):
                # (b, H) -> (groups in the block, H)
                total = np.add.reduceat(values, first, axis=0, dtype=np.float64)
                totals.setdefault(name, np.zeros((num_groups, horizon if by_step else 1)))
                totals[name][present] += total if by_step else total.sum(1, keepdims=True)
    means = {name: quotient(total, counts[name]) for name, total in sums.items()}
    return {name: np.sqrt(mean) if name in ROOTS else mean for name, mean in means.items()}


def quotient(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Return the quotient, NaN where the denominator is not positive (a mean of no values)."""
    out = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator > 0)
