"""Features of time: where each time stands in its day, week, month and year, and holidays.

Who owns what:

* `_CYCLES` says what each feature is, in integer arithmetic that NumPy and TensorFlow share.
* `TimeFeatures` makes numbers of times, by the same lines for pandas and inside a graph. All that
  they need is in it as plain data: neither time zones nor holidays are looked up again.
* `as_time_features` reads what a user asked for, and looks those up for the years 1900 to 2099.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.time_grid import Freq, is_integer, shortlist

_YEARS = range(1900, 2100)
_DAY = 86_400  # seconds
_IN_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_HOLIDAYS = "holidays:"


def _first_day(month):
    """Days from 1970-01-01 to the first of a month; months are counted from March of year 0.

    Years from March to February have their leap day last, so that it moves no month.

    Source: Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
    """
    year = month // 12
    leap_days = year // 4 - year // 100 + year // 400
    return 365 * year + leap_days + (153 * (month % 12) + 2) // 5 - 719_468


def _month(day):
    """The month in which a day since 1970-01-01 lies, counted as in `_first_day`."""
    era, day = (day + 719_468) // 146_097, (day + 719_468) % 146_097  # an era is 400 years
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day_of_year = day - (365 * year + year // 4 - year // 100)
    return 12 * (400 * era + year) + (5 * day_of_year + 2) // 153


def _in_month(day):
    month = _month(day)
    return day - _first_day(month), _first_day(month + 1) - _first_day(month)


def _in_year(day):
    month = _month(day)
    january = month - (month + 2) % 12
    return day - _first_day(january), _first_day(january + 12) - _first_day(january)


def _in_weeks_of_year(day):
    place, length = _in_year(day - (day + 3) % 7 + 3)  # a week is of the year of its Thursday
    return place // 7, place // 7 + 1 + (length - 1 - place) // 7


# Name -> place in the cycle, counted from 0, and length of the cycle. They are made from the local
# day since 1970-01-01, which was a Thursday, and the second in it: int64 arrays or tensors.
_CYCLES: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "hour": lambda day, second: (second, _DAY),
    "day_of_week": lambda day, second: ((day + 3) % 7, 7),
    "day_of_month": lambda day, second: _in_month(day),
    "day_of_year": lambda day, second: _in_year(day),
    "week": lambda day, second: _in_weeks_of_year(day),
    "month": lambda day, second: ((_month(day) + 2) % 12, 12),
}
_YEAR = 365.25  # days
# Days that a step is shorter than -> the cycles that it can show, with their days.
_CYCLES_OF_STEP = (
    (1, {"hour": 1, "day_of_week": 7, "day_of_year": _YEAR}),
    (7, {"day_of_week": 7, "day_of_year": _YEAR}),
    (28, {"week": _YEAR}),
    (360, {"month": _YEAR}),
)


@dataclass(frozen=True)
class TimeFeatures:
    """Numbers of times, the same from pandas and inside a TensorFlow graph.

    Made by `as_time_features`. A cyclic feature is two numbers, so that the end of a cycle lies
    next to its beginning; a holiday is one number, 1 on that day and 0 on others:

        sin(2π place / length), cos(2π place / length)

        name            place, from 0               length
        hour            second of the day           86400
        day_of_week     day, Monday is 0            7
        day_of_month    day                         days of this month
        day_of_year     day                         days of this year
        week            ISO week of its ISO year    52 or 53, weeks of this ISO year
        month           month                       12
        holidays:DE     a country by its ISO 3166 code; holidays:DE-BY for a part of it

    Args:
        names: the features, in the order of their numbers; all are of local time.
        transitions: unix seconds at which the clocks of the zone change, rising.
        offsets: seconds that local time is ahead of UTC before the first transition, between
            them and after the last. Years before 1900 and from 2100 on take the nearest one.
        holidays: each name of holidays with its days since 1970-01-01, rising. There are none
            before 1900, from 2100 on, and in years that the package `holidays` does not know.
    """

    names: tuple[str, ...] = ()
    transitions: tuple[int, ...] = ()
    offsets: tuple[int, ...] = (0,)
    holidays: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.names)

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of every number: "hour_sin", "hour_cos", "holidays:DE"."""
        ends = {name: ("_sin", "_cos") if name in _CYCLES else ("",) for name in self.names}
        return tuple(name + end for name in self.names for end in ends[name])

    @property
    def width(self) -> int:
        """Numbers per time."""
        return len(self.columns)

    def of(self, times: pd.Index) -> np.ndarray:
        """(N,) times, as `unix_seconds` takes them -> (N, width) float32."""
        if not self:
            return np.zeros((len(times), 0), np.float32)  # of integers too
        return np.stack(self._numbers(unix_seconds(times), np, np.take), axis=-1, dtype=np.float32)

    def of_seconds(self, seconds: Any) -> Any:
        """Unix seconds, an int64 tensor (...) -> float32 tensor (..., width).

        Runs eagerly, in a graph that is saved, and under XLA; within 1e-6 of what `of` gives.
        """
        import tensorflow as tf

        numbers = self._numbers(tf.reshape(seconds, [-1]), tf, tf.gather)
        stacked = tf.stack([tf.cast(number, tf.float32) for number in numbers] or [[]], axis=-1)
        return tf.reshape(stacked, tf.concat([tf.shape(seconds), [self.width]], axis=0))

    def _numbers(self, seconds: Any, xp: ModuleType, take: Callable[[Any, Any], Any]) -> list[Any]:
        """(N,) seconds -> `width` times (N,), by the functions of `xp`, NumPy or TensorFlow."""
        passed = xp.searchsorted(np.array(self.transitions, np.int64), seconds, side="right")
        local = seconds + take(np.array(self.offsets, np.int64), passed)
        day, second = local // _DAY, local % _DAY
        numbers = []
        for name in self.names:
            if name in _CYCLES:
                place, length = _CYCLES[name](day, second)
                angle = math.tau * (place / length)  # float64
                numbers += [xp.sin(angle), xp.cos(angle)]
            else:
                days = np.array(dict(self.holidays)[name], np.int64)
                until = xp.searchsorted(days, day, side="right")
                numbers.append(until - xp.searchsorted(days, day, side="left"))  # 1 or 0
        return numbers

    def to_plain(self) -> dict[str, Any]:
        """Plain data for JSON; `from_plain` is the way back."""
        return {
            "names": list(self.names),
            "transitions": list(self.transitions),
            "offsets": list(self.offsets),
            "holidays": {name: list(days) for name, days in self.holidays},
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> TimeFeatures:
        """The features that `to_plain` wrote."""
        return cls(
            names=tuple(plain["names"]),
            transitions=tuple(plain["transitions"]),
            offsets=tuple(plain["offsets"]),
            holidays=tuple((name, tuple(days)) for name, days in plain["holidays"].items()),
        )


def as_time_features(value: Any, times: pd.Index) -> TimeFeatures:
    """The features that `value` asks for, in the time zone of `times`.

    Your own functions of the times are computed outside and passed as future covariates.

    Args:
        value: a name or a list of names as in `TimeFeatures`, or None for no features. For "auto"
            pass what `default_time_features` gives.
        times: (N,) times of the data; without a zone they count as UTC.

    Raises:
        ValueError: if features are named and times are integers; and as `check_time_features`.

    Example:
        >>> days = pd.date_range("2024-12-24", periods=3, freq="D", tz="Europe/Berlin")
        >>> features = as_time_features(["day_of_week", "holidays:DE"], days)
        >>> features.columns
        ('day_of_week_sin', 'day_of_week_cos', 'holidays:DE')
        >>> features.of(days).round(2)
        array([[ 0.78,  0.62,  0.  ],
               [ 0.97, -0.22,  1.  ],
               [ 0.43, -0.9 ,  1.  ]], dtype=float32)
    """
    check_time_features(value)
    names = _as_names(value)
    if not names:
        return TimeFeatures()
    if is_integer(times):
        raise ValueError(
            f"`time_features` must be 'auto' or None for integer times. Received: "
            f"time_features={value!r}. Set a DatetimeIndex, or compute them outside and pass them "
            f"as future covariates."
        )
    holidays = tuple((name, _holiday_table(name)) for name in names if name not in _CYCLES)
    return TimeFeatures(names, *_zone_tables(getattr(times, "tz", None)), holidays)


def check_time_features(value: Any) -> None:
    """`value` is "auto", None, a name or a list of names, each there once.

    Raises:
        TypeError: if it is anything else, such as a function.
        ValueError: if a name or a country is unknown, or a name there twice.
        ImportError: if holidays are asked for and the package `holidays` is not installed.
    """
    names = _as_names(value)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"`time_features` must be 'auto', None, or a list of names. Received: "
            f"time_features={value!r}. Compute functions of the times outside, and pass them as "
            f"future covariates."
        )
    if names == ("auto",):
        return
    unknown = [name for name in names if name not in _CYCLES and not name.startswith(_HOLIDAYS)]
    if unknown:
        known = [*_CYCLES, f"{_HOLIDAYS}DE"]
        close = [near for name in unknown[:5] for near in get_close_matches(name, known, n=1)]
        raise ValueError(
            f"`time_features` must be 'auto', None, or a list of names. Received: unknown "
            f"{shortlist(unknown)}. "
            + (f"Did you mean {shortlist(close)}? " if close else "")
            + f"The names are {', '.join(known)} and so on for other countries."
        )
    if len(set(names)) < len(names):
        raise ValueError(
            f"`time_features` must name every feature once. Received: time_features={value!r}. "
            f"Drop the repeated names."
        )
    for name in names:
        if name not in _CYCLES:
            _holiday_table(name)


