"""Reader of times: what a column or an index holds becomes datetimes, periods or int64 numbers.

Texts are read in ISO 8601 only, because 01/02/2024 is in January or in February. Whatever looks
like times of another form is refused, and the error has the line of Python that converts it.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from forecaster.data.messages import shortlist
from forecaster.data.time_grid import NANOSECONDS, is_integer

_PARSED = ("string", "date", "datetime", "datetime64")  # kinds of values that pandas reads
_OFFSET = r"\d:\d\d.*?(Z|[+-]\d\d(?::?\d\d)?)$"  # from UTC, at the end of a time of day
_DATES = ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y-%d-%m", "%Y/%d/%m"]
_DATES += ["%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d", "%y/%m/%d"]
_DATES += ["%Y%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%y", "%Y %b", "%d %b %Y", "%d-%b-%Y"]
_DATES += ["%d-%b-%y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%d%b%Y", "%YM%m", "%Y-%j"]
_CLOCKS = ["", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S.%f"]
_PERIODS = {  # texts of quarters and weeks -> what reads them
    r"\d{4}-?Q[1-4]": "pd.PeriodIndex({}, freq='Q')",
    r"\d{4}-W\d\d": "pd.to_datetime({} + '-1', format='%G-W%V-%u')",
}
_WHOLE = "{}.astype('int64')"
_YEARS = (1500, 2299)  # of numbers that are taken for years
# Two digits each, after the year, of numbers like 20240131: month, day, hour, minute, second.
_DIGITS = [(1, 12), (1, 31), (0, 23), (0, 59), (0, 59)]
_PARTS = {  # digits after the year -> name of the numbers, first and last part, what reads them
    1: (
        "years and quarters",
        1,
        4,
        "pd.PeriodIndex(({} // 10).astype(str) + 'Q' + ({} % 10).astype(str), freq='Q')",
    ),
    2: ("years and weeks", 1, 53, "pd.to_datetime({}.astype(str) + '-1', format='%G%V-%u')"),
}
_EPOCH = (315_532_800, 4_102_444_800)  # 1980 to 2099, in seconds since 1970
_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


@dataclass(frozen=True)
class TimeSource:
    """Place of the times in a user's frame, for error messages.

    Args:
        argument: name of the user's argument that holds the frame.
        column: label of the column of times; None where they are the index.
        level: of the index, where it has several.
    """

    argument: str = "frame"
    column: Hashable | None = None
    level: int | None = None

    @property
    def where(self) -> str:
        """Name the place within the frame."""
        if self.column is not None:
            return f"column {self.column!r}"
        return "the index" if self.level is None else f"level {self.level} of the index"

    def converted(self, call: str) -> str:
        """Write the line of Python that converts the times, from a call of "{}" or "{dt}".

        "{}" are the values; "{dt}" has the methods of times, as `tz_localize`.
        """
        index = f"{self.argument}.index"
        if self.column is not None:
            values = f"{self.argument}[{self.column!r}]"
            return f"{values} = {call.replace('{}', values).replace('{dt}', f'{values}.dt')}"
        if self.level is None:
            return f"{index} = {call.replace('{}', index).replace('{dt}', index)}"
        values = f"{index}.levels[{self.level}]"
        call = call.replace("{}", values).replace("{dt}", values)
        return f"{index} = {index}.set_levels({call}, level={self.level})"


def as_times(values: pd.Index, source: TimeSource = TimeSource()) -> pd.Index:
    """Return datetimes, periods or int64 numbers, in the order of `values` and none missing.

    Args:
        values: (N,) of any kind: also texts in ISO 8601, dates, categories and types of Arrow.
        source: where they are in the user's frame.

    Raises:
        TypeError: if they are of another kind.
        ValueError: if one is missing, a text is not in ISO 8601, or offsets from UTC differ.
    """
    _reject_missing(values.isna(), source)
    times = _without_wrapping(values)
    if is_time(times):
        return times
    if is_integer(times):
        return _as_int64(times, source)
    kind = pd.api.types.infer_dtype(times)
    if kind in _PARSED:
        return _parsed(times, source)
    if kind == "integer":
        return _as_int64(times, source)
    if kind == "period":
        return pd.PeriodIndex(times)
    raise _wrong_kind(values, source, _advice(times, kind, source))


def is_time(index: pd.Index) -> bool:
    """Return whether an index holds datetimes or periods."""
    return isinstance(index, pd.DatetimeIndex | pd.PeriodIndex)


def disguise_of(times: pd.Index) -> tuple[str, str] | None:
    """Return what integers look like, and the call that makes them times; None for plain numbers.

    Args:
        times: (N,) integers, at least one.
    """
    numbers = times.to_numpy(np.int64)
    for fields in range(len(_DIGITS) + 1):
        if _are_digits(numbers, fields):
            form = "%Y%m%d%H%M%S"[: 2 + 2 * fields]
            call = f"pd.to_datetime({{}}.astype(str), format={form!r})"
            return ("years" if form == "%Y" else f"times of the form {form!r}"), call
    for digits, (what, first, last, call) in _PARTS.items():
        years, part = np.divmod(numbers, 10**digits)
        # More than one year, because a counter may pass a few such numbers.
        if ((first <= part) & (part <= last)).all() and _are_digits(years, 0) and np.ptp(years):
            return what, call
    low, high = numbers.min(), numbers.max()
    for unit, name in _UNITS.items():
        in_a_second = 10**9 // NANOSECONDS[unit]
        if _EPOCH[0] * in_a_second <= low and high < _EPOCH[1] * in_a_second:
            return f"{name} since 1970", f"pd.to_datetime({{}}, unit={unit!r})"
    return None


def _are_digits(numbers: np.ndarray, fields: int) -> bool:
    """Return whether all numbers are a year, followed by this many fields of two digits."""
    for low, high in reversed(_DIGITS[:fields]):
        numbers, field = np.divmod(numbers, 100)
        if not ((low <= field) & (field <= high)).all():
            return False
    return bool(((_YEARS[0] <= numbers) & (numbers <= _YEARS[1])).all())


def _without_wrapping(values: pd.Index) -> pd.Index:
    """Return the values of categories, and NumPy's datetimes for those of Arrow."""
    if isinstance(values, pd.CategoricalIndex):
        values = values.astype(values.categories.dtype)
    if isinstance(values.dtype, pd.ArrowDtype) and values.dtype.kind == "M":
        return pd.DatetimeIndex(values)
    return values


