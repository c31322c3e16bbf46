"""Regular grids of times, and the conversion between times and positions on them.

Three kinds of step, each with its own arithmetic:

* integers, periods and fixed spans ("h", "15min") are counted on a line of int64 numbers, which for
  datetimes is absolute time;
* days and weeks are counted on the same line of *local* time, so that daily data keep their hour
  when the clocks change;
* every other calendar step ("MS", "QE", "B") is counted on a calendar, also in local time, that
  `pandas.date_range` writes and that all series share.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time as Clock
from datetime import tzinfo
from numbers import Integral, Number
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset
from pandas.tseries.offsets import (
    BaseOffset,
    BusinessHour,
    CustomBusinessHour,
    Day,
    Tick,
    Week,
)

from forecaster.data.messages import shortlist

Freq: TypeAlias = BaseOffset | int

DAY = pd.Timedelta(days=1)
NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}  # in a unit of datetimes
_CHUNK = 1 << 16  # rows compared at a time, so that a check needs no copy of a long frame
_CYCLES = {  # steps in a year, or in a week for days
    **dict.fromkeys(("HYS", "HYE", "BHYS", "BHYE"), 2),
    **dict.fromkeys(("QS", "QE", "BQS", "BQE", "REQ"), 4),
    **dict.fromkeys(("MS", "ME", "BMS", "BME", "CBMS", "CBME", "WOM", "LWOM"), 12),
    **dict.fromkeys(("SMS", "SME"), 24),
    **{"W": 52, "D": 7, "B": 5, "C": 5},
}


@dataclass(frozen=True, eq=False)
class TimeGrid:
    """Regular grids of one or several series: the times whole steps of `freq` after each start.

    Positions are counted from 0 at the start of each series.

    Args:
        starts: (I,) the time at position 0 of each series; an Index, which has a kind, a unit and a
            time zone. The grids of two series need not share any time, as the odd and the even
            hours of "2h"; only calendar steps are the same for all.
        freq: the step; an int for integer times.
    """

    starts: pd.Index
    freq: Freq

    def times(self, first: int, count: int, series: int = 0) -> pd.Index:
        """Return the times at ``first .. first + count - 1``, with `freq` if pandas allows it."""
        if is_integer(self.starts):
            begin = int(self.starts[series]) + first * self.freq
            return pd.RangeIndex(begin, begin + count * self.freq, self.freq)
        ordinals = self._ordinals_at(np.arange(first, first + count), series)
        times = self._from_ordinals(ordinals)
        # A local hour skipped by daylight saving time makes steps uneven: pandas has no freq then.
        is_even = (self._ordinals(times) == ordinals).all()
        if isinstance(times, pd.DatetimeIndex) and is_even:
            return pd.DatetimeIndex(times, freq=self.freq)
        return times

    def times_at(self, positions: np.ndarray, series: int | np.ndarray = 0) -> pd.Index:
        """Return the times at any positions, (K,) int64, of one series or of (K,) series."""
        return self._from_ordinals(self._ordinals_at(positions, series))

    def floor(self, times: pd.Index, series: int | np.ndarray = 0) -> np.ndarray:
        """Return the last position at or before each time, int64; negative before the start."""
        line = self._line
        begins = line.numbers(self._ordinals(self.starts))[series]
        return (line.numbers(self._ordinals(times)) - begins) // line.step

    def positions(self, times: pd.Index, series: int | np.ndarray = 0) -> np.ndarray:
        """Return the position of each time, int64; -1 off the grid or before its start."""
        floor = self.floor(times, series)
        on_grid = self._ordinals(self.times_at(floor, series)) == self._ordinals(times)
        return np.where(on_grid & (floor >= 0), floor, -1)

    def is_exactly(self, times: pd.Index) -> bool:
        """Return whether `times` are at positions 0, 1, 2, ... in this order, without a copy."""
        count = len(times)
        own = times.freq if isinstance(times, pd.DatetimeIndex) else None
        # The types must match too: in pandas 2 a day, which is local here, equals 24 hours.
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
        """Return the line of numbers on which successive positions are one step apart."""
        if isinstance(self.freq, int) or is_integer(self.starts):
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
    def is_local(self) -> bool:
        """Return whether steps are counted in the local time of a time zone."""
        is_span = isinstance(self.freq, Tick) and not isinstance(self.freq, Day)
        return not is_span and getattr(self.starts, "tz", None) is not None

    def _ordinals_at(self, positions: np.ndarray, series: int | np.ndarray) -> np.ndarray:
        """Return the ordinals at any positions of one series or of (K,) series."""
        line = self._line
        begins = line.numbers(self._ordinals(self.starts))[series]
        return line.ordinals(begins + positions * line.step)

    def _ordinals(self, times: pd.Index) -> np.ndarray:
        """Convert times to int64, of local time for days, weeks and calendar steps."""
        return as_numbers(times.tz_localize(None) if self.is_local else times)

    def _from_ordinals(self, ordinals: np.ndarray) -> pd.Index:
        """Convert int64 back to times of the kind, unit and time zone of the starts."""
        if is_integer(self.starts):
            return pd.Index(ordinals)
        if isinstance(self.starts, pd.PeriodIndex):
            return pd.PeriodIndex.from_ordinals(ordinals, freq=self.starts.freq)
        unit, zone = self.starts.unit, self.starts.tz
        times = pd.DatetimeIndex(ordinals.view(f"M8[{unit}]"))
        if zone is None:
            return times
        if not self.is_local:
            return times.tz_localize("UTC").tz_convert(zone)
        # A repeated local hour means its first pass, a skipped one the hour after it.
        first_pass = np.ones(len(times), bool)
        return times.tz_localize(zone, nonexistent="shift_forward", ambiguous=first_pass)


@dataclass(frozen=True)
class _EvenLine:
    """Line of evenly spaced times, whose numbers are their ordinals; a step is `step` of them."""

    step: int

    def numbers(self, ordinals: np.ndarray) -> np.ndarray:
        """Return the numbers of times, which are their ordinals."""
        return ordinals

    def ordinals(self, numbers: np.ndarray) -> np.ndarray:
        """Return the ordinals of numbers, which are the same."""
        return numbers


@dataclass(frozen=True)
class _Calendar:
    """Calendar of dates, numbered in their order from 0 at `origin`; a step is `step` of them."""

    origin: pd.Timestamp
    each: BaseOffset
    step: int
    unit: str

    def numbers(self, ordinals: np.ndarray) -> np.ndarray:
        """Return the number of the last date at or before each time; -1 before the origin."""
        if not len(ordinals):
            return ordinals
        last = pd.Timestamp(ordinals.max(), unit=self.unit)
        dates = pd.date_range(self.origin, last, freq=self.each, unit=self.unit)
        return dates.asi8.searchsorted(ordinals, side="right") - 1

    def ordinals(self, numbers: np.ndarray) -> np.ndarray:
        """Return the ordinals of the dates with these numbers."""
        if not len(numbers):
            return numbers
        first, last = int(numbers.min()), int(numbers.max())
        begin = self.origin + first * self.each
        dates = pd.date_range(begin, periods=last - first + 1, freq=self.each, unit=self.unit)
        return dates.asi8[numbers - first]


def as_freq(freq: object, times: pd.Index) -> Freq:
    """Convert `freq` to an offset, or to an int for integer times.

    Raises:
        ValueError: if it is no step for times of this kind, or pandas has no alias for it.
    """
    if is_integer(times):
        step = int(freq) if isinstance(freq, Integral) and not isinstance(freq, bool) else 0
        if step >= 1:
            return step
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
    """Return the usual season in steps of `freq`: 24 for "h", 12 for "MS", 7 for "D", 8 for "bh".

    The season is a year for weeks and longer steps, a week for days, a day for minutes and hours, a
    minute for seconds and a second below, and a day of business for its hours; 1 (none) where it is
    not a whole number of steps. Spans of whole days, such as "24h", count as days, and days that
    are whole weeks, such as "7D", as weeks.
    """
    if isinstance(freq, int):
        return 1
    step, cycle = freq.n, _CYCLES.get(freq.base.freqstr.split("-")[0], 1)
    if isinstance(freq, BusinessHour | CustomBusinessHour):
        hours = zip(freq.start, freq.end, strict=True)
        opened = [_seconds(end) - _seconds(start) for start, end in hours]
        step, cycle = step * 3600, sum(seconds % 86_400 or 86_400 for seconds in opened)
    elif isinstance(freq, Tick) and not isinstance(freq, Day):
        step, minute = freq.nanos, 60 * NANOSECONDS["s"]
        cycle = DAY.value if step >= minute else minute if step >= minute // 60 else minute // 60
        if step % DAY.value == 0:
            step, cycle = step // DAY.value, _CYCLES["D"]
    if cycle == _CYCLES["D"] and step % 7 == 0:
        step, cycle = step // 7, _CYCLES["W"]
    return cycle // step if cycle % step == 0 else 1


def _seconds(clock: Clock) -> int:
    """Return the seconds from midnight to a time of day."""
    return clock.hour * 3600 + clock.minute * 60


def is_integer(times: pd.Index) -> bool:
    """Return whether times are integers, whose steps are integers too."""
    return bool(pd.api.types.is_integer_dtype(times.dtype))


def freq_name(freq: Freq) -> str | int:
    """Return the alias of a step, or the int itself; `as_freq` restores the step from it."""
    return freq if isinstance(freq, int) else freq.freqstr


def as_numbers(times: pd.Index) -> np.ndarray:
    """Return times as int64 in the same order; a view."""
    return times.to_numpy(np.int64) if is_integer(times) else times.asi8


def cast_like(starts: pd.Index, times: pd.Index) -> pd.Index:
    """Convert times to the unit and time zone of `starts`; parts of a unit are cut off.

    Raises:
        TypeError: if they are of another kind.
    """
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


def index_like(
    starts: pd.Index, time: Any, zone: tzinfo | None = None, *, is_local: bool = True
) -> pd.Index | None:
    """Convert `time` to an index of the kind, unit and zone of `starts`; None if impossible.

    Args:
        starts: datetimes, periods or integers.
        time: a time, or a text that pandas parses as one.
        zone: of a time without one; None for that of `starts`.
        is_local: whether a local time that comes twice means its first pass, and one that is
            skipped the time after it; otherwise both are errors.

    Raises:
        TypeError: if `time` has a zone and `starts` have none.
        ValueError: if `time` has no zone, and comes twice or never in that of the data.
    """
    if is_integer(starts):
        fits = isinstance(time, Integral) and abs(int(time)) < 1 << 63
        return pd.Index([time], dtype=np.int64) if fits else None
    own, of_time = getattr(starts, "tz", None), _zone_of(time)
    if own is None and of_time is not None:
        raise TypeError(
            f"`time` must have no time zone where the data have none. Received: time={time!r}; the "
            f"data start at {starts[0]}. Drop its zone, e.g. `time.tz_localize(None)`."
        )
    if isinstance(time, Number):
        return None  # pandas would count nanoseconds since 1970
    try:
        if isinstance(starts, pd.PeriodIndex):
            return pd.PeriodIndex([pd.Period(time, freq=starts.freq)])
        stamp = pd.Timestamp(time)
    except (ValueError, TypeError, OverflowError):
        return None
    if own is not None and of_time is None:
        stamp = _localized(stamp, zone or own, is_local)
    stamp = stamp if own is None else stamp.tz_convert(own)
    index = pd.DatetimeIndex([stamp]).as_unit(starts.unit)
    return index if index[0] == stamp else None


def _zone_of(time: Any) -> tzinfo | None:
    """Return the zone of a time, or of a text that pandas parses as one."""
    try:
        return pd.Timestamp(time).tz
    except (ValueError, TypeError, OverflowError):
        return None


def _localized(stamp: pd.Timestamp, zone: tzinfo, is_local: bool) -> pd.Timestamp:
    """Return the moment at which the clocks of a zone show a time."""
    early = stamp.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    late = stamp.tz_localize(zone, ambiguous=False, nonexistent="shift_backward")
    if early != late and not is_local and not pd.isna(stamp):
        raise ValueError(
            f"`time` must name one moment. Received: time={str(stamp)!r}, where the clocks change "
            f"in {str(zone)!r}. Give it with its offset from UTC, e.g. {str(early)!r}."
        )
    return early


def _offset(freq: object) -> BaseOffset | None:
    """Return the offset of this name; None if pandas has none."""
    try:
        return to_offset(freq)
    except (ValueError, TypeError):
        return None


def _period_offset(freq: object) -> BaseOffset | None:
    """Return the offset of a name of periods, as "M", or of datetimes, as "ME"."""
    try:
        return pd.PeriodDtype(freq).freq
    except (ValueError, TypeError):
        return _offset(freq)
