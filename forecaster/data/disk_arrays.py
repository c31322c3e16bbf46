"""Arrays that are larger than memory: files of the temporary directory, mapped.

Such a file has no name: the system takes its room back when the last array of it is gone, however
the process ends. Where it lies is said by the environment variable TMPDIR.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable

import numpy as np

IN_MEMORY = 1 << 20  # values: what has no more of them is in memory, 8 MiB


class DiskColumns:
    """An array (C, N) that grows by columns, of which memory holds no more than are appended.

    The file has column behind column, because that is how it grows.
    """

    def __init__(self):
        self._width = self._count = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115, `__exit__` closes it

    def __enter__(self) -> DiskColumns:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def append(self, columns: np.ndarray) -> None:
        """Put (C, n) behind what is there, of the same C each time.

        Raises:
            OSError: if the disk is full. A file that was only mapped would end the process.
        """
        self._file.write(np.ascontiguousarray(columns.T, np.float64))
        self._width = len(columns)
        self._count += columns.shape[1]

    def array(self) -> np.ndarray:
        """What was appended, (C, N) float64; it may be written to, also when this is closed."""
        self._file.flush()
        if not self._width * self._count:  # nothing cannot be mapped
            return np.empty((self._width, self._count))
        return np.asarray(np.memmap(self._file, np.float64, "r+")).reshape(-1, self._width).T


def is_on_disk(array: np.ndarray) -> bool:
    """Whether an array is a mapped file, or a view of one."""
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap.mmap)


def side_by_side(parts: Iterable[np.ndarray], count: int, *like: np.ndarray) -> np.ndarray:
    """Columns of several arrays as one (C, count), on disk where one of `like` is.

    Args:
        parts: (C, n) float64 each, asked for one after another and not used otherwise; `count`
            columns in all.
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