def _as_int64(times: pd.Index, source: TimeSource) -> pd.Index:
    """Convert integers to int64, if they fit into it."""
    if times.dtype == np.int64:
        return times
    bounds = np.iinfo(np.int64)
    if not bounds.min <= int(times.min()) <= int(times.max()) <= bounds.max:
        raise ValueError(
            f"`{source.argument}` must have integers within int64 as times. Received: "
            f"{times.max()} in {source.where}. Count from another start, e.g. "
            f"{source.converted(f'{{}} - {times.min()}')}."
        )
    return times.astype(np.int64)


def _reject_missing(is_missing: np.ndarray, source: TimeSource) -> None:
    """Check that no time is missing, (N,)."""
    if is_missing.any():
        raise ValueError(
            f"`{source.argument}` must have a time in every row. Received: none in {source.where} "
            f"at rows {shortlist(np.flatnonzero(is_missing))}. Fill them in, or drop these rows."
        )


def _parsed(values: pd.Index, source: TimeSource) -> pd.Index:
    """Convert texts in ISO 8601, dates and datetimes to datetimes."""
    # Texts in an index may be ids: 1001 is a year only where times are expected.
    is_index_of_texts = source.column is None and pd.api.types.infer_dtype(values) == "string"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # pandas 2 for several offsets from UTC
            times = pd.to_datetime(values, format="ISO8601", errors="coerce")
        wrong = values[times.isna()]
    except (ValueError, FutureWarning):  # several offsets from UTC
        times, wrong = values, values
    if not len(wrong) and not is_index_of_texts and getattr(times, "tz", None) is None:
        return times
    texts = pd.Series(values.map(str))
    _reject_missing(texts.str.strip() == "", source)
    offsets = texts.str.extract(_OFFSET)[0]  # pandas 2 takes one text's offset for those without
    has_none = offsets.hasnans and offsets.notna().any()
    if has_none or (len(wrong) and offsets.nunique() > 1):
        raise _several_offsets(texts, offsets, source)
    if not len(wrong) and not is_index_of_texts:
        return times
    if is_index_of_texts:
        raise _wrong_kind(values, source, _advice_for_texts(values, source))
    raise ValueError(
        f"`{_argument(source)}` must hold times as ISO 8601 texts, such as 2024-01-31 18:30. "
        f"Received: {shortlist(wrong)}. {_advice_for_texts(pd.Index(texts), source)}"
    )


