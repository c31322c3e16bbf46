"""From rows in any order to places on regular grids: finds the step, names what lies on none.

No row is sorted: each gets its place by arithmetic, so that the time this takes grows with the rows
alone, and places that two rows share are found by counting.
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

_CHUNK = 1 << 20  # rows placed together
_MAX_THINNING = 100  # a grid this many times longer than the data is a mistake in the times


@dataclass(frozen=True, eq=False)
class Placement:
    """Where the rows of a frame lie on the grids of its series, which follow each other.

    Args:
        grid: the times.
        offsets: (I + 1,) int64, where the grid of each series begins.
        places: (N,) int64, the place of each row; None where row n has place n.
    """

    grid: TimeGrid
    offsets: np.ndarray
    places: np.ndarray | None

    def missing(self) -> np.ndarray:
        """The places without a row, int64."""
        if self.places is None:
            return np.zeros(0, np.int64)
        return np.flatnonzero(~_taken(self.places, self.offsets[-1]))

    def spread(self, values: np.ndarray, fill: float = np.nan) -> np.ndarray:
        """Put rows on their places, `fill` on the others: (C, rows) float64 -> (C, N)."""
        if self.places is None:
            return values
        spread = np.full((len(values), self.offsets[-1]), fill, np.float64)
        for row, column in zip(spread, values, strict=True):
            row[self.places] = column
        return spread


def lay_on_grid(rows: Rows, freq: object = None) -> Placement:
    """Find the grid of each series, which starts at its earliest time, and the place of each row.

    Args:
        rows: at least one.
        freq: an alias, an offset, or an int for integers; None finds it.

    Raises:
        ValueError: if `freq` is no step for these times or cannot be found, a time stands twice
            in a series, or one does not lie on the grid.
    """
    known = own_freq(rows.times) if freq is None else as_freq(freq, rows.times)
    rows = _fine_enough(rows, known)
    if rows.ids is None:
        for step in first_steps(rows.times) if known is None else [known]:
            grid = TimeGrid(rows.times[:1], step)
            if _can_start(step, rows.times[0]) and grid.is_exactly(rows.times):
                return Placement(grid, np.array([0, len(rows.times)]), None)
    starts = _first_times(rows)
    step = _for_all_weekdays(infer_freq(rows), starts) if known is None else known
    grid = TimeGrid(_anchored(starts, step), step)
    positions = _positions(grid, rows)
    _reject_off_grid(rows, grid, positions, is_found=freq is None)
    lengths = _lengths(rows, positions)
    _reject_thin(rows, grid, lengths)
    offsets = offsets_of(lengths)
    places = positions if rows.codes is None else offsets[rows.codes] + positions
    if np.count_nonzero(_taken(places, offsets[-1])) < len(places):
        raise _duplicates(rows, np.flatnonzero(pd.Index(places).duplicated()))
    is_in_order = offsets[-1] == len(places) and (np.diff(places) == 1).all()
    return Placement(grid, offsets, None if is_in_order else places)


def _fine_enough(rows: Rows, freq: Freq | None) -> Rows:
    """The same rows, in a unit that can hold the step: half a second, in whole seconds."""
    times = rows.times
    if isinstance(freq, Tick) and isinstance(times, pd.DatetimeIndex):
        is_finer = freq.nanos % NANOSECONDS[times.unit] > 0
        return replace(rows, times=times.as_unit("ns")) if is_finer else rows
    return rows


def _first_times(rows: Rows) -> pd.Index:
    """(I,) the earliest time of each series."""
    numbers = as_numbers(rows.times)
    if rows.codes is None:
        return rows.times[[numbers.argmin()]]
    earliest = np.full(len(rows.ids), np.iinfo(np.int64).max)
    np.minimum.at(earliest, rows.codes, numbers)
    found = np.flatnonzero(numbers == earliest[rows.codes])
    row_of = np.empty(len(rows.ids), np.int64)
    row_of[rows.codes[found]] = found
    return rows.times[row_of]


def _for_all_weekdays(step: Freq, starts: pd.Index) -> Freq:
    """Weeks that begin on different days in different series are steps of seven days."""
    if isinstance(step, Week) and starts.day_of_week.nunique() > 1:
        return Day(7 * step.n)
    return step


def _anchored(starts: pd.Index, step: Freq) -> pd.Index:
    """The starts, moved back to the weekday of "W-SUN", so that others are named, not followed."""
    is_anchor = isinstance(step, Week) and step.weekday is not None
    if not is_anchor or isinstance(starts, pd.PeriodIndex):
        return starts
    back = (starts.day_of_week.to_numpy(np.int64) - step.weekday) % 7
    return TimeGrid(starts, Day()).times_at(-back, np.arange(len(starts))) if back.any() else starts


def _positions(grid: TimeGrid, rows: Rows) -> np.ndarray:
    """(N,) positions on the grid of each row's series, -1 off it; in pieces, to save memory."""
    positions = np.empty(len(rows.times), np.int64)
    for first in range(0, len(positions), _CHUNK):
        chunk = slice(first, first + _CHUNK)
        series = 0 if rows.codes is None else rows.codes[chunk]
        positions[chunk] = grid.positions(rows.times[chunk], series)
    return positions


def _lengths(rows: Rows, positions: np.ndarray) -> np.ndarray:
    """(I,) how many positions the grid of each series has, up to its last row."""
    if rows.codes is None:
        return positions.max(keepdims=True) + 1
    last = np.zeros(len(rows.ids), np.int64)
    np.maximum.at(last, rows.codes, positions)
    return last + 1


def _taken(places: np.ndarray, count: int) -> np.ndarray:
    taken = np.zeros(count, bool)
    taken[places] = True
    return taken


def _reject_off_grid(rows: Rows, grid: TimeGrid, positions: np.ndarray, is_found: bool) -> None:
    off = np.flatnonzero(positions < 0)
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
    """The error that names the rows whose time has a row already."""
    several = rows.at(again)
    is_repeated = pd.DataFrame({"id": several.codes, "time": several.times}).duplicated()
    where = rows.named(again[~is_repeated.to_numpy()])
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


def _can_start(freq: Freq, time: object) -> bool:
    """Whether a grid of this step can start here: one of "W-SUN" only on a Sunday."""
    return not isinstance(time, pd.Timestamp) or freq.is_on_offset(time)
