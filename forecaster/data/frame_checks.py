"""What must hold of a user's frame before it is read, and the error that says so where it does not.

`table.py` calls these in order; each takes what the user gave and returns the part that is asked
for, without a change to it and, where pandas can, without a copy.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.interop import as_pandas, library_of
from forecaster.data.time_grid import is_integer, moments, shortlist

_PARSED = ("string", "date", "datetime")  # what CSV files and databases give for times


class FrameWarning(UserWarning):
    """A frame was read, but rows or values are missing, columns left out, or without variation."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Which time, and of which series, each row of a frame is.

    Args:
        times: (N,) DatetimeIndex, PeriodIndex or int64 Index, in any order.
        codes: (N,) int64, the position in `ids` of each row's id; None where there are no ids.
        ids: (I,) labels in sorted order, each of at least one row.
    """

    times: pd.Index
    codes: np.ndarray | None = None
    ids: pd.Index | None = None

    def at(self, rows: np.ndarray) -> Rows:
        """Some of these rows."""
        return Rows(self.times[rows], None if self.codes is None else self.codes[rows], self.ids)

    def named(self, rows: np.ndarray) -> str:
        """Up to five of these rows by their id and time, then how many more there are."""
        few = self.at(rows[:5])
        return moments(few.times, None if few.ids is None else few.ids[few.codes], len(rows))


def as_frame(frame: Any, id_column: Hashable | None, time_column: Hashable | None) -> pd.DataFrame:
    """A frame with rows and with columns of different labels; a Series becomes a column."""
    if time_column is None and (library := library_of(frame)) != "pandas":
        raise ValueError(
            f"`time_column` must be given for a frame without an index. Received: "
            f"time_column=None and a frame of {library}. Name the column of times."
        )
    frame = as_pandas(frame)
    if isinstance(frame, pd.Series):
        for name, column in (("id_column", id_column), ("time_column", time_column)):
            if column is not None:
                raise ValueError(
                    f"`{name}` must be None for a Series, whose index holds ids and times. "
                    f"Received: {name}={column!r}. Leave it out, or pass a DataFrame with that "
                    f"column."
                )
        frame = frame.to_frame("value" if frame.name is None else frame.name)
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(
            f"`frame` must be a pandas DataFrame or Series, or a frame of polars or pyarrow. "
            f"Received: {type(frame).__name__}. Call its `to_pandas()` if it has one, or "
            f"`pd.DataFrame(values, index=times)`."
        )
    if frame.empty:
        raise ValueError(
            f"`frame` must have rows and columns. Received: shape {frame.shape}. Pass a row for "
            f"each time and a column for each series."
        )
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()].unique()
        raise ValueError(
            f"`frame` must have every column label once. Received: duplicated {shortlist(twice)}. "
            f"Rename them, or keep the first: `frame.loc[:, ~frame.columns.duplicated()]`."
        )
    return frame


def check_columns(frame: pd.DataFrame, roles: Mapping[str, list[Any]]) -> None:
    """Each role's labels are columns of the frame, and no column has two roles."""
    role_of: dict[Hashable, str] = {}
    for argument, labels in roles.items():
        _reject_unknown(frame.columns, argument, labels)
        if len(set(labels)) < len(labels):
            raise ValueError(
                f"`{argument}` must name every column once. Received: {argument}={labels!r}. Drop "
                f"the repeated labels."
            )
        for label in labels:
            if label in role_of:
                raise ValueError(
                    f"`{argument}` must name columns without another role. Received: {label!r}, "
                    f"which `{role_of[label]}` names too. Keep one of the two."
                )
            role_of[label] = argument


def _reject_unknown(columns: pd.Index, argument: str, labels: list[Any]) -> None:
    known = set(columns)
    unknown = [label for label in labels if not isinstance(label, Hashable) or label not in known]
    if unknown:
        texts = [str(label) for label in columns]
        close = [get_close_matches(str(label), texts, n=1) for label in unknown[:5]]
        close = [near[0] for near in close if near]
        raise ValueError(
            f"`{argument}` must name columns of `frame`. Received: unknown {shortlist(unknown)}. "
            + (f"Did you mean {shortlist(close)}? " if close else "")
            + f"The columns are {shortlist(texts)}."
        )


def column(frame: pd.DataFrame, label: Hashable) -> pd.Series:
    """One column, also where `frame[label]` would take a tuple for several."""
    return frame.iloc[:, frame.columns.tolist().index(label)]


def read_rows(
    frame: pd.DataFrame, id_column: Hashable | None, time_column: Hashable | None
) -> Rows:
    """The time of every row and, where there are ids, its id; none of them is missing."""
    index = frame.index
    if isinstance(index, pd.MultiIndex) and time_column is None:
        _check_levels(index, id_column)
        times = _checked_times(index.get_level_values(1), "level 1 of the index")
        return Rows(times, *_checked_ids(index.get_level_values(0), "level 0 of the index"))
    if time_column is None:
        times = _checked_times(index, "the index")
    else:
        times = pd.Index(column(frame, time_column))
        times = _checked_times(times, f"column {time_column!r}", time_column)
    if id_column is None:
        return Rows(times)
    return Rows(times, *_checked_ids(column(frame, id_column), f"column {id_column!r}"))