def default_time_features(freq: Freq, input_length: int, rows: int) -> tuple[str, ...]:
    """What "auto" means: the cycles that a window is too short to show, if the data show them.

    A network sees by itself where in a cycle it stands when its window holds one. A longer cycle
    must be told, and can be learned where the data hold it twice. Hour, day of the week and day of
    the year are asked for steps below a day, the last two for days, week for weeks and month for
    months and quarters.

    Args:
        freq: the step of the times.
        input_length: steps of history that a window holds.
        rows: steps that the longest series has.

    Example:
        >>> default_time_features(pd.offsets.Hour(), input_length=72, rows=8760)
        ('day_of_week',)
    """
    if isinstance(freq, int):
        return ()
    first = freq.rollforward(pd.Timestamp("2001-01-01"))  # a Monday
    step = (first + freq - first) / pd.Timedelta(days=1)
    cycles = next((cycles for limit, cycles in _CYCLES_OF_STEP if step < limit), {})
    return tuple(
        name for name, days in cycles.items() if input_length * step < days <= rows * step / 2
    )


def unix_seconds(times: pd.Index) -> np.ndarray:
    """Whole seconds from 1970-01-01 UTC, rounded down, (N,) int64.

    Args:
        times: (N,) DatetimeIndex of any unit and zone, or PeriodIndex, whose starts are taken;
            what has no zone counts as UTC.

    Raises:
        TypeError: if the times are of another kind.
    """
    if isinstance(times, pd.PeriodIndex):
        return times.asfreq("s", how="start").asi8
    if isinstance(times, pd.DatetimeIndex):
        return times.asi8 // _IN_A_SECOND[times.unit]
    raise TypeError(
        f"`times` must be datetimes or periods. Received: {times.dtype}. Set a DatetimeIndex."
    )


