"""Frames in and out: the only place that reads a user's frame.

Who owns what:

* `read_frame` checks a frame and lays it on a regular grid; nothing after it checks data again;
* `SeriesTable` holds the grid as arrays, and what forecasts need to get the user's layout;
* `forecast_frame` writes forecasts in that layout;
* `time_grid.py` owns the times: their step, their positions, and what comes after the last.
"""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from forecaster.frame_checks import FrameWarning, as_frame, read_times, target_columns, to_values
from forecaster.time_grid import (
    Freq,
    TimeGrid,
    as_freq,
    freq_name,
    is_integer,
    lay_on_grid,
    shortlist,
)


@dataclass(frozen=True, eq=False)
class SeriesTable:
    """Series on regular grids, as arrays that remember the layout they were read from.

    Args:
        values: (S, N) float64 in the target's units, NaN where missing; one row a target column.
            Columns ``offsets[i] .. offsets[i + 1] - 1`` are the rows of id i. It may be a view of
            the user's frame.
        offsets: (I + 1,) int64; a wide frame has one id, so [0, N].
        starts: (I,) time of the first row of each id.
        freq: step of the grid; an int for integer times.
        targets: (S,) labels of the target columns, as the user wrote them.
        time_name: name of the index or the column of times.
        time_column: whether the times are a column of the user's frame, not its index.

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
    def end(self) -> Any:
        """The last time of all ids."""
        lengths = np.diff(self.offsets)
        return max(self.times(i, int(length) - 1, 1)[0] for i, length in enumerate(lengths))

    def times(self, id_position: int, first: int, count: int) -> pd.Index:
        """The times of an id at positions ``first .. first + count - 1``, after its rows too."""
        return self._grid(id_position).times(first, count).rename(self.time_name)

    def position_of(self, time: Any, id_position: int = 0) -> int:
        """The position of `time` on the grid of an id, also after its rows.

        Args:
            time: a time of the table's kind, or a text that pandas reads as one; without a time
                zone it is local time.
            id_position: which id, 0 .. I - 1.

        Raises:
            ValueError: if `time` is not on the grid, or lies before its start.
        """
        grid = self._grid(id_position)
        try:
            index = _index_like(grid.start, time)
            is_time = index is not None and not index.hasnans
            position = int(grid.positions(index)[0]) if is_time else -1
        except (ValueError, TypeError, OverflowError):
            position = -1
        if position < 0:
            raise ValueError(
                f"`time` must be on the grid of the data. Received: time={time!r}. The grid starts "
                f"at {grid.start[0]} and goes on in steps of {freq_name(self.freq)!r}."
            )
        return position

    def until(self, rows: int) -> SeriesTable:
        """The first `rows` rows of each id; a view where there is one id."""
        return self._cut(np.zeros(self.num_ids, int), np.minimum(np.diff(self.offsets), rows))

    def tail(self, rows: int) -> SeriesTable:
        """The last `rows` rows of each id; a copy, so that the big table can be freed."""
        lengths = np.diff(self.offsets)
        table = self._cut(np.maximum(lengths - rows, 0), lengths)
        return replace(table, values=table.values.copy())

    def joined(self, later: SeriesTable) -> SeriesTable:
        """This table with the rows of a `later` one of one id; where both have rows, the later's.

        A later table that begins before this one replaces it; rows between the two are NaN.
        """
        if later.starts[0] < self.starts[0]:
            return later
        first = self.position_of(later.starts[0])
        rows = max(self.num_rows, first + later.num_rows)
        values = np.full((self.num_targets, rows), np.nan)
        values[:, : self.num_rows] = self.values
        values[:, first : first + later.num_rows] = later.values
        return replace(self, values=values, offsets=np.array([0, rows]))

    def sha256(self) -> str:
        """A hexadecimal digest of the values and the layout."""
        digest = hashlib.sha256(json.dumps(self.layout()).encode())
        digest.update(np.ascontiguousarray(self.values))
        return digest.hexdigest()

    def layout(self) -> dict[str, Any]:
        """All but the values as plain data for JSON; `from_layout` is the way back.

        Raises:
            TypeError: if a label is not a text, a number, None or a tuple of those.
            ValueError: if the time zone has no name.
        """
        starts, kind = self.starts, _kind(self.starts)
        tz = getattr(starts, "tz", None)
        return {
            "kind": kind,
            "freq": starts.freqstr if kind == "period" else freq_name(self.freq),
            "unit": starts.unit if kind == "datetime" else None,
            "tz": None if tz is None else _zone_name(starts),
            "starts": [_plain_time(start) for start in starts],
            "offsets": self.offsets.tolist(),
            "targets": [plain_label(label) for label in self.targets],
            "target_names": [plain_label(name) for name in self.targets.names],
            "time_name": plain_label(self.time_name),
            "time_column": self.time_column,
        }

    @classmethod
    def from_layout(cls, layout: dict[str, Any], values: np.ndarray) -> SeriesTable:
        """The table that has these `values`, (S, N), and this `layout()`."""
        if layout["kind"] == "integer":
            starts = pd.Index(layout["starts"])
        elif layout["kind"] == "period":
            periods = [pd.Period(start, freq=layout["freq"]) for start in layout["starts"]]
            starts = pd.PeriodIndex(periods, freq=layout["freq"])
        else:
            is_aware = layout["tz"] is not None
            starts = pd.to_datetime(layout["starts"], format="ISO8601", utc=is_aware)
            starts = starts.tz_convert(layout["tz"]) if is_aware else starts
            starts = starts.as_unit(layout["unit"])
        names = [label_from_plain(name) for name in layout["target_names"]]
        labels = [label_from_plain(label) for label in layout["targets"]]
        time_name = label_from_plain(layout["time_name"])
        return cls(
            values=values,
            offsets=np.array(layout["offsets"], np.int64),
            starts=starts.rename(time_name),
            freq=as_freq(layout["freq"], starts),
            targets=pd.MultiIndex.from_tuples(labels, names=names)
            if len(names) > 1
            else pd.Index(labels, name=names[0], tupleize_cols=False),
            time_name=time_name,
            time_column=layout["time_column"],
        )

    def _grid(self, id_position: int) -> TimeGrid:
        return TimeGrid(self.starts[id_position : id_position + 1], self.freq)

    def _cut(self, first: np.ndarray, last: np.ndarray) -> SeriesTable:
        """Rows ``first[i] .. last[i] - 1`` of each id i."""
        parts = [
            self.values[:, offset + a : offset + b]
            for offset, a, b in zip(self.offsets[:-1], first, last, strict=True)
        ]
        starts = [self.times(i, int(a), 1) for i, a in enumerate(first)]
        return replace(
            self,
            values=parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1),
            offsets=np.concatenate([[0], np.cumsum(last - first)]),
            starts=starts[0].append(starts[1:]),
        )


def read_frame(
    frame: pd.DataFrame | pd.Series,
    *,
    target: Hashable | list[Hashable] | None = None,
    time_column: Hashable | None = None,
    freq: Any = None,
) -> SeriesTable:
    """Check a wide frame and lay it on a regular grid; the frame itself is never changed.

    Args:
        frame: one row a time, in any order; one column a series. The times are the index or the
            column `time_column`: datetimes with or without a time zone, periods, or integers; a
            column may also hold texts in ISO 8601. A Series is a frame of one column, called
            "value" if it has no name.
        target: label or list of labels of the columns to read. None (default) reads every
            numeric one. Numbers and booleans are read; NaN and NA are missing.
        time_column: label of the column of times. None (default) means the index.
        freq: step between rows: a pandas alias or offset, or a positive int for integers. None
            (default) takes that of the index, or else the step that most neighbours share.

    Returns:
        A `SeriesTable` with one id. Rows that the frame lacks are NaN. Its values are a view of
        the frame where that is regular, sorted and float64.

    Raises:
        TypeError: if `frame` is no pandas object, its times are none, or a target is not numeric.
        ValueError: if the frame is empty, a column is unknown or there twice, a time is missing,
            there twice or off the grid, the step is unclear, a value is infinite or beyond
            float32, or there is no value at all.

    Warns:
        FrameWarning: if rows are missing, or columns are left out for not being numeric.

    Example:
        >>> days = pd.date_range("2024-01-01", periods=3, freq="D")
        >>> read_frame(pd.DataFrame({"sold": [1, 2, 3]}, index=days)).values
        array([[1., 2., 3.]])
    """
    frame = as_frame(frame, time_column)
    times = read_times(frame, time_column)
    grid, positions = lay_on_grid(times, freq)
    columns = target_columns(frame, target, time_column)
    values = to_values(columns, times)
    if positions is not None:
        values = _spread(values, positions, grid)
    values = values.view()
    values.flags.writeable = False  # it may be the user's memory
    return SeriesTable(
        values=values,
        offsets=np.array([0, values.shape[1]]),
        starts=grid.start.rename(times.name),
        freq=grid.freq,
        targets=columns.columns,
        time_name=times.name,
        time_column=time_column is not None,
    )


def forecast_frame(
    table: SeriesTable, prediction: np.ndarray, *, levels: Sequence[float] | None = None
) -> pd.DataFrame:
    """Write forecasts for the steps after a table's last row, in the layout of its frame.

    Args:
        table: a table with one id.
        prediction: (S, H), or (S, H, Q) with `levels`, in the target's units.
        levels: Q probabilities, which become the last level of the columns, called "quantile".

    Returns:
        (H, S) or (H, S * Q) frame with the future times as index; as first column where they came
        as `time_column`. A Series comes back as a frame of one column.

    Raises:
        ValueError: if the shape of `prediction` does not fit.
    """
    prediction = np.asarray(prediction)
    wanted = "(targets, horizon)" if levels is None else "(targets, horizon, levels)"
    tail = () if levels is None else (len(levels),)
    shape = prediction.shape
    if (len(shape), shape[0], shape[2:]) != (2 + len(tail), table.num_targets, tail):
        raise ValueError(
            f"`prediction` must have the shape {wanted}. Received: shape {shape}, "
            f"{table.num_targets} targets, levels={levels!r}. Pass `levels` where there are "
            f"quantiles, and only there."
        )
    columns = table.targets
    if levels is not None:
        labels = [label if columns.nlevels > 1 else (label,) for label in columns]
        pairs = [(*label, level) for label in labels for level in levels]
        columns = pd.MultiIndex.from_tuples(pairs, names=[*columns.names, "quantile"])
        prediction = prediction.swapaxes(1, 2)  # (S, H, Q) -> (S, Q, H)
        prediction = prediction.reshape(len(pairs), -1)  # (S, Q, H) -> (S * Q, H)
    times = table.times(0, table.num_rows, prediction.shape[1])
    forecast = pd.DataFrame(prediction.T, index=times, columns=columns)
    return forecast.reset_index() if table.time_column else forecast


def _spread(values: np.ndarray, positions: np.ndarray, grid: TimeGrid) -> np.ndarray:
    """Put the rows on their positions, NaN on the others: (S, rows) -> (S, N)."""
    present = np.zeros(positions.max() + 1, bool)
    present[positions] = True
    missing = np.flatnonzero(~present)
    if len(missing):
        # Five times are enough to name; making all of them may cost more than the frame.
        named = [grid.times(int(position), 1)[0] for position in missing[:5]]
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        warnings.warn(
            f"`frame` lacks {len(missing)} of {len(present)} rows in steps of "
            f"{freq_name(grid.freq)!r}, which become NaN: {shortlist(named)}{more}.",
            FrameWarning,
            stacklevel=3,
        )
    spread = np.full((len(values), len(present)), np.nan)
    spread[:, positions] = values
    return spread


def _index_like(start: pd.Index, time: Any) -> pd.Index | None:
    """`time` as an index of the kind, unit and time zone of `start`, if it can be."""
    if isinstance(start, pd.PeriodIndex):
        return pd.PeriodIndex([pd.Period(time, freq=start.freq)])
    if is_integer(start):
        return pd.Index([time], dtype=np.int64) if isinstance(time, Integral) else None
    stamp = pd.Timestamp(time)
    if stamp.tz is None:
        stamp = stamp.tz_localize(start.tz, ambiguous=True, nonexistent="shift_forward")
    elif start.tz is not None:
        stamp = stamp.tz_convert(start.tz)
    index = pd.DatetimeIndex([stamp]).as_unit(start.unit)
    return index if index[0] == stamp else None


def _kind(times: pd.Index) -> str:
    if isinstance(times, pd.DatetimeIndex):
        return "datetime"
    return "period" if isinstance(times, pd.PeriodIndex) else "integer"


def _plain_time(time: Any) -> str | int:
    if isinstance(time, pd.Period):
        time = time.start_time
    return time.isoformat() if isinstance(time, pd.Timestamp) else int(time)


def _zone_name(times: pd.DatetimeIndex) -> str:
    name = str(times.tz)
    try:
        times.tz_convert(name)
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"The time zone of `frame` must have a name to be saved. Received: {name}. Convert the "
            f"times first, e.g. `frame.tz_convert('Europe/Berlin')`."
        ) from error
    return name


def plain_label(label: Any) -> Any:
    """A label as JSON has it; a tuple becomes a list."""
    if isinstance(label, tuple):
        return [plain_label(part) for part in label]
    if label is None or isinstance(label, str | bool):
        return label
    if isinstance(label, np.generic):
        return plain_label(label.item())
    if isinstance(label, Integral) or (isinstance(label, Real) and math.isfinite(label)):
        return label
    raise TypeError(
        f"Labels must be texts, finite numbers, None or tuples of those to be saved. Received: "
        f"{label!r} ({type(label).__name__}). Rename them, e.g. `frame.rename(columns=str)`."
    )


def label_from_plain(plain: Any) -> Any:
    """The label that `plain_label` wrote; a list becomes a tuple again."""
    return tuple(label_from_plain(part) for part in plain) if isinstance(plain, list) else plain
