"""Timeline of a table: a common count of steps for ids that begin and end at different times."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecaster.data.series_table import SeriesTable
from forecaster.data.time_grid import TimeGrid


class Timeline:
    """Timeline of steps from the first time of any id to the last time of any.

    Use it for times that are the same for all ids, such as the cutoffs of a backtest.

    Args:
        table: the series.

    Attributes:
        num_steps: number of steps from the first time to the last.
        first_steps: (I,) the first step at or after each id's first time.
    """

    def __init__(self, table: SeriesTable) -> None:
        self.table = table
        self._earliest = int(table.starts.argmin())
        grid = TimeGrid(table.starts, table.freq)
        self.num_steps = int(grid.floor(table.ends, self._earliest).max()) + 1
        steps = grid.floor(table.starts, self._earliest)
        ids = np.full_like(steps, self._earliest)
        self.first_steps = steps + (table.times_at(ids, steps) != table.starts)

    def rows_known(self, steps: int | np.ndarray) -> np.ndarray:
        """Count the rows of each id that lie in the first `steps`.

        One number gives (I,), numbers (C, 1) give (C, I).
        """
        return np.clip(steps - self.first_steps, 0, self.table.lengths)

    def time_at(self, step: int) -> Any:
        """Return the time of a step; steps before the first are negative."""
        return self.table.times_at(np.array([self._earliest]), np.array([step]))[0]

    def step_of(self, time: Any) -> int:
        """Return the step at a time, as `SeriesTable.position_of` finds it.

        Raises:
            ValueError: if the time is not on the grid, or before its start.
        """
        return self.table.position_of(time, self._earliest)