def encode(values: pd.Index | pd.Series) -> tuple[np.ndarray, pd.Index]:
    """The position of every value among the sorted distinct ones, -1 where missing, and those.

    Raises:
        TypeError: if values cannot be hashed or compared with each other.
    """
    codes, labels = pd.factorize(values)
    labels = pd.Index(labels, name=values.name, tupleize_cols=False)
    if isinstance(labels, pd.CategoricalIndex):
        labels = labels.astype(labels.categories.dtype)
    order = labels.argsort()
    ranks = np.empty(len(order) + 1, np.int64)
    ranks[order], ranks[-1] = np.arange(len(order)), -1
    return ranks[codes], labels[order]


def _check_levels(index: pd.MultiIndex, id_column: Hashable | None) -> None:
    """Two levels, ids before times, and no second ids in a column."""
    levels = shortlist([f"{level.name!r} ({level.dtype})" for level in index.levels])
    if index.nlevels != 2:
        raise ValueError(
            f"`frame` must have an index of times, or of two levels: ids and times. Received: "
            f"{index.nlevels} levels, {levels}. Join the levels of the ids into one, or make the "
            f"others columns: `frame.reset_index(level=...)`."
        )
    if id_column is not None:
        raise ValueError(
            f"`id_column` must be None where the index holds ids and times. Received: "
            f"id_column={id_column!r}, an index of {levels}. Leave it out, or drop the ids of the "
            f"index: `frame.droplevel(0)`."
        )
    ids, times = index.levels
    if _is_time(ids) and not _is_time(times):
        raise ValueError(
            f"`frame` must have ids in the first level of its index and times in the second. "
            f"Received: {levels}. Call `frame.swaplevel()`."
        )


def _is_time(index: pd.Index) -> bool:
    return isinstance(index, pd.DatetimeIndex | pd.PeriodIndex)


def _checked_ids(ids: pd.Index | pd.Series, where: str) -> tuple[np.ndarray, pd.Index]:
    """(N,) ids, none missing -> (N,) codes and their (I,) sorted labels."""
    try:
        codes, labels = encode(ids)
    except TypeError as error:
        raise TypeError(
            f"`frame` must have ids of one kind that can be sorted, such as texts or integers. "
            f"Received: {ids.dtype} in {where}, e.g. {shortlist(ids.tolist()[:2])} ({error}). "
            f"Convert them, e.g. `.astype(str)`."
        ) from None
    if (codes < 0).any():
        raise ValueError(
            f"`frame` must have an id in every row. Received: none in {where} at rows "
            f"{shortlist(np.flatnonzero(codes < 0))}. Fill them in, or drop these rows."
        )
    return codes, labels


def _checked_times(times: pd.Index, where: str, time_column: Hashable | None = None) -> pd.Index:
    """Times of a kind that lies on grids, in the frame's order, without a missing one."""
    if times.hasnans:
        raise ValueError(
            f"`frame` must have a time in every row. Received: none in {where} at rows "
            f"{shortlist(np.flatnonzero(times.isna()))}. Fill them in, or drop these rows."
        )
    if time_column is not None and pd.api.types.infer_dtype(times) in _PARSED:
        times = _parse_times(times, time_column)
    if _is_time(times):
        return times
    if is_integer(times):
        return times if times.dtype == np.int64 else times.astype(np.int64)
    raise TypeError(
        f"`frame` must have datetimes, periods or integers as times. Received: {times.dtype} in "
        f"{where}, e.g. {shortlist(times[:2])}. Set `frame.index = pd.to_datetime(frame.index)`, "
        f"or name the column of times by `time_column`."
    )


def _parse_times(texts: pd.Index, time_column: Hashable) -> pd.Index:
    """Texts to datetimes. ISO 8601 only, because 01/02/2024 is January here and February there."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # pandas 2 for several offsets from UTC
            times = pd.to_datetime(texts, format="ISO8601", errors="coerce")
        wrong = texts[times.isna()]
    except (ValueError, FutureWarning):  # several offsets from UTC in one column
        times, wrong = None, texts
    if len(wrong):
        label = f"frame[{time_column!r}]"
        raise ValueError(
            f"`time_column` must hold times as ISO 8601 texts, all with the same offset from UTC. "
            f"Received: {shortlist(wrong)}. Convert the column first, e.g. {label} = "
            f"pd.to_datetime({label}, dayfirst=True) or pd.to_datetime({label}, utc=True)."
        )
    return times


def warn_of_constants(
    values: np.ndarray, labels: pd.Index, offsets: np.ndarray | None = None
) -> None:
    """Name the series from which nothing can be learned.

    Args:
        values: (S, N), NaN where missing.
        labels: (I * S,) what each series is called, target after target of each id.
        offsets: (I + 1,) where the rows of each id begin, at least one each; None for one id.
    """
    begins = np.zeros(1, np.int64) if offsets is None else offsets[:-1]
    # (S, I) -> (I * S,)
    lowest = np.fmin.reduceat(values, begins, axis=1).T.ravel()
    highest = np.fmax.reduceat(values, begins, axis=1).T.ravel()
    kind = "columns" if len(begins) == 1 else "series"
    for found, what in (
        (lowest == highest, "one value only, from which nothing can be learned"),
        (np.isnan(highest), "no value at all, so that their forecasts are NaN"),
    ):
        if found.any():
            warnings.warn(
                f"`frame` has {kind} with {what}: {shortlist(labels[found])}.",
                FrameWarning,
                stacklevel=4,
            )
