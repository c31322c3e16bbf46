"""Values that dwarf their series: they are read as they are, but hide the others from a network."""

from __future__ import annotations

import warnings

import numpy as np

from forecaster.data.frame_checks import FrameWarning
from forecaster.data.series_table import SeriesTable
from forecaster.data.time_grid import moments, shortlist

_FOLD = 10_000  # an outlier is this many times as large as ordinary values, at least
_GAP = 100  # the largest value is less than this many times as large as other outliers
_SHARE = 0.1  # of the values are outliers at most; more are a part of what the series is
_CHUNK = 1 << 16  # values looked at together


def warn_of_outliers(table: SeriesTable) -> None:
    """Name the values that are thousands of times as far from 0 as all others of their series.

    Zeros are not counted, because there are series of nearly nothing else. Ordinary heavy tails
    are not meant: in those, values of every size lie between the common and the largest ones.
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
    warnings.warn(
        f"`frame` holds values {_FOLD:,} times as large as the others of their series, or larger: "
        f"{shortlist(named, len(series))}. They are kept; replace them by NaN if they are wrong.",
        FrameWarning,
        stacklevel=4,
    )


def _largest(table: SeriesTable) -> np.ndarray:
    """(S, I) the largest distance from 0; NaN where a series has no value."""
    begins = table.offsets[:-1]
    lowest = np.fmin.reduceat(table.values, begins, axis=1)
    highest = np.fmax.reduceat(table.values, begins, axis=1)
    return np.fmax(highest, -lowest)


def _have_outliers(table: SeriesTable, largest: np.ndarray) -> np.ndarray:
    """(S, I) whether few values of a series are of the size of its largest, and the rest far off.

    Values are counted in pieces, because their sizes may need more memory than there is left.
    """
    counts = np.zeros((3, *largest.shape), np.int64)
    rows = max(_CHUNK // table.num_targets, 1)
    for first in range(0, table.num_rows, rows):
        sizes = np.abs(table.values[:, first : first + rows])
        last = first + sizes.shape[1] - 1
        # The ids i .. j - 1 have rows in this piece; where those begin in it.
        i = table.offsets.searchsorted(first, side="right") - 1
        j = table.offsets.searchsorted(last, side="right")
        begins = np.maximum(table.offsets[i:j] - first, 0)
        lengths = np.diff(begins, append=sizes.shape[1])
        tops = np.repeat(largest[:, i:j], lengths, axis=1)
        kinds = (sizes > 0, sizes * _FOLD > tops, sizes * _GAP > tops)
        for count, is_kind in zip(counts, kinds, strict=True):
            count[:, i:j] += np.add.reduceat(is_kind, begins, axis=1, dtype=np.int64)
    some, not_small, large = counts
    return (large == not_small) & (large <= _SHARE * some) & (some > 0)
