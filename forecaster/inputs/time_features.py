"""Time features: the position of each time in its day, week, month and year, and holidays.

Who owns what:

* `_CYCLES` defines each feature, in integer arithmetic that NumPy and TensorFlow share.
* `TimeFeatures` computes the features, by the same code for pandas and inside a graph. Time zones
  and holidays are stored in it as numbers, so that neither is looked up again.
* `as_time_features` resolves the user's choice, and looks those up for the years 1900 to 2099.
* `default_time_features` resolves "auto" on the step and the length of the data.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.messages import shortlist
from forecaster.data.time_grid import Freq, is_integer
from forecaster.inputs.spec import Tensor

Days = Any  # or months: an int64 array or tensor of them

_YEARS = range(1900, 2100)
_DAY = 86_400  # seconds
_IN_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_HOLIDAYS = "holidays:"


def _first_day(month: Days) -> Days:
    """Count the days from 1970-01-01 to the first of a month, a number from March of year 0 on.

    Years from March to February have their leap day last, so that it moves no month.

    Source: Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
    """
    year = month // 12
    leap_days = year // 4 - year // 100 + year // 400
    return 365 * year + leap_days + (153 * (month % 12) + 2) // 5 - 719_468


def _month(day: Days) -> Days:
    """Return the month of a day since 1970-01-01, a number as in `_first_day`."""
    era, day = (day + 719_468) // 146_097, (day + 719_468) % 146_097  # an era is 400 years
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day_of_year = day - (365 * year + year // 4 - year // 100)
    return 12 * (400 * era + year) + (5 * day_of_year + 2) // 153


def _in_month(day: Days) -> tuple[Days, Days]:
    month = _month(day)
    return day - _first_day(month), _first_day(month + 1) - _first_day(month)


def _in_year(day: Days) -> tuple[Days, Days]:
    month = _month(day)
    january = month - (month + 2) % 12
    return day - _first_day(january), _first_day(january + 12) - _first_day(january)


def _in_weeks_of_year(day: Days) -> tuple[Days, Days]:
    position, length = _in_year(day - (day + 3) % 7 + 3)  # a week is of the year of its Thursday
    return position // 7, position // 7 + 1 + (length - 1 - position) // 7


# Name -> position in the cycle, counted from 0, and length of the cycle, from the local day since
# 1970-01-01, which was a Thursday, and the second in it: int64 arrays or tensors.
_CYCLES: dict[str, Callable[[Days, Any], tuple[Any, Any]]] = {
    "hour": lambda day, second: (second, _DAY),
    "day_of_week": lambda day, second: ((day + 3) % 7, 7),
    "day_of_month": lambda day, second: _in_month(day),
    "day_of_year": lambda day, second: _in_year(day),
    "week": lambda day, second: _in_weeks_of_year(day),
    "month": lambda day, second: ((_month(day) + 2) % 12, 12),
}
_YEAR = 365.25  # days
# Bound below which a step lies, in days -> the cycles that it can resolve, with their days.
_CYCLES_OF_STEP: tuple[tuple[int, dict[str, float]], ...] = (
    (1, {"hour": 1, "day_of_week": 7, "day_of_year": _YEAR}),
    (7, {"day_of_week": 7, "day_of_year": _YEAR}),
    (28, {"week": _YEAR}),
    (360, {"month": _YEAR}),
)


@dataclass(frozen=True)
class TimeFeatures:
    """Calendar features of times, the same from pandas and inside a TensorFlow graph.

    Made by `as_time_features`. A cyclic feature is two numbers, so that the end of a cycle lies
    next to its beginning; a holiday is one number, 1 on that day and 0 on others:

        sin(2π position / length), cos(2π position / length)

        name            position, from 0            length
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
        """Return the name of each column: "hour_sin", "hour_cos", "holidays:DE"."""
        ends = {name: ("_sin", "_cos") if name in _CYCLES else ("",) for name in self.names}
        return tuple(name + end for name in self.names for end in ends[name])

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return len(self.columns)

    def of(self, times: pd.Index) -> np.ndarray:
        """Compute the features of (N,) times, as in `unix_seconds`: (N, width) float32."""
        if not self:
            return np.zeros((len(times), 0), np.float32)  # for integer times too
        return np.stack(self._numbers(unix_seconds(times), np, np.take), axis=-1, dtype=np.float32)

    def of_seconds(self, seconds: Tensor) -> Tensor:
        """Compute the features of unix seconds: int64 tensor (...) -> float32 tensor (..., width).

        Runs eagerly, in a saved graph, and under XLA; within 1e-6 of the result of `of`.
        """
        import tensorflow as tf

        numbers = self._numbers(tf.reshape(seconds, [-1]), tf, tf.gather)
        stacked = tf.stack([tf.cast(number, tf.float32) for number in numbers] or [[]], axis=-1)
        return tf.reshape(stacked, tf.concat([tf.shape(seconds), [self.width]], axis=0))

    def local_seconds(self, seconds: Tensor) -> Tensor:
        """Return what clocks of the zone show, as seconds since 1970: int64 (...) -> (...)."""
        import tensorflow as tf

        local = self._local(tf.reshape(seconds, [-1]), tf, tf.gather)
        return tf.reshape(local, tf.shape(seconds))

    def _local(self, seconds: Any, xp: ModuleType, take: Callable[[Any, Any], Any]) -> Any:
        passed = xp.searchsorted(np.array(self.transitions, np.int64), seconds, side="right")
        return seconds + take(np.array(self.offsets, np.int64), passed)

    def _numbers(self, seconds: Any, xp: ModuleType, take: Callable[[Any, Any], Any]) -> list[Any]:
        """Compute each column of (N,) seconds with the functions of `xp`, NumPy or TensorFlow."""
        local = self._local(seconds, xp, take)
        day, second = local // _DAY, local % _DAY
        numbers = []
        for name in self.names:
            if name in _CYCLES:
                position, length = _CYCLES[name](day, second)
                angle = math.tau * (position / length)  # float64
                numbers += [xp.sin(angle), xp.cos(angle)]
            else:
                days = np.array(dict(self.holidays)[name], np.int64)
                until = xp.searchsorted(days, day, side="right")
                numbers.append(until - xp.searchsorted(days, day, side="left"))  # 1 or 0
        return numbers

    def to_json(self) -> dict[str, Any]:
        """Serialize to JSON-compatible values; `from_json` is the way back."""
        return {
            "names": list(self.names),
            "transitions": list(self.transitions),
            "offsets": list(self.offsets),
            "holidays": {name: list(days) for name, days in self.holidays},
        }

    def check(self) -> None:
        """Check that the tables of zones and holidays belong to the names.

        Raises:
            ValueError: if they do not, as in a damaged file.
        """
        holidays = {name for name in self.names if name not in _CYCLES}
        if len(set(self.names)) < len(self.names) or holidays != {*dict(self.holidays)}:
            raise ValueError(f"time features {shortlist(self.names)} must be known, each once")
        tables = [self.transitions, *(days for _, days in self.holidays)]
        is_rising = all(a < b for table in tables for a, b in pairwise(table))
        if not is_rising or len(self.offsets) != len(self.transitions) + 1:
            raise ValueError("the times of a zone's changes and the days of holidays must rise")

    @classmethod
    def from_json(cls, described: dict[str, Any]) -> TimeFeatures:
        """Return the features that `to_json` described."""
        return cls(
            names=tuple(described["names"]),
            transitions=tuple(described["transitions"]),
            offsets=tuple(described["offsets"]),
            holidays=tuple((name, tuple(days)) for name, days in described["holidays"].items()),
        )


