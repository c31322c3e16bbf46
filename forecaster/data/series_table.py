"""Series on regular grids: arrays, and the layout of the frame that they were read from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.covariates import GROUPS, Covariates
from forecaster.data.json_index import (
    index_from_plain,
    label_from_plain,
    plain_label,
    plain_labels,
    plain_times,
    times_from_plain,
)
from forecaster.data.ragged import (
    CHUNK,
    Move,
    blanked,
    chunks,
    cut,
    is_among_first,
    moved,
    offsets_of,
)
from forecaster.data.time_grid import Freq, TimeGrid, cast_like, freq_name, index_like


@dataclass(frozen=True, eq=False)
class SeriesTable:
    """Series on regular grids, as arrays that remember the layout they were read from.

    Args:
        values: (S, N) float64 in the target's units, NaN where missing; one row a target column.
            Columns ``offsets[i] .. offsets[i + 1] - 1`` are the rows of id i. It may be a view of
            the user's frame; it and all that has N columns may lie on disk (disk_arrays.py).
        offsets: (I + 1,) int64; a wide frame has one id, so [0, N].
        starts: (I,) time of the first row of each id.
        freq: step of the grids; an int for integer times.
        targets: (S,) labels of the target columns, as the user wrote them.
        time_name: name of the index, its level or the column of times.
        time_column: whether the times are a column of the user's frame, not in its index.
        ids: (I,) labels, with the name of their column or level; None for wide frames.
        id_column: whether the ids are a column of the user's frame, not a level of its index.
        past_covariates: P columns beside the targets, (P, N); None becomes none of them.
        future_covariates: F columns that are known beyond the last row too, (F, N); the same.
        static_covariates: K facts about each id, (K, I); the same.
        weights: (N,) float64, what each row counts, 0 where it is missing; None: all the same.
        library: what the user's frame was one of; `layout` does not keep it.

    Source:
        The arrays and offsets of utilsforecast's GroupedArray, with the series-major order that
        makes a window of a pandas column one contiguous piece of memory.
    """

    values: np.ndarray
    offsets: np.ndarray
    starts: pd.Index
    freq: Freq
    targets: pd.Index
    time_name: Hashable = None
    time_column: bool = False
    ids: pd.Index | None = None
    id_column: bool = False
    past_covariates: Covariates = None
    future_covariates: Covariates = None
    static_covariates: Covariates = None
    weights: np.ndarray | None = None
    library: str = "pandas"

    def __post_init__(self):
        counts = (self.num_rows, self.num_rows, self.num_ids)
        for name, count in zip(GROUPS, counts, strict=True):
            if getattr(self, name) is None:
                object.__setattr__(self, name, Covariates.none(count))

    @property
    def num_ids(self) -> int:
        """I, series frames below each other; 1 for a wide frame."""
        return len(self.offsets) - 1

    @property
    def num_rows(self) -> int:
        """N, rows of all ids together."""
        return self.values.shape[1]

    @property
    def num_targets(self) -> int:
        """S, target columns."""
        return self.values.shape[0]

    @property
    def lengths(self) -> np.ndarray:
        """(I,) int64, rows of each id."""
        return np.diff(self.offsets)

    @property
    def ends(self) -> pd.Index:
        """(I,) the last time of each id; of one without rows, the time before its start."""
        return self.times_at(np.arange(self.num_ids), self.lengths - 1)

    @property
    def end(self) -> Any:
        """The last time of all ids."""
        return self.ends.max()

    @property
    def series(self) -> pd.Index:
        """(I * S,) what each series is called, target after target of each id."""
        if self.ids is None:
            return self.targets
        if self.num_targets == 1:
            return self.ids
        pairs = [(label, target) for label in self.ids for target in self.targets]
        return pd.Index(pairs, tupleize_cols=False)

    @property
    def num_steps(self) -> int:
        """Steps of the timeline, which runs from the first time of any id to the last of any."""
        return int(self._grid.floor(self.ends, self._earliest).max()) + 1

    @property
    def first_steps(self) -> np.ndarray:
        """(I,) the first step of the timeline at or after each id's first time."""
        steps = self._grid.floor(self.starts, self._earliest)
        ids = np.full_like(steps, self._earliest)
        return steps + (self.times_at(ids, steps) != self.starts)

    def rows_known(self, steps: int | np.ndarray) -> np.ndarray:
        """How many rows of each id lie in the first `steps` of the timeline.

        One number gives (I,), numbers (C, 1) give (C, I).
        """
        return np.clip(steps - self.first_steps, 0, self.lengths)

    def step_time(self, step: int) -> Any:
        """The time of a step of the timeline; steps before its start count below 0."""
        return self.times_at(np.array([self._earliest]), np.array([step]))[0]

    def step_of(self, time: Any) -> int:
        """The step of the timeline that a time is; as `position_of`."""
        return self.position_of(time, self._earliest)

    def clock(self, before: int, after: int) -> tuple[pd.Index, np.ndarray]:
        """The times of all rows, each once for all ids that share a grid.

        Args:
            before: steps before each id's first row that are wanted too.
            after: steps after each id's last row.

        Returns:
            The times (M,), and the place among them of each id's first row, (I,) int64.
        """
        places, parts = np.empty(self.num_ids, np.int64), []
        count, waiting = 0, np.arange(self.num_ids)
        while len(waiting):  # as often as there are grids: hardly ever more than once
            first = waiting[self.starts[waiting].argmin()]
            steps = self._grid.positions(self.starts[waiting], first)
            on_grid = steps >= 0
            found, steps = waiting[on_grid], steps[on_grid]
            length = before + int((steps + self.lengths[found]).max()) + after
            parts.append(self.times(first, -before, length))
            places[found] = count + before + steps
            count, waiting = count + length, waiting[~on_grid]
        return parts[0].append(parts[1:]), places

    def times(self, id_position: int, first: int, count: int) -> pd.Index:
        """The times of an id at positions ``first .. first + count - 1``, after its rows too."""
        return self._grid.times(first, count, id_position).rename(self.time_name)

    def times_at(self, ids: np.ndarray, rows: np.ndarray) -> pd.Index:
        """The times of (K,) ids at (K,) positions, which may lie after their rows."""
        return self._grid.times_at(rows, ids).rename(self.time_name)

    def position_of(self, time: Any, id_position: int = 0) -> int:
        """The position of `time` on the grid of an id, also after its rows.

        Args:
            time: a time of the table's kind, or a text that pandas reads as one; without a time
                zone it is local time.
            id_position: which id, 0 .. I - 1.

        Raises:
            ValueError: if `time` is not on the grid, or lies before its start.
        """
        try:
            index = index_like(self.starts, time)
            is_time = index is not None and not index.hasnans
            position = int(self._grid.positions(index, id_position)[0]) if is_time else -1
        except (ValueError, TypeError, OverflowError):
            position = -1
        if position < 0:
            raise ValueError(
                f"`time` must be on the grid of the data. Received: time={time!r}. The grid starts "
                f"at {self.starts[id_position]} and goes on in steps of {freq_name(self.freq)!r}."
            )
        return position

    def rows_until(self, times: Any) -> np.ndarray:
        """How many rows of each id lie at or before a time.

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

    def chunks(self) -> Iterator[tuple[slice, SeriesTable]]:
        """Runs of ids with about a million values, or of one id, and the table of each; views."""
        columns = self.columns()
        for ids in chunks(self.offsets, sum(map(len, columns.values()))):
            first, last = self.offsets[[ids.start, ids.stop]]
            static = self.static_covariates
            yield (
                ids,
                self.with_columns(
                    {name: array[:, first:last] for name, array in columns.items()},
                    offsets=self.offsets[ids.start : ids.stop + 1] - first,
                    starts=self.starts[ids],
                    ids=None if self.ids is None else self.ids[ids],
                    static_covariates=replace(static, values=static.values[:, ids]),
                ),
            )

    def chunks_of(self, ids: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, SeriesTable]]:
        """The chunks that some (K,) ids lie in: which of the K, their ids in the chunk, and it."""
        order = np.argsort(ids, kind="stable")
        in_order = ids[order]
        for run, chunk in self.chunks():
            first, last = in_order.searchsorted([run.start, run.stop])
            if first < last:
                yield order[first:last], in_order[first:last] - run.start, chunk

    def until(self, rows: int | np.ndarray) -> SeriesTable:
        """The first rows of each id, `rows` or (I,) of them; a view where there is one id."""
        return self._cut(np.zeros_like(self.lengths), np.minimum(self.lengths, rows))

    def tail(self, rows: int | np.ndarray) -> SeriesTable:
        """The last rows of each id, `rows` or (I,) of them; a copy, which keeps no big table.

        One row more where the first would be a day whose local hour the clocks skip: a grid that
        began there would keep the hour after it.
        """
        ids, first = np.arange(self.num_ids), np.maximum(self.lengths - rows, 0)
        from_there = TimeGrid(self.times_at(ids, first), self.freq)
        is_skipped = from_there.times_at(np.ones_like(ids), ids) != self.times_at(ids, first + 1)
        last = self._cut(np.maximum(first - is_skipped, 0), self.lengths)
        if self.num_ids > 1:
            return last  # a copy already
        return last.with_columns({name: array.copy() for name, array in last.columns().items()})

    def is_among_first(self, rows: np.ndarray) -> np.ndarray:
        """(N,) whether a row is among the first `rows` (I,) of its id."""
        return is_among_first(self.offsets, rows)

    def until_observed(self) -> SeriesTable:
        """Without the rows at the end of each id in which no target was observed."""
        rows = self.lengths.copy()
        newest = self.values[:, np.maximum(self.offsets[1:] - 1, 0)]
        for position in np.flatnonzero(np.isnan(newest).all(axis=0)):
            own = self.values[:, slice(*self.offsets[position : position + 2])]
            missing = np.isnan(own).all(axis=0)
            rows[position] = 0 if missing.all() else len(missing) - missing[::-1].argmin()
        return self if (rows == self.lengths).all() else self.until(rows)

    def known_after(self, rows: np.ndarray, horizon: int) -> SeriesTable:
        """What is known after the first `rows` (I,): these, and the horizon's future covariates."""
        if not len(self.future_covariates):
            return self.until(rows)
        table = self.until(rows + horizon)
        columns = {
            name: array
            if name == "future_covariates"
            else blanked(array, table.offsets, rows, unknown(name))
            for name, array in table.columns().items()
        }
        return table.with_columns(columns)

    def extended(self, rows: int) -> SeriesTable:
        """With this many rows more at the end of each id, in which nothing is known."""
        offsets, ids = offsets_of(self.lengths + rows), np.arange(self.num_ids)
        where = (self.offsets[:-1], self.lengths, ids, np.zeros_like(ids))
        columns = {
            name: moved(offsets, Move(array, *where), fill=unknown(name))
            for name, array in self.columns().items()
        }
        return self.with_columns(columns, offsets=offsets)

    def sha256(self) -> str:
        """A hexadecimal digest of the arrays and the layout."""
        digest = hashlib.sha256(json.dumps(self.layout()).encode())
        for array in self.arrays().values():
            for row in np.atleast_2d(array):
                for first in range(0, len(row), CHUNK):
                    digest.update(np.ascontiguousarray(row[first : first + CHUNK]))
        return digest.hexdigest()

    def arrays(self) -> dict[str, np.ndarray]:
        """The values, covariates and weights by their names, those that there are."""
        covariates = {name: getattr(self, name).values for name in GROUPS}
        found = {name: values for name, values in covariates.items() if len(values)}
        weights = {} if self.weights is None else {"weights": self.weights}
        return {"values": self.values, **found, **weights}

    def layout(self) -> dict[str, Any]:
        """All but the arrays as plain data for JSON; `from_layout` is the way back.

        Raises:
            TypeError: if a label is not a text, a number, None or a tuple of those.
            ValueError: if the time zone has no name.
        """
        return {
            **plain_times(self.starts, self.freq),
            "offsets": self.offsets.tolist(),
            "targets": plain_labels(self.targets),
            "target_names": plain_labels(self.targets.names),
            "time_name": plain_label(self.time_name),
            "time_column": self.time_column,
            "ids": None if self.ids is None else plain_labels(self.ids),
            "id_name": None if self.ids is None else plain_label(self.ids.name),
            "id_column": self.id_column,
            **{name: getattr(self, name).layout() for name in GROUPS},
        }

    @classmethod
    def from_layout(
        cls,
        layout: dict[str, Any],
        values: np.ndarray,
        *,
        past_covariates: np.ndarray | None = None,
        future_covariates: np.ndarray | None = None,
        static_covariates: np.ndarray | None = None,
        weights: np.ndarray | None = None,
    ) -> SeriesTable:
        """The table that has this `layout()` and these `arrays()`; covariates are NaN if None."""
        time_name = label_from_plain(layout["time_name"])
        starts, freq = times_from_plain(layout, time_name)
        # Layouts from before there were ids and covariates do not have the keys read by `get`.
        ids = layout.get("ids")
        covariates = {
            name: Covariates.from_layout(layout[name], array, count)
            for name, array, count in (
                ("past_covariates", past_covariates, values.shape[1]),
                ("future_covariates", future_covariates, values.shape[1]),
                ("static_covariates", static_covariates, len(starts)),
            )
            if name in layout
        }
        return cls(
            values=values,
            offsets=np.array(layout["offsets"], np.int64),
            starts=starts,
            freq=freq,
            targets=index_from_plain(layout["targets"], layout["target_names"]),
            time_name=time_name,
            time_column=layout["time_column"],
            ids=None if ids is None else index_from_plain(ids, [layout["id_name"]]),
            id_column=layout.get("id_column", False),
            weights=weights,
            **covariates,
        )

    @property
    def _earliest(self) -> int:
        return int(self.starts.argmin())

    @property
    def _grid(self) -> TimeGrid:
        return TimeGrid(self.starts, self.freq)

    def columns(self) -> dict[str, np.ndarray]:
        """Everything that has N columns, each (C, N); weights are one row or none."""
        return {
            "values": self.values,
            "past_covariates": self.past_covariates.values,
            "future_covariates": self.future_covariates.values,
            "weights": np.empty((0, self.num_rows)) if self.weights is None else self.weights[None],
        }

    def with_columns(self, columns: dict[str, np.ndarray], **changes: Any) -> SeriesTable:
        """With other `columns()`."""
        for name in ("past_covariates", "future_covariates"):
            changes[name] = replace(getattr(self, name), values=columns[name])
        weights = columns["weights"][0] if len(columns["weights"]) else None
        return replace(self, values=columns["values"], weights=weights, **changes)

    def _cut(self, first: np.ndarray, last: np.ndarray) -> SeriesTable:
        """Rows ``first[i] .. last[i] - 1`` of each id i."""
        if self.num_ids == 1:
            columns = {
                name: array[:, int(first[0]) : int(last[0])]
                for name, array in self.columns().items()
            }
        else:
            columns = {
                name: cut(array, self.offsets[:-1] + first, last - first)
                for name, array in self.columns().items()
            }
        return self.with_columns(
            columns,
            offsets=offsets_of(last - first),
            starts=self.times_at(np.arange(self.num_ids), first),
        )


def unknown(name: str) -> float:
    """What stands where nothing is known: a row without a weight does not count."""
    return 0.0 if name == "weights" else np.nan
