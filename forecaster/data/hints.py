"""Columns that are not what they seem: times, ids and counters that no argument names."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.frame_checks import FrameWarning, Rows
from forecaster.data.interop import as_pandas, library_of
from forecaster.data.labels import joining
from forecaster.data.messages import shortlist
from forecaster.data.time_grid import as_numbers, is_integer
from forecaster.utils.warn import warn

_SAMPLE = 100  # values of a column that are looked at
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".replace(" ", "|")
_TIME = re.compile(  # 2024-01-31, 2024-01, 31.01.24, 1/31/2024 9:00, 20240131, 2024Q1, Jan 2024
    rf"""\s*(
    \d{{4}}[-/.]\d{{1,2}}([-/.]\d{{1,2}})?
    |\d{{1,2}}[-/.]\d{{1,2}}[-/.](\d{{4}}|\d{{2}})
    |(1[6-9]|20|21)\d\d(0[1-9]|1[012])(0[1-9]|[12]\d|3[01])
    |\d{{4}}[-\s]?[qwm]\d{{1,2}}
    |(\d{{1,2}}[-\s.]+)?({_MONTHS})[a-z]*[-\s.,']+(\d{{1,2}}[-\s.,]+)?\d{{2,4}}
    |\d{{4}}[-\s]?({_MONTHS})[a-z]*
    )([T\s]+\d{{1,2}}:?\d\d.*)?\s*""",
    re.VERBOSE | re.IGNORECASE,
)
_TIME_NAMES = re.compile(r"ds|dates?|times?|timestamps?|date_?time|year|period", re.IGNORECASE)
_ID_NAMES = re.compile(r"(.*[_ ])?(id|ids|key|code|sku|store|shop|item|series|name)", re.IGNORECASE)
# Names of parts of a date, as they are in lower case without "_", and what they are on an index.
_PARTS = {
    "year": "year",
    "yr": "year",
    "quarter": "quarter",
    "month": "month",
    "week": "week",
    "day": "day",
    "dayofyear": "day_of_year",
    "dayofweek": "day_of_week",
    "weekday": "day_of_week",
    "hour": "hour",
    "minute": "minute",
}
_LAST_YEAR = 2500
_UNITS = {"s": 1e11, "ms": 1e14, "us": 1e17, "ns": np.inf}  # below the year 5138 since 1970
_MOST_IDS = 6  # columns that are tried, alone and in pairs
_COUNTER_NAMES = re.compile(r"|unnamed: ?\d+|index|level\d|row(names?|num(ber)?)")
_MANY = 10  # rows from which any successive integers count
_FEWEST = 3  # rows from which a counter is one


def looks_like_times(values: pd.Series | pd.Index) -> bool:
    """Return whether a column holds datetimes or periods, or texts that are dates; by content."""
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in ("date", "datetime", "datetime64", "period"):
        return True
    if isinstance(values.dtype, pd.CategoricalDtype):
        return looks_like_times(values.dtype.categories)
    if kind != "string":
        return False
    texts = values.dropna()[:_SAMPLE].tolist()
    return bool(texts) and all(_TIME.fullmatch(text) for text in texts)


def time_hint(columns: pd.DataFrame) -> str:
    """Tell which of some columns looks like times, and what to write; empty where none does."""
    found = [label for label, values in columns.items() if looks_like_times(values)]
    return f" {found[0]!r} looks like times: `time_column={found[0]!r}`." if found else ""


def check_index_is_meant(
    frame: pd.DataFrame, rows: Rows, others: Collection[Hashable], freq: Any
) -> None:
    """Check that no free column looks like times where a plain index is taken for integer ones.

    Args:
        frame: whose index numbers its rows.
        rows: as they were read.
        others: labels of the columns that have a role.
        freq: as the user gave it; an integer says that the index is meant.

    Raises:
        ValueError: if a column looks like times, and `freq` is no integer.

    Warns:
        FrameWarning: if a column looks like times, and `freq` is an integer.
    """
    if not is_integer(rows.times) or rows.times.name not in (None, "index"):
        return
    free = _free(frame, others)
    times = [label for label, values in free.items() if looks_like_times(values)]
    times += [label for label, values in free.items() if _are_numbered_times(label, values)]
    if not times:
        return
    label, values = times[0], free[times[0]]
    conversion, named = _naming(label, free)
    if rows.ids is None and not conversion and len(found := _ids_of(free, values)) == 1:
        named += f", id_column={found[0]!r}"
    taken = (
        f"took the index, {shortlist(rows.times[:3])}, ..., for integer times; {label!r} looks "
        f"like times, e.g. {values.dropna().iloc[0]}: {conversion}`{named}`"
    )
    if isinstance(freq, int | np.integer):
        warn(f"`{rows.argument}`: {taken}.", FrameWarning)
    else:
        raise ValueError(
            f"`freq` must be a positive int for integer times. Received: freq={freq!r}, which "
            f"{taken}. Name the column, or give `freq=1` if the index is meant."
        )


def reject_other_index(frame: pd.DataFrame, others: Collection[Hashable]) -> None:
    """Raise an error that names the column of times, where the index holds none and it is free.

    Args:
        frame: as the user gave it.
        others: labels of the columns that have a role.
    """
    hint = time_hint(pd.DataFrame(_free(frame, others)))
    if hint and not isinstance(frame.index, pd.MultiIndex):
        if not frame.index.is_unique:
            hint += " `frame = frame.reset_index()` makes a column of the index, as of ids."
        raise TypeError(
            f"`frame` must have datetimes, periods or integers as times. Received: "
            f"{frame.index.dtype} in the index, e.g. {shortlist(frame.index[:2])}.{hint}"
        ) from None


def reject_hidden_ids(
    frame: pd.DataFrame, rows: Rows, others: Collection[Hashable], id_column: Hashable | None
) -> None:
    """Raise an error that names the columns of ids, where times repeat and such columns are free.

    Args:
        frame: as the user gave it.
        rows: as they were read.
        others: labels of the columns that have a role.
        id_column: label of the column of ids, if one is named.
    """
    again = pd.DataFrame({"id": rows.codes, "time": rows.times}).duplicated().to_numpy()
    if not again.any() or (rows.ids is not None and id_column is None):
        return
    found = _ids_of(_free(frame, others), pd.Series(rows.times, index=frame.index), rows.codes)
    if not found:
        return
    of_id = "" if rows.ids is None else " of an id"
    few = np.flatnonzero(again)
    columns = found if id_column is None else [id_column, *found]
    how = f"Name the column of ids by `id_column`: `id_column={found[0]!r}`."
    if len(columns) > 1:
        how = f"Join them into one column: `{joining(columns)}`, and name it: `id_column='id'`."
    raise ValueError(
        f"`{rows.argument}` must have every time{of_id} once. Received: {len(few)} duplicated "
        f"rows, at {rows.named(few)}; {shortlist(list(map(repr, columns)))} "
        f"{'tell' if len(columns) > 1 else 'tells'} them apart. {how}"
    ) from None


def warn_of_counters(columns: pd.DataFrame, rows: Rows) -> None:
    """Warn of targets that nobody named and that only count or date the rows.

    Args:
        columns: the targets, of more than one column.
        rows: as they were read.
    """
    whats = {label: _counts(label, values, rows) for label, values in columns.items()}
    found = [f"{label!r} {what}" for label, what in whats.items() if what]
    rest = [label for label, what in whats.items() if not what]
    if found and rest:
        more = ", ..." if len(rest) > 5 else ""
        names = ", ".join(map(repr, rest[:5]))
        warn(
            f"`{rows.argument}` has columns that are forecast as series but look like none: "
            f"{shortlist(found)}. Name the targets: `target=[{names}{more}]`.",
            FrameWarning,
        )


def warn_of_like_ids(ids: pd.Index | None) -> None:
    """Warn of ids that differ in blanks or capitals alone, and so are series of their own."""
    if ids is None or pd.api.types.infer_dtype(ids) != "string":
        return
    found = ids[ids.str.strip().str.casefold().duplicated(keep=False)]
    if len(found):
        warn(
            f"`frame` has ids that differ in blanks or capitals alone, each a series of its own: "
            f"{shortlist([repr(label) for label in found])}. If they are the same, convert them "
            f"first: `.str.strip()`, `.str.casefold()`.",
            FrameWarning,
        )


def other_kind_of_ids(ids: pd.Index | None, before: pd.Index | None) -> str:
    """Tell how ids differ in kind from those before, and what to write; empty if they do not.

    Args:
        ids: labels of ids; None for none.
        before: those of a fit or a history.
    """
    if ids is None or before is None or _kind(ids) == _kind(before):
        return ""
    own, old = (labels[:1].tolist()[0] for labels in (ids, before))
    how = "int" if _kind(before) == "number" else "str"
    padded = isinstance(old, str) and old.isdigit() and old.startswith("0")
    pad = f".str.zfill({len(old)})" if padded else ""
    return f"{ids.dtype}, e.g. {own!r}, after {before.dtype}, e.g. {old!r}: `.astype({how}){pad}`"


def _kind(ids: pd.Index) -> str:
    """Return what ids are: "number", "text", or as pandas infers it."""
    kind = pd.api.types.infer_dtype(ids)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
        return "number"
    return "text" if kind == "string" else kind


def check_times_are_named(frame: Any, time_column: Hashable | None) -> None:
    """Check that the column of times is named where a frame of another library has no index."""
    library = library_of(frame)
    if time_column is None and library != "pandas" and (hint := time_hint(as_pandas(frame))):
        raise ValueError(
            f"`time_column` must be given for a frame without an index. Received: "
            f"time_column=None and a frame of {library}.{hint}"
        )


def _naming(label: Hashable, free: Mapping[Hashable, pd.Series]) -> tuple[str, str]:
    """Return the call that makes times of a column, if it needs one, and the arguments then."""
    values, column = free[label], f"frame[{label!r}]"
    if not pd.api.types.is_integer_dtype(values.dtype):
        return "", f"time_column={label!r}"
    lowest, highest = int(values.min()), int(values.max())
    if highest <= _LAST_YEAR:
        parts = {str(name).strip().lower(): name for name in free}
        if values.is_unique or "month" not in parts or str(label).strip().lower() != "year":
            return "", f"time_column={label!r}, freq=1"
        found = [label, *(parts[part] for part in ("month", "day") if part in parts)]
        days = "" if "day" in parts else ".assign(day=1)"
        call, label = f"pd.to_datetime(frame[{found!r}]{days})", "time"
        return f"`frame['time'] = {call}` and ", "time_column='time'"
    if all(_TIME.fullmatch(text) for text in map(str, (lowest, highest))):
        call = f"pd.to_datetime({column}.astype(str))"
    else:
        unit = next(unit for unit, last in _UNITS.items() if highest < last)
        call = f"pd.to_datetime({column}, unit={unit!r})"
    return f"`{column} = {call}` and ", f"time_column={label!r}"


def _are_numbered_times(label: Hashable, values: pd.Series) -> bool:
    """Return whether a column of integers is named as times, and increases or is of dates."""
    if not pd.api.types.is_integer_dtype(values.dtype) or not isinstance(label, str):
        return False
    return bool(_TIME_NAMES.fullmatch(label.strip())) and values.nunique() > 1


def _free(frame: pd.DataFrame, others: Collection[Hashable]) -> dict[Hashable, pd.Series]:
    """Return the columns without a role by their labels."""
    return {label: values for label, values in frame.items() if label not in others}


def _ids_of(
    free: Mapping[Hashable, pd.Series], times: pd.Series, codes: np.ndarray | None = None
) -> list[Hashable]:
    """Return the labels of one or two columns within whose values no time repeats; else none.

    Args:
        free: the columns that may be.
        times: (N,) of which some repeat; else no ids are needed.
        codes: (N,) of the ids that are known, if there are any.
    """
    known = pd.DataFrame({"time": times.to_numpy(), "id": codes})
    if not known.duplicated().any():
        return []
    possible = [label for label in _possible_ids(free) if label != times.name][:_MOST_IDS]
    for count in (1, 2):
        for labels in combinations(possible, count):
            more = {f"part {n}": free[label].to_numpy() for n, label in enumerate(labels)}
            if not known.assign(**more).duplicated().any():
                return list(labels)
    return []


def _possible_ids(free: Mapping[Hashable, pd.Series]) -> Iterator[Hashable]:
    """Yield the labels of columns that may hold ids: texts, categories, integers named so."""
    for label, values in free.items():
        is_text = pd.api.types.infer_dtype(values, skipna=True) in ("string", "categorical")
        named = isinstance(label, str) and _ID_NAMES.fullmatch(label.strip())
        is_named = bool(named) and pd.api.types.is_integer_dtype(values.dtype)
        repeats = not values.is_unique and not values.hasnans
        if (is_text or is_named) and repeats and not looks_like_times(values):
            yield label


def _counts(label: Hashable, values: pd.Series, rows: Rows) -> str:
    """Tell what a column of integers counts or dates; empty if it holds values of its own."""
    name = str(label).strip().lower().replace("_", "")
    is_whole = pd.api.types.is_integer_dtype(values.dtype)
    is_counter = bool(_COUNTER_NAMES.fullmatch(name))
    if is_counter and pd.api.types.is_float_dtype(values.dtype):
        is_whole = bool((values % 1 == 0).all())
    if not is_whole or len(values) < _FEWEST or values.hasnans or values.min() < 0:
        return ""
    numbers, times = values.to_numpy(np.int64), rows.times
    if numbers.min() == numbers.max():
        return ""
    if is_counter and _are_successive(numbers, as_numbers(times)):
        return "counts the rows"
    if is_integer(times):
        if (numbers == times.to_numpy(np.int64)).all():
            return "repeats the index"
        if name in _PARTS:
            return f"is named as the {name} of a date"
    else:
        starts = times.to_timestamp() if isinstance(times, pd.PeriodIndex) else times
        for part in (*dict.fromkeys(_PARTS.values()), "date", "month as number", *_UNITS):
            rest = (slice(_FEWEST), slice(None))  # the first rows decide nearly always
            if all(_is_part(numbers[some], starts[some], part) for some in rest):
                what = "time" if part in _UNITS else part.replace("_", " ")
                return f"holds the {what} of each row"
    return "counts the rows" if _are_successive(numbers, as_numbers(times)) else ""


def _are_successive(numbers: np.ndarray, times: np.ndarray) -> bool:
    """Return whether integers go up by 1 from row to row, as they stand or in order of time."""
    first, last = numbers.min(), numbers.max()
    if last - first != len(numbers) - 1 or (first > 1 and len(numbers) < _MANY):
        return False
    in_time = numbers[np.argsort(times, kind="stable")]
    return any((np.diff(order) == 1).all() for order in (numbers, in_time))


def _is_part(numbers: np.ndarray, times: pd.DatetimeIndex, part: str) -> bool:
    """Return whether integers are this part of each time, or the time itself in some unit."""
    if part in _UNITS:
        return bool((numbers == times.as_unit(part).asi8).all())
    if part == "date":
        own = (times.year * 100 + times.month) * 100 + times.day
    elif part == "month as number":
        own = times.year * 100 + times.month
    elif part == "week":
        own = times.isocalendar()["week"]
    else:
        own = getattr(times, part)
    own = np.asarray(own, np.int64)
    if part == "day_of_week":  # Monday is 0 or 1
        return bool((numbers == own).all() or (numbers == own + 1).all())
    return bool((numbers == own).all())
