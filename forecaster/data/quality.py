"""Warnings of what is read as it is, but hurts: gaps, constants, outliers, categories, labels."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecaster.data.covariates import COVARIATE_ROLES
from forecaster.data.frame_checks import FrameWarning
from forecaster.data.json_index import labels_to_json
from forecaster.data.messages import moments, shortlist
from forecaster.data.series_table import SeriesTable
from forecaster.data.time_grid import freq_name
from forecaster.utils.warn import warn

_OUTLIER_RATIO = 10_000  # an outlier is at least this many times as large as ordinary values
_OUTLIER_SPREAD = 100  # the largest outlier is less than this many times as large as the others
_MAX_OUTLIERS = 0.1  # fraction of the values; more of them are a property of the series
_MANY_CATEGORIES = 20  # below, nearly as many categories as rows are a matter of few rows
_DISTINCT = 0.5  # categories for each row, from which they are taken for free text
_CHUNK = 1 << 16  # values scanned at a time
ROUNDING = 8 * float(np.finfo(np.float64).eps)  # of a value: smaller differences are no variation


def warn_of_gaps(table: SeriesTable, lacking: np.ndarray, count: int) -> None:
    """Warn of missing rows, with the first of their times.

    Args:
        table: the table that was read.
        lacking: its rows that the frame lacks; the first five are enough.
        count: the number of all of them.
    """
    if not count:
        return
    # Five times are enough; making all of them may cost more than the frame.
    series = table.offsets.searchsorted(lacking[:5], side="right") - 1
    times = table.times_at(series, lacking[:5] - table.offsets[series])
    named = moments(times, None if table.ids is None else table.ids[series], count)
    warn(
        f"`frame` has gaps: {count} of {table.num_rows} timestamps at "
        f"freq={freq_name(table.freq)!r} are missing and were filled with NaN: {named}.",
        FrameWarning,
    )


def warn_of_constants(
    values: np.ndarray, labels: pd.Index, offsets: np.ndarray | None = None
) -> None:
    """Warn of series that are constant or have no value.

    Args:
        values: (S, N), NaN where missing.
        labels: (I * S,) names of the series, target after target of each id.
        offsets: (I + 1,) first row of each id, at least one row each; None for one id.
    """
    begins = np.zeros(1, np.int64) if offsets is None else offsets[:-1]
    lowest, highest = (bound.T.ravel() for bound in _bounds(values, begins))  # (I * S,)
    kind = "columns" if len(begins) == 1 else "series"
    for found, what in (
        (lowest == highest, "one value only, from which nothing can be learned"),
        (np.isnan(highest), "no value at all, so that their forecasts are NaN"),
    ):
        if found.any():
            warn(
                f"`frame` has {kind} with {what}: {shortlist(labels[found])}.",
                FrameWarning,
            )


def warn_of_lost_digits(table: SeriesTable, dtype: type[np.floating], digits: int) -> None:
    """Warn of series so far from 0 that a dtype keeps fewer digits than that of their variation."""
    bounds = _bounds(table.values, table.offsets[:-1])
    lowest, highest = (bound.T.ravel() for bound in bounds)  # (I * S,)
    width, level = highest - lowest, np.fmax(highest, -lowest)
    found = np.flatnonzero((width > 0) & (width < 10.0**digits * np.finfo(dtype).eps * level))
    if len(found):
        named = [
            f"{table.series[at]!r} ({width[at]:.3g} around {level[at]:.3g})" for at in found[:5]
        ]
        warn(
            f"`frame` has series whose values vary so little, so far from 0, that {dtype.__name__} "
            f"keeps fewer than {digits} digits of the variation: {shortlist(named, len(found))}. "
            "Subtract their level before it is rounded away.",
            FrameWarning,
        )


def reject_larger(table: SeriesTable, limit: float, reason: str, advice: str) -> None:
    """Check that no value is larger than a limit.

    Raises:
        ValueError: with the reason for the limit, and the advice.
    """
    largest = _largest(table)
    if (largest > limit).any():
        target, position = np.argwhere(largest > limit)[0]
        name = table.series[position * table.num_targets + target]
        raise ValueError(
            f"`frame` must hold values up to {limit:g} {reason}. Received: "
            f"{largest[target, position]:g} in {name!r}. {advice}"
        )


def warn_of_labels(table: SeriesTable) -> None:
    """Warn of labels and ids that no artifact can hold, before a fit that could not be saved."""
    covariates = [getattr(table, name) for name in COVARIATE_ROLES]
    categories = [c for part in covariates for c in part.categories if c is not None]
    ids = [] if table.ids is None else [table.ids]
    few = [labels[:1] for labels in (*ids, *categories)]  # each of one kind
    for labels in (table.targets, *(part.names for part in covariates), *few):
        try:
            labels_to_json(labels)
        except TypeError as error:
            warn(
                f"`frame` has labels with which a forecaster cannot be saved. {error}", FrameWarning
            )
            return


def warn_of_outliers(table: SeriesTable) -> None:
    """Warn of values thousands of times as far from 0 as all others of their series.

    Zeros are not counted, because some series hold little else. Heavy tails are no outliers: they
    have values of every size between the common and the largest ones.
    """
    largest = _largest(table)
    targets, series = np.nonzero(_have_outliers(table, largest))
    if not len(series):
        return
    named = []
    for target, position in zip(targets[:5], series[:5], strict=True):
        values = table.values[target, slice(*table.offsets[position : position + 2])]
        row = int((np.abs(values) == largest[target, position]).argmax())
        ids = None if table.ids is None else table.ids[[position]]
        where = moments(table.times(position, row, 1), ids)
        named.append(f"{values[row]:g} in column {table.targets[target]!r} at {where}")
    warn(
        f"`frame` holds values {_OUTLIER_RATIO:,} times as large as the others of their series, or "
        f"larger: {shortlist(named, len(series))}. They are kept; replace them by NaN if they are "
        f"wrong.",
        FrameWarning,
    )


def warn_of_identifiers(table: SeriesTable) -> None:
    """Warn of covariates with nearly as many categories as rows: identifiers, or free text."""
    for covariates in (table.past_covariates, table.future_covariates):
        for name, categories, values in zip(
            covariates.names, covariates.categories, covariates.values, strict=True
        ):
            if categories is None or len(categories) < _MANY_CATEGORIES:
                continue
            count = np.count_nonzero(~np.isnan(values))
            if len(categories) >= _DISTINCT * count:
                warn(
                    f"Covariate {name!r} has {len(categories)} categories in {count} rows, from "
                    f"which little can be learned: {shortlist(categories)}. Leave it out if they "
                    f"are identifiers or free text.",
                    FrameWarning,
                )


def _largest(table: SeriesTable) -> np.ndarray:
    """Return the largest absolute value of each series, (S, I); NaN where there is no value."""
    lowest, highest = _bounds(table.values, table.offsets[:-1])
    return np.fmax(highest, -lowest)


def _bounds(values: np.ndarray, begins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return lowest and highest value of series that begin at columns (I,) of (S, N): (S, I)."""
    lowest = np.fmin.reduceat(values, begins, axis=1)
    return lowest, np.fmax.reduceat(values, begins, axis=1)


