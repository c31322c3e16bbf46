"""Arrays of series of different lengths: columns behind each other, cut by offsets.

What goes through a whole array goes series by series, many at a time (`chunks`), so that it needs
no second array of that size in memory; and an array on disk becomes another one on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from forecaster.data.disk_arrays import side_by_side

CHUNK = 1 << 20  # values looked at together


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """Where each series begins, and the end of the last: (I,) -> (I + 1,) int64."""
    return np.concatenate([[0], np.cumsum(lengths)])


def ranges(begins: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The numbers ``begins[i] .. begins[i] + counts[i] - 1`` of every i, behind each other."""
    shift = np.repeat(begins - offsets_of(counts)[:-1], counts)
    return shift + np.arange(len(shift))


def scattered(
    count: int, *parts: tuple[np.ndarray, np.ndarray], fill: float = np.nan
) -> np.ndarray:
    """(C, count) with the columns of each part, (C, k), at its (k,) places; `fill` elsewhere."""
    array = np.full((len(parts[0][1]), count), fill)
    for places, columns in parts:
        array[:, places] = columns
    return array


def chunks(offsets: np.ndarray, width: int = 1) -> Iterator[slice]:
    """Runs of series with at most about a million values of `width` rows, or of one series."""
    first, rows = 0, CHUNK // max(width, 1)
    while first < len(offsets) - 1:
        last = offsets.searchsorted(offsets[first] + rows, side="right") - 1
        yield (ids := slice(first, max(int(last), first + 1)))
        first = ids.stop


def cut(columns: np.ndarray, begins: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Columns ``begins[i] .. begins[i] + counts[i] - 1`` of every i: (C, N) -> (C, n)."""
    offsets = offsets_of(counts)
    parts = (columns[:, ranges(begins[ids], counts[ids])] for ids in chunks(offsets, len(columns)))
    return side_by_side(parts, offsets[-1], columns)


class Move(NamedTuple):
    """Where series of one array go in another.

    Args:
        columns: (C, N).
        begins: (k,) the first column of each series that goes.
        counts: (k,) how many columns of it go.
        series: (k,) which series of the other array each becomes a part of.
        first: (k,) from which column of that series on.
    """

    columns: np.ndarray
    begins: np.ndarray
    counts: np.ndarray
    series: np.ndarray
    first: np.ndarray


def moved(offsets: np.ndarray, *moves: Move, fill: float) -> np.ndarray:
    """Series with these offsets made of moves, later ones on top; `fill` elsewhere: (C, N)."""

    def made(ids: slice) -> np.ndarray:
        begin, parts = offsets[ids.start], []
        for columns, begins, counts, series, first in moves:
            chosen = np.flatnonzero((ids.start <= series) & (series < ids.stop))
            places = offsets[series[chosen]] + first[chosen] - begin
            rows = ranges(begins[chosen], counts[chosen])
            parts.append((ranges(places, counts[chosen]), columns[:, rows]))
        return scattered(offsets[ids.stop] - begin, *parts, fill=fill)

    arrays = [move.columns for move in moves]
    return side_by_side(map(made, chunks(offsets, len(arrays[0]))), offsets[-1], *arrays)


def blanked(
    columns: np.ndarray, offsets: np.ndarray, counts: np.ndarray, fill: float
) -> np.ndarray:
    """The same with `fill` behind the first ``counts[i]`` columns of each series i."""

    def known(ids: slice) -> np.ndarray:
        own = columns[:, offsets[ids.start] : offsets[ids.stop]]
        return np.where(is_among_first(offsets[ids.start : ids.stop + 1], counts[ids]), own, fill)

    return side_by_side(map(known, chunks(offsets, len(columns))), offsets[-1], columns)


def is_among_first(offsets: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(N,) whether a column is among the first ``counts[i]`` of its series i."""
    lengths = np.diff(offsets)
    column = np.arange(lengths.sum()) - np.repeat(offsets[:-1] - offsets[0], lengths)
    return column < np.repeat(counts, lengths)
