"""Regular grids of times: which time lies on which position, and which on none.

Three kinds of step, each with its own arithmetic:

* integers, periods and fixed spans ("h", "15min") are counted on a line of int64 numbers, which for
  datetimes is absolute time;
* days and weeks are counted on the same line of *local* time, so that daily data keep their hour
  when the clocks change;
* every other calendar step ("MS", "QE", "B") is counted on a calendar, also in local time, that
  `pandas.date_range` writes and that all series share.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from numbers import Integral

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset
from pandas.tseries.offsets import BaseOffset, Day, Tick, Week

Freq = BaseOffset | int

DAY = pd.Timedelta(days=1)
NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}  # in a unit of datetimes
_CHUNK = 1 << 16  # rows looked at together: checks of a long frame need no memory of its size
_CYCLES = {  # steps in a year, or in a week for days
    **dict.fromkeys(("QS", "QE", "BQS", "BQE"), 4),
    **dict.fromkeys(("MS", "ME", "BMS", "BME", "CBMS", "CBME", "WOM", "LWOM"), 12),
    **dict.fromkeys(("SMS", "SME"), 24),
    **{"W": 52, "D": 7, "B": 5, "C": 5},
}


@dataclass(frozen=True, eq=False)
class TimeGrid:
    """All times that lie whole steps of `freq` after a start, numbered from 0; for many starts too.

    Args:
        starts: (I,) the time at position 0 of each series; an Index, because it knows kind, unit
            and time zone. Series may lie between the times of each other, like the odd and the
            even hours of "2h"; only calendar steps are the same for all.
        freq: the step; an int where times are integers.
    """

    starts: pd.Index
    freq: Freq

    def times(self, first: int, count: int, series: int = 0) -> pd.Index:
        """The times at ``first .. first + count - 1``, with `freq` set where pandas can hold it."""
        if is_integer(self.starts):
            begin = int(self.starts[series]) + first * self.freq
            return pd.RangeIndex(begin, begin + count * self.freq, self.freq)
        clock = self._clock_at(np.arange(first, first + count), series)
        times = self._from_clock(clock)
        # A local hour that the clocks skip makes steps uneven: pandas has no freq for those.
        is_even = (self._clock(times) == clock).all()
        if isinstance(times, pd.DatetimeIndex) and is_even:
            return pd.DatetimeIndex(times, freq=self.freq)
        return times

    def times_at(self, positions: np.ndarray, series: int | np.ndarray = 0) -> pd.Index:
        """The times at any positions, (K,) int64, of one series or of (K,) series."""
        return self._from_clock(self._clock_at(positions, series))

    def floor(self, times: pd.Index, series: int | np.ndarray = 0) -> np.ndarray:
        """The last position at or before each time, int64; below 0 for times before the start."""
        line = self._line
        begins = line.numbers(self._clock(self.starts))[series]
        return (line.numbers(self._clock(times)) - begins) // line.step

    def positions(self, times: pd.Index, series: int | np.ndarray = 0) -> np.ndarray:
        """The position of every time, int64; -1 for one that is not on the grid from its start."""
        floor = self.floor(times, series)
        on_grid = self._clock(self.times_at(floor, series)) == self._clock(times)
        return np.where(on_grid & (floor >= 0), floor, -1)

    def is_exactly(self, times: pd.Index) -> bool:
        """Whether `times` are the positions 0, 1, 2, ... in this order; makes no copy of them."""
        count = len(times)
        own = times.freq if isinstance(times, pd.DatetimeIndex) else None
        # By type too: pandas 2 holds a day, which is local here, and 24 hours for equal.
        if type(own) is type(self.freq) and own == self.freq and times[0] == self.starts[0]:
            return True
        if self.positions(times[-1:])[0] != count - 1:
            return False
        return all(
            self.times_at(np.arange(first, min(first + _CHUNK, count))).equals(
                times[first : first + _CHUNK]
            )
            for first in range(0, count, _CHUNK)
        )

    @property
    def _line(self) -> _EvenLine | _Calendar:
        """Where neighbours lie one step apart."""
        if is_integer(self.starts):
            return _EvenLine(self.freq)
        if isinstance(self.starts, pd.PeriodIndex):
            return _EvenLine(self.freq.n)
        unit = self.starts.unit
        if isinstance(self.freq, Day | Week):  # first, because for pandas 2 a day is a Tick
            days = self.freq.n * (7 if isinstance(self.freq, Week) else 1)
            return _EvenLine(days * DAY.value // NANOSECONDS[unit])
        if isinstance(self.freq, Tick):
            return _EvenLine(self.freq.nanos // NANOSECONDS[unit])
        first = self.starts.min().tz_localize(None)
        return _Calendar(self.freq.rollback(first), self.freq.base, self.freq.n, unit)

    @property
    def _is_local(self) -> bool:
        is_span = isinstance(self.freq, Tick) and not isinstance(self.freq, Day)
        return not is_span and getattr(self.starts, "tz", None) is not None

    def _clock_at(self, positions: np.ndarray, series: int | np.ndarray) -> np.ndarray:
        line = self._line
        begins = line.numbers(self._clock(self.starts))[series]
        return line.clock(begins + positions * line.step)

    def _clock(self, times: pd.Index) -> np.ndarray:
        """Times as int64: their own numbers, or what a local clock shows."""
        return as_numbers(times.tz_localize(None) if self._is_local else times)

    def _from_clock(self, numbers: np.ndarray) -> pd.Index:
        if is_integer(self.starts):
            return pd.Index(numbers)
        if isinstance(self.starts, pd.PeriodIndex):
            return pd.PeriodIndex.from_ordinals(numbers, freq=self.starts.freq)
        unit, zone = self.starts.unit, self.starts.tz
        times = pd.DatetimeIndex(numbers.view(f"M8[{unit}]"))
        if zone is None:
            return times
        if not self._is_local:
            return times.tz_localize("UTC").tz_convert(zone)
        # An hour that comes twice means its first pass, one that is skipped the hour after it.
        first_pass = np.ones(len(times), bool)
        return times.tz_localize(zone, nonexistent="shift_forward", ambiguous=first_pass)


@dataclass(frozen=True)
class _EvenLine:
    """What a clock shows is the line already."""

    step: int

    def numbers(self, clock: np.ndarray) -> np.ndarray:
        return clock

    def clock(self, numbers: np.ndarray) -> np.ndarray:
        return numbers


@dataclass(frozen=True)
class _Calendar:
    """The dates of a calendar in their order, number 0 at `origin`; a step is some of them."""

    origin: pd.Timestamp
    each: BaseOffset
    step: int
    unit: str

    def numbers(self, clock: np.ndarray) -> np.ndarray:
        """The number of the last date at or before each; -1 before the origin."""
        if not len(clock):
            return clock
        last = pd.Timestamp(clock.max(), unit=self.unit)
        dates = pd.date_range(self.origin, last, freq=self.each, unit=self.unit)
        return dates.asi8.searchsorted(clock, side="right") - 1

    def clock(self, numbers: np.ndarray) -> np.ndarray:
        if not len(numbers):
            return numbers
        first, last = int(numbers.min()), int(numbers.max())
        begin = self.origin + first * self.each
        dates = pd.date_range(begin, periods=last - first + 1, freq=self.each, unit=self.unit)
        return dates.asi8[numbers - first]


def as_freq(freq: object, times: pd.Index) -> Freq:
    """`freq` as the offset or the int that fits the kind of `times`, or an error that says why."""
    if is_integer(times):
        if isinstance(freq, Integral) and not isinstance(freq, bool) and freq >= 1:
            return int(freq)
        raise ValueError(
            f"`freq` must be a positive int for integer times. Received: freq={freq!r}. Give "
            f"`freq=1`, set a DatetimeIndex, or name the column of times by `time_column`."
        )
    if isinstance(times, pd.PeriodIndex):
        if _period_offset(freq) == times.freq:
            return times.freq
        raise ValueError(
            f"`freq` must be the one of the periods in the index. Received: freq={freq!r}, periods "
            f"of {times.freqstr!r}. Leave `freq` out, or convert the periods: `frame.asfreq`."
        )
    offset = _offset(freq)
    # An offset without an alias (pd.DateOffset, a calendar of holidays) cannot be saved.
    if offset is not None and offset.n >= 1 and _offset(offset.freqstr) == offset:
        return offset
    raise ValueError(
        f"`freq` must be a step that pandas has an alias for. Received: freq={freq!r}. Give e.g. "
        f"'min', '15min', 'h', 'D', 'B', 'W-SUN', 'MS', 'ME', 'QS', 'QE', 'YS' or 'YE'."
    )


def season_length(freq: Freq) -> int:
    """The steps of `freq` after which data usually repeat: 24 for "h", 12 for "MS", 7 for "D".

    The cycle is a year for weeks and longer steps, a week for days, a day for minutes and hours,
    a minute for seconds and a second below; 1 (none) where it is not a whole number of steps.
    """
    if isinstance(freq, int):
        return 1
    if isinstance(freq, Tick) and not isinstance(freq, Day):
        step = freq.nanos
        minute = 60 * NANOSECONDS["s"]
        cycle = DAY.value if step >= minute else minute if step >= minute // 60 else minute // 60
    else:
        step = freq.n
        cycle = _CYCLES.get(freq.base.freqstr.split("-")[0], 1)
    return cycle // step if cycle % step == 0 else 1


def default_input_length(season_length: int, horizon: int, rows: int) -> int:
    """Steps of history that a network is given, where its user does not say.

    Three seasons or three horizons, whichever is more, in whole seasons; but no more than a third
    of the rows, so that there is something to learn from, and never less than a season.
    """
    wanted = -(-3 * max(season_length, horizon) // season_length)
    return season_length * max(min(wanted, rows // 3 // season_length), 1)


def stride_over_seasons(least: int, season_length: int, horizon: int) -> int:
    """The smallest stride from `least` on whose forecasts meet every phase of a season."""
    stride = least
    while math.gcd(stride, season_length) > horizon:
        stride += 1
    return stride


def is_integer(times: pd.Index) -> bool:
    """Whether times are integers, for which a step is an int too."""
    return pd.api.types.is_integer_dtype(times.dtype)


def freq_name(freq: Freq) -> str | int:
    """What a step is called, and what `as_freq` makes it again from."""
    return freq if isinstance(freq, int) else freq.freqstr


def as_numbers(times: pd.Index) -> np.ndarray:
    """Times as int64 in their own order; a view."""
    return times.to_numpy(np.int64) if is_integer(times) else times.asi8


def cast_like(starts: pd.Index, times: pd.Index) -> pd.Index:
    """Times of the kind of `starts` in its unit and time zone; parts of a unit are cut off."""
    if isinstance(starts, pd.DatetimeIndex) and isinstance(times, pd.DatetimeIndex):
        if (times.tz is None) == (starts.tz is None):
            times = times if starts.tz is None else times.tz_convert(starts.tz)
            return times.as_unit(starts.unit)
    elif is_integer(starts) and pd.api.types.is_numeric_dtype(times.dtype):
        return times.astype(np.int64)
    elif isinstance(starts, pd.PeriodIndex) and times.dtype == starts.dtype:
        return times
    raise TypeError(
        f"Times must be of the kind of the data, {starts.dtype}. Received: {times.dtype}, e.g. "
        f"{shortlist(times[:2])}. Convert them, e.g. `frame.tz_localize` or `frame.to_period`."
    )


def index_like(starts: pd.Index, time: object) -> pd.Index | None:
    """`time` as an index of the kind, unit and time zone of `starts`, if it can be."""
    if isinstance(starts, pd.PeriodIndex):
        return pd.PeriodIndex([pd.Period(time, freq=starts.freq)])
    if is_integer(starts):
        return pd.Index([time], dtype=np.int64) if isinstance(time, Integral) else None
    stamp = pd.Timestamp(time)
    if stamp.tz is None:
        stamp = stamp.tz_localize(starts.tz, ambiguous=True, nonexistent="shift_forward")
    elif starts.tz is not None:
        stamp = stamp.tz_convert(starts.tz)
    index = pd.DatetimeIndex([stamp]).as_unit(starts.unit)
    return index if index[0] == stamp else None


def shortlist(items: Collection[object], count: int | None = None) -> str:
    """Up to five of the items, then how many more of `count` there are; None counts the items."""
    count = len(items) if count is None else count
    more = f" and {count - 5} more" if count > 5 else ""
    return ", ".join(str(item) for item in islice(items, 5)) + more


def moments(times: pd.Index, ids: pd.Index | None = None, count: int | None = None) -> str:
    """Up to five times, each with its id where there are ids; then how many more of `count`."""
    count, names = len(times) if count is None else count, [str(time) for time in times[:5]]
    if ids is not None:
        labels = ids[:5].tolist()  # Python's own, because NumPy's call themselves np.int64(3)
        names = [f"({label!r}, {name})" for label, name in zip(labels, names, strict=True)]
    return shortlist(names, count)


def _offset(freq: object) -> BaseOffset | None:
    """The offset of this name; None if pandas knows none."""
    try:
        return to_offset(freq)
    except (ValueError, TypeError):
        return None


def _period_offset(freq: object) -> BaseOffset | None:
    """Periods say "M" where datetimes say "ME", and both have the same offset."""
    try:
        return pd.PeriodDtype(freq).freq
    except (ValueError, TypeError):
        return _offset(freq)
