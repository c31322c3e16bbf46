"""How far forecasts lie from what happened.

Who owns what:

* `seasonal_scales` says how hard each series is, for every cutoff at once (MASE, RMSSE).
* `point_errors` and `quantile_errors` give the error of every single value, nothing averaged.
* `grouped_scores` averages errors over groups of windows, block by block, so that its memory
  does not grow with the number of windows.

A window is one series at one cutoff: K windows of H steps are arrays (K, H). The score of a group
is the mean over all scored values of the group, every value counting the same; RMSE and RMSSE are
the root of such a mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

ROOTS = ("RMSE", "RMSSE")
BLOCK_VALUES = 2**18  # values scored at once: large enough to be fast, small enough for a cache

# Name of a score -> the error of each value, and whether that value counts; both (K, H).
Errors = Mapping[str, tuple[np.ndarray, np.ndarray]]


def seasonal_scales(
    values: np.ndarray, cutoffs: np.ndarray, season_length: int, begins: np.ndarray | int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """How much each series differs from itself one season before, up to each cutoff.

    Use it for the denominators of MASE and RMSSE. With ``c`` known rows and a season of ``m``

        absolute = mean of |values[t] - values[t - m]|      squared = mean of its square

    over the rows ``t < c`` where both values are observed. All cutoffs of a series are read off one
    cumulative sum, and nothing at or past row ``c`` has a part in it.

    Args:
        values: (n, T), series in rows, NaN where missing, in the target's units.
        cutoffs: (C,) integers in 0..T, how many rows are known at each cutoff.
        season_length: m, rows in a season, at least 1.
        begins: (C,) integers, the first row that belongs to the series of the cutoff, where
            several lie behind each other; 0 is the first row of all.

    Returns:
        Two arrays (C, n): the absolute scale in the target's units, the squared one in their
        square. NaN where there is no pair, as in a history no longer than a season: a scale taken
        from a shorter season would be a different score under the same name.

    Example:
        >>> seasonal_scales(np.array([[1.0, 2.0, 4.0, 8.0]]), np.array([3, 4]), season_length=2)
        (array([[3. ],
               [4.5]]), array([[ 9. ],
               [22.5]]))

    Source: Hyndman & Koehler 2006 (MASE); Makridakis et al. 2022, the M5 competition (RMSSE).
    """
    cutoffs = np.asarray(cutoffs, np.int64)
    begins = np.broadcast_to(np.asarray(begins, np.int64), cutoffs.shape)
    # The pair (t - m, t) has the number t - m: those of a window are begin .. cutoff - m - 1.
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


def _sums_between(begins, ends, rows):
    """Sums of rows begin .. end - 1 for each window: (C,), (C,), (T, A) -> (A, C).

    A cumulative sum starts anew where a series begins: small numbers behind large ones would
    lose their digits.
    """
    series = np.unique(begins).searchsorted(np.arange(len(rows)), side="right")
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
    """The error of every value of a point forecast, for each of the five scores.

    With ``e = actual - forecast``:

        MAE    |e|                                   RMSE    e ** 2, the root is taken of the mean
        sMAPE  200 |e| / (|actual| + |forecast|)     MASE    |e| / absolute_scale
                                                     RMSSE   e ** 2 / squared_scale, the same

    sMAPE is M4's, in percent from 0 to 200; 0 / 0 counts 0. Windows whose scale is zero or NaN
    (a constant history, a short one) are left out of MASE and RMSSE.

    Args:
        actual: (K, H), in the target's units.
        forecast: (K, H), in the target's units. Where it is NaN the error is NaN, and so is the
            mean of any group with that value: a forecast that failed is not left out quietly.
        absolute_scale: (K,), as `seasonal_scales` gives it.
        squared_scale: (K,), the same.
        scored: (K, H) bool, which values count.

    Returns:
        Name of the score -> (error (K, H), which values count (K, H) bool).
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
    """The error of every value of a quantile forecast: pinball loss and coverage.

    With ``e = actual - quantile``:

        pinball    mean over the levels a of max(a e, (a - 1) e), in the target's units
        coverage   1 where the actual lies within the outermost symmetric interval, else 0

    The mean of the second is the fraction covered: for levels 0.1, 0.5, 0.9 it should be 0.8.
    Without two levels that are symmetric around 0.5 no value counts for it.

    Args:
        actual: (K, H), in the target's units.
        quantiles: (K, H, Q), in the target's units; NaN as in `point_errors`.
        levels: Q probabilities between 0 and 1.
        scored: (K, H) bool, which values count.

    Returns:
        Name of the score -> (error (K, H), which values count (K, H) bool).

    Source: Koenker & Bassett 1978 (pinball loss).
    """
    loss = np.zeros_like(actual)
    for index, level in enumerate(levels):  # level by level: (K, H, Q) at once would be Q as large
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
    """Positions of the lowest level whose mirror image is a level too, and of that; None if none.

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
    """Mean errors of groups of windows; for RMSE and RMSSE the root of the mean.

    Args:
        errors_of: gives the errors of some windows, as `point_errors` does. It is called with the
            positions (b,) of a block of windows at a time.
        groups: (K,) integers in 0..num_groups - 1, the group of each window.
        num_groups: G.
        horizon: H, steps in a window.
        by_step: whether each step of the horizon is a group of its own.

    Returns:
        Name of the score -> (G, H) if `by_step`, else (G, 1); NaN where no value counts.
    """
    sums: dict[str, np.ndarray] = {}
    counts: dict[str, np.ndarray] = {}
    order = np.argsort(groups, kind="stable")  # makes neighbours of the windows of a group
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
    """The quotient, NaN where the denominator is not positive: a mean of nothing."""
    out = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator > 0)
