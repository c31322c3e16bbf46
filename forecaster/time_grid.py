"""Regular grids of times: which step a set of times has, and which time lies on which position.

Three kinds of step, each with its own arithmetic:

* integers, periods and fixed spans ("h", "15min") are counted on a line of int64 numbers, which for
  datetimes is absolute time;
* days and weeks are counted on the same line of *local* time, so that daily data keep their hour
  when the clocks change;
* every other calendar step ("MS", "QE", "B") is left to `pandas.date_range`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from numbers import Integral
from operator import itemgetter

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset
from pandas.tseries.offsets import BaseOffset, Day, Hour, Tick, Week

Freq = BaseOffset | int

_DAY = pd.Timedelta(days=1)
_CHUNK = 1 << 16  # rows looked at together: checks of a long frame need no memory of its size
_MAX_THINNING = 100  # a grid this many times longer than the data is a mistake in the times
_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_CYCLES = {  # steps in a year, or in a week for days
    **dict.fromkeys(("QS", "QE", "BQS", "BQE"), 4),
    **dict.fromkeys(("MS", "ME", "BMS", "BME", "CBMS", "CBME", "WOM", "LWOM"), 12),
    **dict.fromkeys(("SMS", "SME"), 24),
    **{"W": 52, "D": 7, "B": 5, "C": 5},
}


@dataclass(frozen=True, eq=False)
class TimeGrid:
    """All times that lie whole steps of `freq` away from `start`, numbered from 0.

    Args:
        start: (1,) the time at position 0; an Index, because it knows kind, unit and time zone.
        freq: the step; an int where times are integers.
    """

    start: pd.Index
    freq: Freq

    def times(self, first: int, count: int) -> pd.Index:
        """The times at ``first .. first + count - 1``, with `freq` set where pandas can hold it."""
        times = self._stretch(first, count)
        if not isinstance(times, pd.DatetimeIndex) or times.freq is not None:
            return times
        # A local hour that the clocks skip makes steps uneven: pandas has no freq for those.
        is_even = (np.diff(self._numbers(times)) == self._step).all()
        return pd.DatetimeIndex(times, freq=self.freq) if is_even else times

    def positions(self, times: pd.Index) -> np.ndarray:
        """The position of every time, int64; -1 for one that is not on the grid from `start` on."""
        if self._step is None:
            grid = pd.date_range(self.start[0], times.max(), freq=self.freq, unit=self.start.unit)
            return grid.get_indexer(times)
        numbers = self._numbers(times)
        # The nearest position and not the one before: an hour that the clocks skip moves a time.
        nearest = (numbers - self._numbers(self.start) + self._step // 2) // self._step
        on_grid = (nearest >= 0) & (self._numbers(self._at(nearest)) == numbers)
        return np.where(on_grid, nearest, -1)

    def is_exactly(self, times: pd.Index) -> bool:
        """Whether `times` are the positions 0, 1, 2, ... in this order; makes no copy of them."""
        count = len(times)
        own = times.freq if isinstance(times, pd.DatetimeIndex) else None
        # By type too: pandas 2 holds a day, which is local here, and 24 hours for equal.
        if type(own) is type(self.freq) and own == self.freq and times[0] == self.start[0]:
            return True
        if self.positions(times[-1:])[0] != count - 1:
            return False
        return all(
            self._stretch(first, min(_CHUNK, count - first)).equals(times[first : first + _CHUNK])
            for first in range(0, count, _CHUNK)
        )

    @property
    def _step(self) -> int | None:
        """Distance of neighbours on the line of `_numbers`; None for other calendar steps."""
        if is_integer(self.start):
            return self.freq
        if isinstance(self.start, pd.PeriodIndex):
            return self.freq.n
        unit = _NANOSECONDS[self.start.unit]
        if isinstance(self.freq, Day | Week):  # first, because for pandas 2 a day is a Tick
            days = self.freq.n * (7 if isinstance(self.freq, Week) else 1)
            return days * _DAY.value // unit
        return self.freq.nanos // unit if isinstance(self.freq, Tick) else None

    @property
    def _is_local(self) -> bool:
        return isinstance(self.freq, Day | Week) and getattr(self.start, "tz", None) is not None

    def _numbers(self, times: pd.Index) -> np.ndarray:
        """Times as int64 on a line where the grid is even; not for calendar steps."""
        if is_integer(times):
            return times.to_numpy(np.int64)
        return times.tz_localize(None).asi8 if self._is_local else times.asi8

    def _stretch(self, first: int, count: int) -> pd.Index:
        """As `times`, without the check that setting a `freq` costs."""
        if self._step is None:
            begin = self.start[0] + first * self.freq
            return pd.date_range(begin, periods=count, freq=self.freq, unit=self.start.unit)
        if is_integer(self.start):
            begin = int(self.start[0]) + first * self.freq
            return pd.RangeIndex(begin, begin + count * self.freq, self.freq)
        return self._at(np.arange(first, first + count))

    def _at(self, positions: np.ndarray) -> pd.Index:
        """The times at these positions; not for calendar steps."""
        numbers = self._numbers(self.start) + positions * self._step
        if is_integer(self.start):
            return pd.Index(numbers)
        if isinstance(self.start, pd.PeriodIndex):
            return pd.PeriodIndex.from_ordinals(numbers, freq=self.start.freq)
        times, zone = pd.DatetimeIndex(numbers.view(f"M8[{self.start.unit}]")), self.start.tz
        if zone is None:
            return times
        if not self._is_local:
            return times.tz_localize("UTC").tz_convert(zone)
        # An hour that comes twice means its first pass, one that is skipped the hour after it.
        first_pass = np.ones(len(times), bool)
        return times.tz_localize(zone, nonexistent="shift_forward", ambiguous=first_pass)


def lay_on_grid(times: pd.Index, freq: object = None) -> tuple[TimeGrid, np.ndarray | None]:
    """Find the grid that starts at the earliest of `times`, and each time's position on it.

    Args:
        times: (N,) DatetimeIndex, PeriodIndex or integer Index without NaT, in any order, N > 0.
        freq: an alias, an offset, or an int for integers; None finds it.

    Returns:
        The grid, and (N,) int64 positions; None where `times` is the grid already.

    Raises:
        ValueError: if `freq` is no step for these times or cannot be found, a time stands twice,
            or one does not lie on the grid.
    """
    known = _own_freq(times) if freq is None else as_freq(freq, times)
    if isinstance(known, Tick) and isinstance(times, pd.DatetimeIndex):
        is_finer = known.nanos % _NANOSECONDS[times.unit] > 0  # half a second, in whole seconds
        times = times.as_unit("ns") if is_finer else times
    for step in _first_steps(times) if known is None else [known]:
        grid = TimeGrid(times[:1], step)
        if _can_start(step, times[0]) and grid.is_exactly(times):
            return grid, None
    _reject_duplicates(times, times.duplicated())
    step = infer_freq(times.sort_values()) if known is None else known
    start = times[[times.argmin()]]
    if isinstance(start, pd.DatetimeIndex):  # an earliest time off the grid is named, not followed
        start = pd.DatetimeIndex([step.rollback(start[0])]).as_unit(times.unit)
    grid = TimeGrid(start, step)
    positions = grid.positions(times)
    if (positions < 0).any():
        raise ValueError(
            f"`freq` must be a step that every time lies on. Received: freq={freq_name(step)!r}"
            f"{' (most times share it)' if freq is None else ''}, counted from {start[0]}; off the "
            f"grid: {shortlist(times[positions < 0])}. Correct or drop these times, give another "
            f"`freq`{'' if freq is None else ' or none'}, or use `frame.to_period('M')` where any "
            f"day stands for its month."
        )
    _reject_duplicates(times, pd.Index(positions).duplicated())  # both passes of one local hour
    length = int(positions.max()) + 1
    if length > _MAX_THINNING * max(len(times), 10_000):
        raise ValueError(
            f"`frame` must fill a fair part of its grid. Received: {len(times)} rows from "
            f"{times.min()} to {times.max()}, which are {length} steps of {freq_name(step)!r}. "
            f"Drop the times that lie far off, or give a longer `freq`."
        )
    is_in_order = length == len(times) and np.array_equal(positions, np.arange(length))
    return grid, None if is_in_order else positions


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


def infer_freq(times: pd.DatetimeIndex) -> BaseOffset:
    """The step that most neighbours in `times` share; they are sorted, each there once.

    Gapless times are left to pandas. Otherwise each kind of step counts the neighbours that lie
    exactly one such step apart, and the kind with most of them wins if that is more than half.
    """
    share, freq = 0.0, None
    if len(times) > 2:
        found = pd.DatetimeIndex(times, freq="infer").freq
        if found is not None:
            return found
        share, freq = max(_shares(times), key=itemgetter(0))
    if share > 0.5:
        return freq
    raise ValueError(
        f"`freq` must be given where most of the steps between times differ, or there are fewer "
        f"than three times. Received: freq=None, {len(times)} times: {shortlist(times)}. Give e.g. "
        f"'h', 'D', 'B', 'W-SUN' or 'MS'."
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
        minute = 60 * _NANOSECONDS["s"]
        cycle = _DAY.value if step >= minute else minute if step >= minute // 60 else minute // 60
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


def is_integer(times: pd.Index) -> bool:
    """Whether times are integers, for which a step is an int too."""
    return pd.api.types.is_integer_dtype(times.dtype)


def freq_name(freq: Freq) -> str | int:
    """What a step is called, and what `as_freq` makes it again from."""
    return freq if isinstance(freq, int) else freq.freqstr


def shortlist(items: Collection[object]) -> str:
    """Up to five of the items, then how many more there are."""
    more = f" and {len(items) - 5} more" if len(items) > 5 else ""
    return ", ".join(str(item) for item in islice(items, 5)) + more


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


def _reject_duplicates(times: pd.Index, duplicated: np.ndarray) -> None:
    if duplicated.any():
        raise ValueError(
            f"`frame` must have every time once. Received: {duplicated.sum()} duplicated rows, at "
            f"{shortlist(times[duplicated].unique())}. Join them, e.g. "
            f"`frame.groupby(level=0).mean()`; where series stand below each other, give each a "
            f"column by `frame.pivot`."
        )


def _own_freq(times: pd.Index) -> BaseOffset | None:
    """The step that the index itself names."""
    if is_integer(times):
        return as_freq(None, times)  # says that integers need one
    if times.freq is None or isinstance(times, pd.PeriodIndex):
        return times.freq
    return as_freq(times.freq * int(np.sign(times.freq.n)), times)  # negative in a reversed index


def _first_steps(times: pd.DatetimeIndex) -> Iterator[BaseOffset]:
    """What the first two times suggest, where months and quarters cannot be meant."""
    if len(times) > 2 and pd.Timedelta(0) < times[1] - times[0] < 28 * _DAY:
        wall = times[:2].tz_localize(None)
        if not (wall[1] - wall[0]) % _DAY:
            yield _days(wall[1] - wall[0], wall[0])
        yield _span(times[1] - times[0])


def _days(gap: pd.Timedelta, first: pd.Timestamp) -> BaseOffset:
    days = gap // _DAY
    return Day(days) if days % 7 else Week(days // 7, weekday=first.weekday())


def _span(gap: pd.Timedelta) -> BaseOffset:
    hours, rest = divmod(gap, pd.Timedelta(hours=1))
    # Not to_offset for whole hours: pandas 2 would make a local day of 24.
    return to_offset(gap) if rest else Hour(hours)


def _can_start(freq: Freq, time: object) -> bool:
    """Whether a grid of this step can start here: one of "W-SUN" only on a Sunday."""
    return not isinstance(time, pd.Timestamp) or freq.is_on_offset(time)


def _shares(times: pd.DatetimeIndex) -> Iterator[tuple[float, BaseOffset]]:
    """Each kind of step with the share of neighbours one such step apart, the first ones first."""
    wall = times.tz_localize(None)
    days = wall.normalize()
    keep_the_hour = (wall - days == wall[0] - days[0]).all()
    if keep_the_hour:
        months = wall.year.to_numpy(np.int64) * 12 + wall.month.to_numpy()
        step, equal = _middle(np.diff(months))
        for anchored, letter in ((wall.is_month_start, "S"), (wall.is_month_end, "E")):
            if step > 0 and anchored.any():
                pairs = anchored[1:] & anchored[:-1] & equal
                yield pairs.mean(), _months(step, wall[anchored][0], letter)
    step, equal = _middle(np.diff(days.asi8))
    if step > 0:
        yield equal.mean(), _days(pd.Timedelta(step * _NANOSECONDS[days.unit]), wall[0])
    step, equal = _middle(np.diff(times.asi8))
    yield equal.mean(), _span(pd.Timedelta(step * _NANOSECONDS[times.unit]))
    if keep_the_hour:
        dates = days.to_numpy().astype("M8[D]")
        working = np.is_busday(dates)
        pairs = working[1:] & working[:-1] & (np.busday_count(dates[:-1], dates[1:]) == 1)
        yield pairs.mean(), to_offset("B")


def _middle(steps: np.ndarray) -> tuple[int, np.ndarray]:
    """The median, which is the step that more than half share if one is, and who shares it."""
    middle = np.partition(steps, len(steps) // 2)[len(steps) // 2]
    return int(middle), steps == middle


def _months(step: int, first: pd.Timestamp, letter: str) -> BaseOffset:
    if step % 12 == 0:
        return step // 12 * to_offset(f"Y{letter}-{first.strftime('%b').upper()}")
    if step % 3 == 0:
        return step // 3 * to_offset(f"Q{letter}-{first.strftime('%b').upper()}")
    return step * to_offset(f"M{letter}")