def _as_names(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _zone_tables(zone: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """`transitions` and `offsets` of a zone, as pandas knows them."""

    def offsets_at(seconds):
        utc = pd.DatetimeIndex(seconds.view("M8[s]")).tz_localize("UTC")
        return utc.tz_convert(zone).tz_localize(None).asi8 - seconds

    days = np.arange(str(_YEARS.start), str(_YEARS.stop), dtype="M8[D]").astype(np.int64) * _DAY
    offsets = offsets_at(days)
    changes = np.flatnonzero(np.diff(offsets))
    before, after = days[changes], days[changes + 1]
    for _ in range(_DAY.bit_length()):  # halves the day in which the clocks change to a second
        middle = (before + after) // 2
        unchanged = offsets_at(middle) == offsets[changes]
        before, after = np.where(unchanged, middle, before), np.where(unchanged, after, middle)
    return tuple(after.tolist()), tuple(offsets[[0, *(changes + 1)]].tolist())


@cache
def _holiday_table(name: str) -> tuple[int, ...]:
    """Days since 1970-01-01 that are holidays."""
    try:
        import holidays
    except ImportError as error:
        raise ImportError(
            f"`time_features` needs the package `holidays`. Received: {name!r}. Run: "
            f"pip install 'keras-forecaster[holidays]'"
        ) from error
    country, _, part = name.removeprefix(_HOLIDAYS).partition("-")
    known = holidays.list_supported_countries()
    if country not in known or (part and part not in known[country]):
        raise ValueError(
            f"`time_features` must name a country, or a part of one, that the package `holidays` "
            f"knows. Received: {name!r}. Write e.g. 'holidays:DE' or 'holidays:DE-BY'; "
            f"`holidays.list_supported_countries()` lists both."
        )
    found = holidays.country_holidays(country, subdiv=part or None, years=_YEARS)
    return tuple(np.sort(np.array([*found], "M8[D]").astype(np.int64)).tolist())
