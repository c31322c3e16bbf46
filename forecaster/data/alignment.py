"""Alignment of rows in any order to regular grids: infer the step, reject rows off the grid.

Rows are not sorted: the position of each is computed by arithmetic, in linear time, and duplicates
are found by counting the occupied positions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from pandas.tseries.offsets import Day, Tick, Week

from forecaster.data.frame_checks import Rows
from forecaster.data.frequency import first_steps, infer_freq, own_freq
from forecaster.data.ragged import offsets_of
from forecaster.data.time_grid import NANOSECONDS, Freq, TimeGrid, as_freq, as_numbers, freq_name

_CHUNK = 1 << 20  # rows aligned at a time
_MAX_THINNING = 100  # a grid this many times longer than the data means wrong times


@dataclass(frozen=True, eq=False)
class Alignment:
    """Positions of the rows of a frame on the concatenated grids of its series.

    Args:
        grid: times of each series.
        offsets: (I + 1,) int64, first position of the grid of each series.
        positions: (N,) int64, the position of each row; None where row n has position n.
    """

    grid: TimeGrid
    offsets: np.ndarray
    positions: np.ndarray | None

    def missing(self) -> np.ndarray:
        """Return the positions without a row, int64."""
        if self.positions is None:
            return np.zeros(0, np.int64)
        return np.flatnonzero(~_occupied(self.positions, self.offsets[-1]))

    def spread(self, values: np.ndarray, fill: float = np.nan) -> np.ndarray:
        """Scatter rows to their positions, `fill` elsewhere: (C, rows) float64 -> (C, N)."""
        if self.positions is None:
            return values
        spread = np.full((len(values), self.offsets[-1]), fill, np.float64)
        for row, column in zip(spread, values, strict=True):
            row[self.positions] = column
        return spread


def align_rows(rows: Rows, freq: object = None) -> Alignment:
    """Find the grid of each series, from its earliest time on, and the position of each row.

    Args:
        rows: at least one.
        freq: an alias, an offset, or an int for integer times; None infers it.

    Raises:
        ValueError: if `freq` is no step for these times or cannot be inferred, a series has a
            duplicated time, or a time is not on the grid.
    """
    known = own_freq(rows.times) if freq is None else as_freq(freq, rows.times)
    rows = _in_unit_of(rows, known)
    if rows.ids is None:
        for step in first_steps(rows.times) if known is None else [known]:
            grid = TimeGrid(rows.times[:1], step)
            if _can_start(step, rows.times[0]) and grid.is_exactly(rows.times):
                return Alignment(grid, np.array([0, len(rows.times)]), None)
    starts = _first_times(rows)
    step = _weeks_as_days(infer_freq(rows), starts) if known is None else known
    grid = TimeGrid(_anchored(starts, step), step)
    steps = _steps(grid, rows)
    _reject_off_grid(rows, grid, steps, is_found=freq is None)
    lengths = _lengths(rows, steps)
    _reject_thin(rows, grid, lengths)
    offsets = offsets_of(lengths)
    positions = steps if rows.codes is None else offsets[rows.codes] + steps
    if np.count_nonzero(_occupied(positions, offsets[-1])) < len(positions):
        raise _duplicates(rows, np.flatnonzero(pd.Index(positions).duplicated()))
    is_in_order = offsets[-1] == len(positions) and (np.diff(positions) == 1).all()
    return Alignment(grid, offsets, None if is_in_order else positions)


def _in_unit_of(rows: Rows, freq: Freq | None) -> Rows:
    """Convert the times to nanoseconds if their unit cannot hold the step, as "s" a half second."""
    times = rows.times
    if isinstance(freq, Tick) and isinstance(times, pd.DatetimeIndex):
        is_finer = freq.nanos % NANOSECONDS[times.unit] > 0
        return replace(rows, times=times.as_unit("ns")) if is_finer else rows
    return rows


def _first_times(rows: Rows) -> pd.Index:
    """Return the earliest time of each series, (I,)."""
    numbers = as_numbers(rows.times)
    if rows.ids is None or rows.codes is None:
        return rows.times[[numbers.argmin()]]
    earliest = np.full(len(rows.ids), np.iinfo(np.int64).max)
    np.minimum.at(earliest, rows.codes, numbers)
    found = np.flatnonzero(numbers == earliest[rows.codes])
    row_of = np.empty(len(rows.ids), np.int64)
    row_of[rows.codes[found]] = found
    return rows.times[row_of]


def _weeks_as_days(step: Freq, starts: pd.Index) -> Freq:
    """Replace weeks by steps of seven days where series start on different weekdays."""
    if isinstance(step, Week) and starts.day_of_week.nunique() > 1:
        return Day(7 * step.n)
    return step


def _anchored(starts: pd.Index, step: Freq) -> pd.Index:
    """Move starts back to the weekday of a step like "W-SUN": other weekdays are off the grid."""
    if not isinstance(step, Week) or step.weekday is None or isinstance(starts, pd.PeriodIndex):
        return starts
    back = (starts.day_of_week.to_numpy(np.int64) - step.weekday) % 7
    return TimeGrid(starts, Day()).times_at(-back, np.arange(len(starts))) if back.any() else starts


def _steps(grid: TimeGrid, rows: Rows) -> np.ndarray:
    """Compute the step of each row on the grid of its series, (N,), -1 off it; in chunks."""
    steps = np.empty(len(rows.times), np.int64)
    for first in range(0, len(steps), _CHUNK):
        chunk = slice(first, first + _CHUNK)
        series = 0 if rows.codes is None else rows.codes[chunk]
        steps[chunk] = grid.positions(rows.times[chunk], series)
    return steps


def _lengths(rows: Rows, steps: np.ndarray) -> np.ndarray:
    """Return the length of the grid of each series, up to its last row, (I,)."""
    if rows.ids is None or rows.codes is None:
        return steps.max(keepdims=True) + 1
    last = np.zeros(len(rows.ids), np.int64)
    np.maximum.at(last, rows.codes, steps)
    return last + 1


def _occupied(positions: np.ndarray, count: int) -> np.ndarray:
    """Return whether each of `count` positions has a row, (count,)."""
    occupied = np.zeros(count, bool)
    occupied[positions] = True
    return occupied


def _reject_off_grid(rows: Rows, grid: TimeGrid, steps: np.ndarray, is_found: bool) -> None:
    """Check that every row lies on the grid of its series; `is_found` if its step was inferred."""
    off = np.flatnonzero(steps < 0)
    if len(off):
        begin = (
            grid.times_at(np.zeros(1, np.int64))[0] if rows.ids is None else "the first of each id"
        )
        raise ValueError(
            f"`freq` must be a step that every time lies on. Received: "
            f"freq={freq_name(grid.freq)!r}{' (most times share it)' if is_found else ''}, counted "
            f"from {begin}; off the grid: {rows.named(off)}. Correct or drop these times, give "
            f"another `freq`{'' if is_found else ' or none'}, or use `frame.to_period('M')` where "
            f"any day stands for its month."
        )


def _reject_thin(rows: Rows, grid: TimeGrid, lengths: np.ndarray) -> None:
    """Check that the grids are not many times longer than the data."""
    count = len(rows.times)
    if lengths.sum() > _MAX_THINNING * max(count, 10_000):
        thinnest = int(lengths.argmax())
        own = rows.times if rows.codes is None else rows.times[rows.codes == thinnest]
        whose = "" if rows.ids is None else f" of id {rows.ids[[thinnest]].tolist()[0]!r}"
        raise ValueError(
            f"`frame` must fill a fair part of its grid. Received: {len(own)} rows{whose} from "
            f"{own.min()} to {own.max()}, which are {lengths[thinnest]} steps of "
            f"{freq_name(grid.freq)!r}. Drop the times that lie far off, or give a longer `freq`."
        )


def _duplicates(rows: Rows, again: np.ndarray) -> ValueError:
    """Make the error that names rows, (K,), whose time is in an earlier row of their series."""
    several = rows.at(again)
    is_repeated = pd.DataFrame({"id": several.codes, "time": several.times}).duplicated()
    where = rows.named(again[~is_repeated.to_numpy()]) + _clock_note(several.times)
    if rows.ids is None:
        return ValueError(
            f"`frame` must have every time once. Received: {len(again)} duplicated rows, at "
            f"{where}. Join them, e.g. `frame.groupby(level=0).mean()`; where series stand below "
            f"each other, name the column of their ids by `id_column`."
        )
    return ValueError(
        f"`frame` must have every time of an id once. Received: {len(again)} duplicated rows, at "
        f"{where}. Join them, e.g. `frame.groupby([id, time]).mean()`, or drop them by "
        f"`frame.drop_duplicates([id, time])`."
    )


def _clock_note(times: pd.Index) -> str:
    """Tell of clocks that were put back, where times without a zone come twice in such nights."""
    is_naive = isinstance(times, pd.DatetimeIndex) and times.tz is None
    if is_naive and (times.hour.isin([1, 2, 3]) & (times.day_of_week == 6)).all():
        return (
            " (if the clocks were put back then, name the zone: "
            "`frame.tz_localize('Europe/Berlin', ambiguous='infer')`)"
        )
    return ""


def _can_start(freq: Freq, time: object) -> bool:
    """Return whether a grid of this step can start here: one of "W-SUN" only on a Sunday."""
    if isinstance(freq, int) or not isinstance(time, pd.Timestamp):
        return True
    return bool(freq.is_on_offset(time))