def _several_offsets(texts: pd.Series, offsets: pd.Series, source: TimeSource) -> ValueError:
    """Make the error for times with several offsets from UTC, or with and without one."""
    examples = texts[~offsets.fillna("").duplicated()].tolist()
    utc = "pd.to_datetime({}, utc=True)" + ("" if source.column is None else ".dt")
    zoned = source.converted(f"{utc}.tz_convert('Europe/Berlin')")
    advice = "Write it in all, or in none" if offsets.hasnans else f"Name their zone, {zoned}"
    return ValueError(
        f"`{_argument(source)}` must hold times as ISO 8601 texts, all with the same offset from "
        f"UTC. Received: {shortlist(examples)}. {advice}."
    )


def _wrong_kind(values: pd.Index, source: TimeSource, advice: str) -> TypeError:
    """Make the error for what is no time at all."""
    return TypeError(
        f"`{source.argument}` must have datetimes, periods or integers as times. Received: "
        f"{values.dtype} in {source.where}, e.g. {shortlist(values[:2])}. {advice}"
    )


def _argument(source: TimeSource) -> str:
    return source.argument if source.column is None else "time_column"


def _advice_for_texts(texts: pd.Index, source: TimeSource) -> str:
    """Return the next step for texts that are not in ISO 8601, or in an index."""
    forms = _formats(texts)
    if forms:
        calls = [source.converted(f"pd.to_datetime({{}}, format={form!r})") for form in forms]
        return f"Convert them first, {' or '.join(calls)}."
    for pattern, call in _PERIODS.items():
        if texts.str.fullmatch(pattern).all():
            return f"Convert them first, {source.converted(call)}."
    if texts.str.contains("24:00", regex=False).any():
        return "Write 24:00 as 00:00 of the next day."
    example = source.converted("pd.to_datetime({}, format='%d.%m.%Y %H:%M')")
    other = "" if source.column is not None else ", or name the column of times by `time_column`"
    return f"Write all in one form and convert it, e.g. {example}{other}."


def _formats(texts: pd.Index) -> list[str]:
    """Return the formats of dates that fit all texts: two where day and month may be swapped."""
    forms = ["ISO8601", *("".join(parts) for parts in product(_DATES, _CLOCKS))]
    for rows in (texts[:5], texts):
        forms = [
            form
            for form in forms
            if pd.to_datetime(rows, format=form, errors="coerce").notna().all()
        ]
    return forms


def _advice(times: pd.Index, kind: str, source: TimeSource) -> str:
    """Return the next step for what is no time, by its kind as pandas infers it."""
    if kind.startswith("timedelta"):
        call = "pd.Timestamp('2024-01-01') + {}"
        return f"Add a start, {source.converted(call)}."
    if kind == "time":
        return "Put the date before each time of day, as in 2024-01-31 18:30."
    if kind.startswith("mixed"):
        call = source.converted("pd.to_datetime({}.astype(str), format='ISO8601')")
        return f"Set {call}, or name the column of times by `time_column`."
    if kind != "floating":
        return "Set a DatetimeIndex, or name the column of times by `time_column`."
    numbers = times.to_numpy(np.float64)
    if (numbers == np.round(numbers)).all():
        found = disguise_of(times.astype(np.int64)) if abs(numbers).max() < 2**63 else None
        call = "{}" if found is None else found[1]
        return f"Convert them first, {source.converted(call.replace('{}', _WHOLE))}."
    are_years = ((_YEARS[0] <= numbers) & (numbers < _YEARS[1] + 1)).all()
    for letter, steps in {"Y": 1, "Q": 4, "M": 12}.items():
        rest = (numbers * steps + 0.1) % 1  # 0.1 at the begin of a step, 0.6 in its middle
        if are_years and ((rest < 0.2).all() or (abs(rest - 0.6) < 0.1).all()):
            ordinals = f"(({{}} - 1970) * {steps} + 0.1) // 1"
            call = f"pd.PeriodIndex.from_ordinals({ordinals}, freq={letter!r})"
            return f"They look like years with fractions: {source.converted(call)}."
    return (
        "Give datetimes, e.g. `pd.date_range(start, periods=len(frame), freq='h')`, or integers "
        "and `freq=1`."
    )
