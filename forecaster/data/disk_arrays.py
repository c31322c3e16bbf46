"""Arrays larger than memory: memory-mapped files of the temporary directory.

Such a file has no name: the system frees its space when the last array of it is gone, however the
process ends. The environment variable TMPDIR sets the directory.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable
from typing import Any

import numpy as np

IN_MEMORY = 1 << 20  # values, 8 MiB: smaller arrays are in memory


class DiskColumns:
    """Array (C, N) on disk that grows by columns; memory holds only the columns being appended.

    The file is column-major, because that is how it grows.
    """

    def __init__(self) -> None:
        self._width = self._count = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115, `__exit__` closes it

    def __enter__(self) -> DiskColumns:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def append(self, columns: np.ndarray) -> None:
        """Append columns (C, n), of the same C each time.

        Raises:
            OSError: if the disk is full. A file that was only mapped would end the process.
        """
        self._file.write(np.ascontiguousarray(columns.T, np.float64).data)
        self._width = len(columns)
        self._count += columns.shape[1]

    def array(self) -> np.ndarray:
        """Return all columns, (C, N) float64; writable, also after this is closed."""
        self._file.flush()
        if not self._width * self._count:  # an empty file cannot be mapped
            return np.empty((self._width, self._count))
        return np.asarray(np.memmap(self._file, np.float64, "r+")).reshape(-1, self._width).T


def is_on_disk(array: np.ndarray) -> bool:
    """Return whether an array is a memory-mapped file, or a view of one."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, mmap.mmap)


def side_by_side(parts: Iterable[np.ndarray], count: int, *like: np.ndarray) -> np.ndarray:
    """Concatenate columns into one array (C, count), on disk if one of `like` is.

    Args:
        parts: (C, n) float64 each, read one after another and not kept; `count` columns in all.
        count: N.
        like: (C, any) arrays that the parts are made of.
    """
    width = len(like[0])
    if width * count > IN_MEMORY and any(map(is_on_disk, like)):
        with DiskColumns() as columns:
            for part in parts:
                columns.append(part)
            return columns.array()
    array, end = np.empty((width, count)), 0
    for part in parts:
        if part.shape[1] == count:
            return part  # the only one
        begin, end = end, end + part.shape[1]
        array[:, begin:end] = part
    return array