def as_time_features(value: Any, times: pd.Index) -> TimeFeatures:
    """Return the features that `value` names, in the time zone of `times`.

    Your own functions of the times are computed outside and passed as future covariates.

    Args:
        value: a name or a list of names as in `TimeFeatures`, or None for no features. For "auto"
            pass the result of `default_time_features`.
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
    """Check that `value` is "auto", None, a name or a list of names, each of them once.

    Raises:
        TypeError: if it is anything else, such as a function.
        ValueError: if a name or a country is unknown, or a name occurs twice.
        ImportError: if holidays are named and the package `holidays` is not installed.
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
    """Resolve "auto": the cycles that are longer than a window and occur twice in the data.

    A network infers its position in a cycle from a window that holds a whole one. The position in a
    longer cycle must be an input, and its effect can be learned where the data hold the cycle
    twice. The candidates are hour, day of the week and day of the year for steps below a day, the
    last two for days, week for weeks, and month for months and quarters.

    Args:
        freq: the step of the times.
        input_length: steps of history in a window.
        rows: steps of the longest series.

    Example:
        >>> default_time_features(pd.offsets.Hour(), input_length=72, rows=8760)
        ('day_of_week',)
    """
    if isinstance(freq, int):
        return ()
    first = freq.rollforward(pd.Timestamp("2001-01-01"))  # a Monday
    step = (first + freq - first) / pd.Timedelta(days=1)
    cycles = next((cycles for bound, cycles in _CYCLES_OF_STEP if step < bound), {})
    return tuple(
        name for name, days in cycles.items() if input_length * step < days <= rows * step / 2
    )


def unix_seconds(times: pd.Index) -> np.ndarray:
    """Convert times to whole seconds from 1970-01-01 UTC, rounded down, (N,) int64.

    Args:
        times: (N,) DatetimeIndex of any unit and zone, or PeriodIndex, whose starts are used;
            times without a zone count as UTC.

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
    """Return `transitions` and `offsets` of a zone, as pandas knows them."""

    def offsets_at(seconds: np.ndarray) -> np.ndarray:
        utc = pd.DatetimeIndex(seconds.view("M8[s]")).tz_localize("UTC")
        return utc.tz_convert(zone).tz_localize(None).asi8 - seconds

    days = np.arange(str(_YEARS.start), str(_YEARS.stop), dtype="M8[D]").astype(np.int64) * _DAY
    offsets = offsets_at(days)
    changes = np.flatnonzero(np.diff(offsets))
    before, after = days[changes], days[changes + 1]
    for _ in range(_DAY.bit_length()):  # bisects the day in which the clocks change, to a second
        middle = (before + after) // 2
        unchanged = offsets_at(middle) == offsets[changes]
        before, after = np.where(unchanged, middle, before), np.where(unchanged, after, middle)
    return tuple(after.tolist()), tuple(offsets[[0, *(changes + 1)]].tolist())


@cache
def _holiday_table(name: str) -> tuple[int, ...]:
    """Look up the holidays of a country or a part of it, as days since 1970-01-01."""
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
