"""Ragged arrays: the columns of series of different lengths, concatenated, with offsets.

Whole arrays are processed in chunks of series (`chunks`), so that no second array of their size is
needed in memory; the result for an array on disk is on disk too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from forecaster.data.disk_arrays import side_by_side

CHUNK = 1 << 20  # values processed at a time


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """Return the first position of each series, and the end of the last: (I,) -> (I + 1,) int64."""
    return np.concatenate([[0], np.cumsum(lengths)])


def ranges(begins: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Concatenate the ranges ``begins[i] .. begins[i] + counts[i] - 1`` of all i."""
    shift = np.repeat(begins - offsets_of(counts)[:-1], counts)
    return shift + np.arange(len(shift))


def scattered(
    count: int, *parts: tuple[np.ndarray, np.ndarray], fill: float = np.nan
) -> np.ndarray:
    """Scatter the columns of parts, (C, k), to their (k,) positions in (C, count), else `fill`."""
    array = np.full((len(parts[0][1]), count), fill)
    for positions, columns in parts:
        array[:, positions] = columns
    return array


def chunks(offsets: np.ndarray, width: int = 1) -> Iterator[slice]:
    """Yield runs of series with about a million values of `width` rows at most, or of one."""
    first, rows = 0, CHUNK // max(width, 1)
    while first < len(offsets) - 1:
        last = offsets.searchsorted(offsets[first] + rows, side="right") - 1
        yield (ids := slice(first, max(int(last), first + 1)))
        first = ids.stop


def cut(columns: np.ndarray, begins: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Select columns ``begins[i] .. begins[i] + counts[i] - 1`` of every i: (C, N) -> (C, n)."""
    offsets = offsets_of(counts)
    parts = (columns[:, ranges(begins[ids], counts[ids])] for ids in chunks(offsets, len(columns)))
    return side_by_side(parts, offsets[-1], columns)


class Move(NamedTuple):
    """Copy of k ranges of columns of one array into series of another.

    Args:
        columns: (C, N) the array to copy from.
        begins: (k,) first column of each range.
        counts: (k,) number of columns of each range.
        series: (k,) series of the other array that each range is copied into.
        first: (k,) first column in that series.
    """

    columns: np.ndarray
    begins: np.ndarray
    counts: np.ndarray
    series: np.ndarray
    first: np.ndarray


def moved(offsets: np.ndarray, *moves: Move, fill: float) -> np.ndarray:
    """Make series with these offsets, (C, N), from moves, later ones on top; `fill` elsewhere."""

    def made(ids: slice) -> np.ndarray:
        begin, parts = offsets[ids.start], []
        for columns, begins, counts, series, first in moves:
            chosen = np.flatnonzero((ids.start <= series) & (series < ids.stop))
            starts = offsets[series[chosen]] + first[chosen] - begin
            rows = ranges(begins[chosen], counts[chosen])
            parts.append((ranges(starts, counts[chosen]), columns[:, rows]))
        return scattered(offsets[ids.stop] - begin, *parts, fill=fill)

    arrays = [move.columns for move in moves]
    return side_by_side(map(made, chunks(offsets, len(arrays[0]))), offsets[-1], *arrays)


def blanked(
    columns: np.ndarray, offsets: np.ndarray, counts: np.ndarray, fill: float
) -> np.ndarray:
    """Replace all but the first ``counts[i]`` columns of each series i by `fill`."""

    def known(ids: slice) -> np.ndarray:
        own = columns[:, offsets[ids.start] : offsets[ids.stop]]
        return np.where(is_among_first(offsets[ids.start : ids.stop + 1], counts[ids]), own, fill)

    return side_by_side(map(known, chunks(offsets, len(columns))), offsets[-1], columns)


def is_among_first(offsets: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return whether each column is among the first ``counts[i]`` of its series i, (N,) bool."""
    lengths = np.diff(offsets)
    column = np.arange(lengths.sum()) - np.repeat(offsets[:-1] - offsets[0], lengths)
    return column < np.repeat(counts, lengths)