def _have_outliers(table: SeriesTable, largest: np.ndarray) -> np.ndarray:
    """Return whether each series, (S, I), has few values near its largest and none in between.

    Values are counted in chunks, because an array of their sizes may not fit into memory.
    """
    counts = np.zeros((3, *largest.shape), np.int64)
    rows = max(_CHUNK // table.num_targets, 1)
    for first in range(0, table.num_rows, rows):
        sizes = np.abs(table.values[:, first : first + rows])
        last = first + sizes.shape[1] - 1
        # Ids i .. j - 1 have rows in this chunk; `begins` is the first row of each in it.
        i = table.offsets.searchsorted(first, side="right") - 1
        j = table.offsets.searchsorted(last, side="right")
        begins = np.maximum(table.offsets[i:j] - first, 0)
        lengths = np.diff(begins, append=sizes.shape[1])
        tops = np.repeat(largest[:, i:j], lengths, axis=1)
        kinds = (sizes > 0, sizes * _OUTLIER_RATIO > tops, sizes * _OUTLIER_SPREAD > tops)
        for count, is_kind in zip(counts, kinds, strict=True):
            count[:, i:j] += np.add.reduceat(is_kind, begins, axis=1, dtype=np.int64)
    some, not_small, large = counts
    return (large == not_small) & (large <= _MAX_OUTLIERS * some) & (some > 0)
