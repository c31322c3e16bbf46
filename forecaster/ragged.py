"""Arrays of series of different lengths: columns behind each other, cut by offsets."""

from __future__ import annotations

import numpy as np


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """Where each series begins, and the end of the last: (I,) -> (I + 1,) int64."""
    return np.concatenate([[0], np.cumsum(lengths)])


def ranges(begins: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The numbers ``begins[i] .. begins[i] + counts[i] - 1`` of every i, behind each other."""
    shift = np.repeat(begins - offsets_of(counts)[:-1], counts)
    return shift + np.arange(len(shift))


def scattered(count: int, *parts: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """(C, count) with the columns of each part, (C, k), at its (k,) places; NaN elsewhere."""
    array = np.full((len(parts[0][1]), count), np.nan)
    for places, columns in parts:
        array[:, places] = columns
    return array
