"""Table of series on regular grids: arrays, and the layout of the frame they were read from."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.covariates import Covariates
from forecaster.data.ragged import cut, offsets_of
from forecaster.data.time_grid import Freq, TimeGrid, cast_like, freq_name, index_like


@dataclass(frozen=True)
class FrameLayout:
    """Layout of a user's frame: where its times and ids are, and the library that made it.

    Args:
        time_name: name of the index, its level or the column of times.
        time_column: whether the times are a column, not in the index.
        id_column: whether the ids are a column, not a level of the index.
        library: "pandas", "polars" or "pyarrow".
        id_dtype: dtype of the ids in the frame; None where it is unknown, as in an artifact.
        zone: time zone of the frame, in which forecasts are written; None for that of the table.
    """

    time_name: Hashable = None
    time_column: bool = False
    id_column: bool = False
    library: str = "pandas"
    id_dtype: Any = None
    zone: tzinfo | None = None


@dataclass(frozen=True, eq=False)
class SeriesTable:
    """Series on regular grids as arrays, with the layout of the frame they were read from.

    Args:
        values: (S, N) float64 in the target's units, NaN where missing; one row a target column.
            Columns ``offsets[i] .. offsets[i + 1] - 1`` are the rows of id i. It may be a view of
            the user's frame. All arrays with N columns may be on disk (disk_arrays.py).
        offsets: (I + 1,) int64; a wide frame has one id, so [0, N].
        starts: (I,) time of the first row of each id.
        freq: step of the grids; an int for integer times.
        targets: (S,) labels of the target columns, as the user wrote them.
        past_covariates: P columns that are known up to the last row, (P, N).
        future_covariates: F columns that are known for the horizon too, (F, N).
        static_covariates: K columns with one value for each id, (K, I).
        ids: (I,) labels, with the name of their column or level; None for wide frames.
        weights: (N,) float64, weight of each row in the loss, 0 where missing; None: all equal.
        layout: of the frame that the series were read from.

    Source:
        The arrays and offsets of utilsforecast's GroupedArray, in series-major order, so that a
        window of a pandas column is contiguous in memory.
    """

    values: np.ndarray
    offsets: np.ndarray
    starts: pd.Index
    freq: Freq
    targets: pd.Index
    past_covariates: Covariates
    future_covariates: Covariates
    static_covariates: Covariates
    ids: pd.Index | None = None
    weights: np.ndarray | None = None
    layout: FrameLayout = FrameLayout()

    @property
    def num_ids(self) -> int:
        """Return the number of ids, I; 1 for a wide frame."""
        return len(self.offsets) - 1

    @property
    def num_rows(self) -> int:
        """Return the number of rows of all ids together, N."""
        return self.values.shape[1]

    @property
    def num_targets(self) -> int:
        """Return the number of target columns, S."""
        return self.values.shape[0]

    @property
    def lengths(self) -> np.ndarray:
        """Return the number of rows of each id, (I,) int64."""
        return np.diff(self.offsets)

    @property
    def ends(self) -> pd.Index:
        """Return the last time of each id, (I,); the time before its start if it has no rows."""
        return self.times_at(np.arange(self.num_ids), self.lengths - 1)

    @property
    def end(self) -> Any:
        """Return the last time of all ids."""
        return self.ends.max()

    @property
    def series(self) -> pd.Index:
        """Return the name of each series, (I * S,), target after target of each id."""
        if self.ids is None:
            return self.targets
        if self.num_targets == 1:
            return self.ids
        pairs = [(label, target) for label in self.ids for target in self.targets]
        return pd.Index(pairs, tupleize_cols=False)

    def times(self, id_position: int, first: int, count: int) -> pd.Index:
        """Return the times of an id at ``first .. first + count - 1``, also after its last row."""
        return self._grid.times(first, count, id_position).rename(self.layout.time_name)

    def times_at(self, ids: np.ndarray, rows: np.ndarray) -> pd.Index:
        """Return the times of (K,) ids at (K,) positions, which may be after their last rows."""
        return self._grid.times_at(rows, ids).rename(self.layout.time_name)

    def position_of(self, time: Any, id_position: int = 0) -> int:
        """Return the position of `time` on the grid of an id, also after its last row.

        Args:
            time: a time of the table's kind, or a text that pandas parses as one; if it has no
                time zone, local time where the frame was.
            id_position: which id, 0 .. I - 1.

        Raises:
            TypeError: if `time` has a zone and the table has none.
            ValueError: if `time` is not on the grid, or before its start; or if it has no zone, and
                the clocks show it twice or never.
        """
        zone, is_local = self.layout.zone, self._grid.is_local
        index = index_like(self.starts, time, zone, is_local=is_local)
        is_known = index is not None and not index.hasnans
        try:
            position = int(self._grid.positions(index, id_position)[0]) if is_known else -1
        except (ValueError, OverflowError):  # beyond all calendars
            position = -1
        if position < 0:
            raise ValueError(
                f"`time` must be on the grid of the data. Received: time={time!r}. The grid starts "
                f"at {self.starts[id_position]} and goes on in steps of {freq_name(self.freq)!r}."
            )
        return position

    def rows_until(self, times: Any) -> np.ndarray:
        """Count the rows of each id at or before a time.

        Args:
            times: one time of the table's kind, or an (I,) Index of them, with NaT, None or NaN
                where an id has none.

        Returns:
            (I,) int64 between 0 and the length of the id; 0 where the time is missing.
        """
        if not isinstance(times, pd.Index):
            times = pd.Index([times]).repeat(self.num_ids)
        known = np.flatnonzero(times.notna())
        rows = np.zeros(self.num_ids, np.int64)
        if len(known):
            rows[known] = self._grid.floor(cast_like(self.starts, times[known]), known) + 1
        return rows.clip(0, self.lengths)

    def until(self, rows: int | np.ndarray) -> SeriesTable:
        """Keep the first rows of each id, `rows` or (I,) of them; a view if there is one id."""
        return self._cut(np.zeros_like(self.lengths), np.minimum(self.lengths, rows))

    def tail(self, rows: int | np.ndarray) -> SeriesTable:
        """Keep the last rows of each id, `rows` or (I,) of them, as a copy that frees the table.

        One more row is kept if the first one would be a day whose local hour is skipped by daylight
        saving time: a grid from there would keep the hour after it.
        """
        ids, first = np.arange(self.num_ids), np.maximum(self.lengths - rows, 0)
        later_grid = TimeGrid(self.times_at(ids, first), self.freq)
        is_skipped = later_grid.times_at(np.ones_like(ids), ids) != self.times_at(ids, first + 1)
        last = self._cut(np.maximum(first - is_skipped, 0), self.lengths)
        if self.num_ids > 1:
            return last  # a copy already
        return with_columns(last, {name: array.copy() for name, array in columns_of(last).items()})

    @property
    def _grid(self) -> TimeGrid:
        """Return the grids of all ids."""
        return TimeGrid(self.starts, self.freq)

    def _cut(self, first: np.ndarray, last: np.ndarray) -> SeriesTable:
        """Keep rows ``first[i] .. last[i] - 1`` of each id i."""
        if self.num_ids == 1:
            chosen = slice(int(first[0]), int(last[0]))
            columns = {name: array[:, chosen] for name, array in columns_of(self).items()}
        else:
            columns = {
                name: cut(array, self.offsets[:-1] + first, last - first)
                for name, array in columns_of(self).items()
            }
        return with_columns(
            self,
            columns,
            offsets=offsets_of(last - first),
            starts=self.times_at(np.arange(self.num_ids), first),
        )


def columns_of(table: SeriesTable) -> dict[str, np.ndarray]:
    """Return all arrays with N columns by name, each (C, N); weights have one row or none."""
    no_weights = np.empty((0, table.num_rows))
    return {
        "values": table.values,
        "past_covariates": table.past_covariates.values,
        "future_covariates": table.future_covariates.values,
        "weights": no_weights if table.weights is None else table.weights[None],
    }


def with_columns(table: SeriesTable, columns: dict[str, np.ndarray], **changes: Any) -> SeriesTable:
    """Replace the arrays that `columns_of` returns, and other fields by name."""
    for name in ("past_covariates", "future_covariates"):
        changes[name] = replace(getattr(table, name), values=columns[name])
    weights = columns["weights"][0] if len(columns["weights"]) else None
    return replace(table, values=columns["values"], weights=weights, **changes)
