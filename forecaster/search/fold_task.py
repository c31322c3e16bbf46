"""What runs in the workers of a search: one fold of a trial at a time.

A worker is given the place of the table, which it reads once, and tells of a trial that fails by
its result: an exception that comes out of a worker is the worker's own end.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from forecaster.data.reading import SeriesTable
from forecaster.evaluation.folds import FoldResult, run_fold
from forecaster.forecaster import Forecaster
from forecaster.utils.files import read_arrays, write_arrays


def write_table(file: Path, table: SeriesTable) -> tuple[Path, str]:
    """Put a table where workers find it; the place and the digest that `FoldTask` takes."""
    write_arrays(file, table.arrays(), table.layout())
    return file.resolve(), table.sha256()


@lru_cache(maxsize=1)
def _table(file: Path, digest: str) -> SeriesTable:
    """The table in a file; the digest tells it from another one that was there before."""
    arrays, layout = read_arrays(file)
    return SeriesTable.from_layout(layout, **arrays)


@dataclass(frozen=True, eq=False)
class FoldTask:
    """One fold of a trial, as it travels to a worker.

    Args:
        table: the series; or the file that holds them, and their digest.
        forecaster: of the trial, not fitted.
        cutoffs: (C,) int64, of the fold.
        judging: the other arguments of `run_fold`.
    """

    table: SeriesTable | tuple[Path, str]
    forecaster: Forecaster
    cutoffs: np.ndarray
    judging: dict[str, Any]

    def __call__(self) -> FoldResult | str:
        """What the trial did, or why it failed."""
        table = _table(*self.table) if isinstance(self.table, tuple) else self.table
        try:
            return run_fold(self.forecaster, table, self.cutoffs, **self.judging)
        except Exception as error:
            return error_text(error)


def error_text(error: Exception) -> str:
    """An error in a line, then where it came from."""
    where = "".join(traceback.format_exception(error))
    return f"{type(error).__name__}: {error}\n\n{where}"
