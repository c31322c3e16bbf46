"""Columns of times and ids of a table whose file does not say which they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.messages import shortlist
from forecaster.files.clocks import clock_of
from forecaster.files.names import (
    CLOCK_NAMES,
    ID_NAMES,
    STEP_NAMES,
    TIME_NAMES,
    has_word,
    part_of_time,
)
from forecaster.files.numbers import is_code, is_missing, is_text, is_whole
from forecaster.files.separators import is_time
from forecaster.files.settings import FileOptions
from forecaster.files.times import REGULAR, Times, join_parts, parse_times, regularity

_SAMPLE = 20  # cells of a column that show whether they may be times


@dataclass(frozen=True, eq=False)
class TimeKey:
    """Column, or columns, of times.

    Args:
        columns: whose cells are the times, in the order in which they are joined.
        values: (N,) datetimes, periods or integers.
        freq: step of integers; None for other times.
        note: what was understood, if it is worth saying.
    """

    columns: tuple[Any, ...]
    values: pd.Index
    freq: int | None = None
    note: str | None = None

    @property
    def name(self) -> Any:
        """Return the name of the column of times in the frame."""
        return self.columns[0] if len(self.columns) == 1 else " ".join(map(str, self.columns))


def columns_of(name: Any, columns: Collection[Any]) -> tuple[Any, ...]:
    """Return the columns that were joined to the one of this name, or that column itself."""
    if name in columns or not isinstance(name, str):
        return (name,)
    parts = [column for column in columns if str(column) in name]
    for count in range(2, min(6, len(parts)) + 1):
        for joined in permutations(parts, count):
            if " ".join(map(str, joined)) == name:
                return joined
    return (name,)


def named_time(
    frame: pd.DataFrame, columns: tuple[Any, ...], options: FileOptions, *, are_steps: bool
) -> TimeKey:
    """Read the times of the columns that the user named.

    Args:
        frame: texts, or columns with types.
        columns: their names.
        options: of the user.
        are_steps: whether integers are steps, whatever they look like.
    """
    name = " ".join(map(str, columns))
    if len(columns) > 1:
        parts = [_texts(frame[column]) for column in columns]
        found = join_parts(parts, columns, options)
    elif not is_text(frame[columns[0]]):
        return _typed_time(frame[columns[0]], columns)
    else:
        texts = frame[columns[0]]
        if are_steps and is_whole(texts):
            return _steps(texts, columns)
        found = parse_times(texts, name, options)
        if found is None and is_whole(texts):
            return _steps(texts, columns)
    if found is None:
        first = frame[columns[0]]
        raise TypeError(
            f"{options.spelled('time_column')} must name a column of times. Received: {name!r} "
            f"with {shortlist(first.unique()[:5].tolist())}. Name another, or give "
            f"{options.spelled('time_format', '%d/%m/%Y')} or the like."
        )
    return TimeKey(columns, found.values, note=found.note)


def find_time(frame: pd.DataFrame, taken: Collection[Any], options: FileOptions) -> TimeKey | None:
    """Find the column, or the columns, of times among those without another role.

    Raises:
        ValueError: if no column is one of times, but one would be if it were not ambiguous.
    """
    free = [name for name in frame.columns if name not in taken]
    typed = [name for name in free if not is_text(frame[name]) and _is_time(frame[name].dtype)]
    if typed:
        return _typed_time(frame[typed[0]], (typed[0],))
    known = [name for name in free if is_text(frame[name]) and not is_missing(frame[name]).all()]
    found, failure = {}, None
    for name in known:
        try:
            times = _parsed(frame[name], name, options)
        except ValueError as error:
            failure = failure or error
            continue
        if times is not None:
            found[name] = times
    certain = {name: times for name, times in found.items() if times.is_certain}
    if not certain and failure is not None:
        raise failure
    if certain:
        name = min(certain, key=lambda name: not has_word(name, TIME_NAMES))
        return _with_clock(frame, name, certain[name], free, options)
    return (
        _from_calendar(frame, free, options) or _coded(frame, free, found) or _counted(frame, free)
    )


def find_id(frame: pd.DataFrame, key: TimeKey, taken: Collection[Any], options: FileOptions) -> Any:
    """Find the column of ids where times repeat; None if they do not.

    Raises:
        ValueError: if several columns may hold the ids, or none.
    """
    if not key.values.has_duplicates:
        return None
    free = [name for name in frame.columns if name not in (*key.columns, *taken)]
    times = pd.Series(key.values, index=frame.index, name="time")

    def explains(names: list[Any]) -> bool:
        return not pd.concat([frame[names], times], axis=1).duplicated().any()

    few = [name for name in free if 2 * frame[name].nunique() <= len(frame) or len(frame) < 9]
    texts = [
        name
        for name in few
        if is_text(frame[name]) and (is_code(frame[name]) or not _are_numbers(frame[name]))
    ]
    codes = [name for name in few if name not in texts and has_word(name, ID_NAMES)]
    found = [name for name in texts if explains([name])] or [
        name for name in codes if explains([name])
    ]
    if len(found) == 1:
        return found[0]
    others = [
        name
        for name in few
        if 2 * frame[name].nunique() <= len(frame)
        and (not is_text(frame[name]) or is_whole(frame[name]))
    ]
    hints = [repr(name) for name in found or others if explains([name])] or [
        f"{one!r} and {other!r} together"
        for one, other in combinations(dict.fromkeys([*texts, *codes, *others]), 2)
        if explains([one, other])
    ]
    advice = "Name one, or join them into one column." if hints else "Correct them."
    raise ValueError(
        f"{options.spelled('id_column')} must name the column of ids where times repeat. Received: "
        f"several rows at {shortlist(times[times.duplicated()].unique()[:2])}, told apart by "
        f"{shortlist(hints) or 'no column'}. {advice}"
    )


def _is_time(dtype: Any) -> bool:
    return pd.api.types.is_datetime64_any_dtype(dtype) or isinstance(dtype, pd.PeriodDtype)


def _texts(values: pd.Series) -> pd.Series:
    return values.astype("str").str.removesuffix(".0")


def _are_numbers(texts: pd.Series) -> bool:
    known = texts[~is_missing(texts)]
    return bool(known.str.fullmatch(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?").mean() > 0.5)


def _parsed(texts: pd.Series, name: Any, options: FileOptions) -> Times | None:
    """Read a column as times if all of its cells but the missing ones are."""
    known = texts[~is_missing(texts)]
    sample = known.iloc[:: max(1, len(known) // _SAMPLE)]
    if not sample.map(lambda text: is_time(text) or text.isdecimal()).any():
        is_year = sample.str.fullmatch(r"[12]\d{3}(\.\d+)?").all()
        if not is_year and options.time_format is None:
            return None
    found = parse_times(known, str(name), options, is_named=False)
    if found is None or len(known) == len(texts):
        return found
    values = pd.Series(found.values, known.index).reindex(texts.index)
    return Times(pd.DatetimeIndex(values), found.note, found.is_certain)


def _typed_time(values: pd.Series, columns: tuple[Any, ...]) -> TimeKey:
    """Return times that the file has as such."""
    if pd.api.types.is_integer_dtype(values.dtype):
        return TimeKey(columns, pd.Index(values), _step_of(values.to_numpy()))
    return TimeKey(columns, pd.Index(values))


def _steps(texts: pd.Series, columns: tuple[Any, ...]) -> TimeKey:
    numbers = texts.astype(np.int64)
    return TimeKey(columns, pd.Index(numbers), _step_of(numbers.to_numpy()))


def _step_of(numbers: np.ndarray) -> int | None:
    """Return the step of integers; None if they are all the same."""
    steps = np.diff(np.unique(numbers))
    return int(np.gcd.reduce(steps)) if len(steps) else None


def _with_clock(
    frame: pd.DataFrame, name: Any, times: Times, free: list[Any], options: FileOptions
) -> TimeKey:
    """Join a column of dates that repeat with one of times of day, if there is one."""
    dates, note = times.values, times.note
    if dates.has_duplicates and (dates == dates.normalize()).all():
        for other in free:
            if other == name or not is_text(frame[other]):
                continue
            has_colons = frame[other].str.contains(":", regex=False).all()
            clock = clock_of(frame[other]) if has_colons or has_word(other, CLOCK_NAMES) else None
            if clock is not None and (dates + pd.TimedeltaIndex(clock)).nunique() > dates.nunique():
                return TimeKey((name, other), dates + pd.TimedeltaIndex(clock), note=note)
    return TimeKey((name,), dates, note=note)


def _from_calendar(frame: pd.DataFrame, free: list[Any], options: FileOptions) -> TimeKey | None:
    """Join columns that are called year, month, day and so on."""
    of_part: dict[str, Any] = {}
    for part in ("year", "month", "day", "hour", "minute"):
        names = [name for name in free if part_of_time(name) == part]
        if len(names) != 1:
            break
        of_part[part] = names[0]
    if len(of_part) == 1:
        rest = [name for name in free if part_of_time(name) in ("quarter", "week")]
        of_part |= dict(zip(["rest"], rest, strict=False)) if len(rest) == 1 else {}
    if len(of_part) < 2:
        return None
    columns = tuple(of_part.values())
    if any(is_missing(_texts(frame[name])).any() for name in columns):
        return None
    found = join_parts([_texts(frame[name]) for name in columns], columns, options)
    return (
        None
        if found is None or found.values.hasnans
        else TimeKey(columns, found.values, note=found.note)
    )


def _coded(frame: pd.DataFrame, free: list[Any], found: dict[Any, Times]) -> TimeKey | None:
    """Choose a column of numbers that may be times: by its name, its place and its steps."""
    for name in sorted(found, key=lambda name: not has_word(name, TIME_NAMES)):
        is_named, share = has_word(name, TIME_NAMES), regularity(found[name].values)
        if is_named and found[name].values.nunique() < 3:
            share = 1.0
        is_long = frame[name].str.len().min() >= 6  # a number that is a date by chance is rare
        if share >= (0.5 if is_named or (is_long and name == free[0]) else REGULAR) and (
            is_named or is_long or name == free[0]
        ):
            return TimeKey((name,), found[name].values, note=found[name].note)
    for name in free:
        if has_word(name, TIME_NAMES) and is_text(frame[name]):
            numbers = pd.to_numeric(frame[name], errors="coerce")
            if numbers.between(15_000, 80_000).all():
                times = parse_times(frame[name], str(name), FileOptions(time_format="excel"))
                if times is not None and regularity(times.values) >= 0.5:
                    note = f"{frame[name].iloc[0]} as a date of Excel"
                    return TimeKey((name,), times.values, note=note)
    return None


def _counted(frame: pd.DataFrame, free: list[Any]) -> TimeKey | None:
    """Take a column that counts the rows for integer times, if another one holds numbers."""
    for position, name in enumerate(frame.columns):
        if name not in free or not (position == 0 or has_word(name, STEP_NAMES)):
            continue
        numbers = pd.to_numeric(frame[name], errors="coerce")
        if len(numbers) < 3 or numbers.isna().any() or (numbers % 1 != 0).any():
            continue
        steps = np.diff(numbers.to_numpy())
        if len(frame.columns) > 1 and steps[0] > 0 and (steps == steps[0]).all():
            return TimeKey((name,), pd.Index(numbers.astype(np.int64)), int(steps[0]))
    return None
