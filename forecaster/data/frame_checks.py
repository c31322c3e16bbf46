"""Checks of a user's frame before it is read, with the errors that tell what to correct.

`reading.py` calls these in order; each takes the user's frame and returns a part of it, unchanged
and, where pandas can, without a copy.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.interop import as_pandas, library_of
from forecaster.data.messages import moments, shortlist
from forecaster.data.times import TimeSource, as_times, is_time


class FrameWarning(UserWarning):
    """Warning of missing rows, ignored or constant columns, outliers, or converted times."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Time and id of each row of a frame.

    Args:
        times: (N,) DatetimeIndex, PeriodIndex or int64 Index, in any order.
        codes: (N,) int64, the position in `ids` of each row's id; None where there are no ids.
        ids: (I,) labels in sorted order, each of at least one row.
        source: where the times are in the user's frame, for error messages.
    """

    times: pd.Index
    codes: np.ndarray | None = None
    ids: pd.Index | None = None
    source: TimeSource = TimeSource()

    @property
    def argument(self) -> str:
        """Return the name of the user's argument that holds the frame."""
        return self.source.argument

    def at(self, rows: np.ndarray) -> Rows:
        """Select some of the rows, by position."""
        codes = None if self.codes is None else self.codes[rows]
        return replace(self, times=self.times[rows], codes=codes)

    def named(self, rows: np.ndarray) -> str:
        """Format up to five of these rows by id and time, then the number of the others."""
        few = self.at(rows[:5])
        ids = None if few.ids is None or few.codes is None else few.ids[few.codes]
        return moments(few.times, ids, len(rows))


def as_frame(
    frame: Any,
    id_column: Hashable | None,
    time_column: Hashable | None,
    argument: str = "frame",
) -> pd.DataFrame:
    """Return a pandas frame that is not empty, with unique labels; a Series becomes a column.

    Raises:
        TypeError: if `frame` is no frame.
        ValueError: if it is empty or has duplicated labels, or a column of ids or times is needed,
            or named, where there can be none.
    """
    if time_column is None and (library := library_of(frame)) != "pandas":
        raise ValueError(
            f"`time_column` must be given for a frame without an index. Received: "
            f"time_column=None and a frame of {library}. Name the column of times."
        )
    frame = as_pandas(frame)
    if isinstance(frame, pd.Series):
        for name, label in (("id_column", id_column), ("time_column", time_column)):
            if label is not None:
                raise ValueError(
                    f"`{name}` must be None for a Series, whose index holds ids and times. "
                    f"Received: {name}={label!r}. Leave it out, or pass a DataFrame with that "
                    f"column."
                )
        frame = frame.to_frame("value" if frame.name is None else frame.name)
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(
            f"`{argument}` must be a pandas DataFrame or Series, or a frame of polars or pyarrow. "
            f"Received: {type(frame).__name__}. Call its `to_pandas()` if it has one, or "
            f"`pd.DataFrame(values, index=times)`."
        )
    if frame.empty:
        raise ValueError(
            f"`{argument}` must have rows and columns. Received: shape {frame.shape}. Pass a row "
            f"for each time and a column for each series."
        )
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()].unique()
        raise ValueError(
            f"`{argument}` must have every column label once. Received: duplicated "
            f"{shortlist(twice)}. Rename them, or keep the first: "
            f"`frame.loc[:, ~frame.columns.duplicated()]`."
        )
    return frame


def check_columns(
    frame: pd.DataFrame, roles: Mapping[str, list[Any]], argument: str = "frame"
) -> None:
    """Check that the labels of each role are columns of the frame, and no column has two roles."""
    role_of: dict[Hashable, str] = {}
    for role, labels in roles.items():
        _reject_unknown(frame.columns, role, labels, argument)
        if len(set(labels)) < len(labels):
            raise ValueError(
                f"`{role}` must name every column once. Received: {role}={labels!r}. Drop "
                f"the repeated labels."
            )
        for label in labels:
            if label in role_of:
                raise ValueError(
                    f"`{role}` must name columns without another role. Received: {label!r}, "
                    f"which `{role_of[label]}` names too. Keep one of the two."
                )
            role_of[label] = role


def _reject_unknown(columns: pd.Index, role: str, labels: list[Any], argument: str) -> None:
    """Check that all labels are columns; the error suggests the most similar ones."""
    known = set(columns)
    unknown = [label for label in labels if not isinstance(label, Hashable) or label not in known]
    if unknown:
        texts = [str(label) for label in columns]
        matches = [get_close_matches(str(label), texts, n=1) for label in unknown[:5]]
        close = [match[0] for match in matches if match]
        raise ValueError(
            f"`{role}` must name columns of `{argument}`. Received: unknown {shortlist(unknown)}. "
            + (f"Did you mean {shortlist(close)}? " if close else "")
            + f"The columns are {shortlist(texts)}."
        )


def column(frame: pd.DataFrame, label: Hashable) -> pd.Series:
    """Return one column, also where `frame[label]` would take a tuple for several labels."""
    return frame.iloc[:, frame.columns.tolist().index(label)]


def read_rows(
    frame: pd.DataFrame,
    id_column: Hashable | None,
    time_column: Hashable | None,
    argument: str = "frame",
) -> Rows:
    """Read the time of every row and, if there are ids, its id; none of them is missing.

    Raises:
        TypeError: if times are not datetimes, periods or integers, or ids cannot be sorted.
        ValueError: if a time or an id is missing, or the index does not have the right levels.
    """
    index, ids, where = frame.index, None, f"column {id_column!r}"
    has_levels = isinstance(index, pd.MultiIndex) and time_column is None
    source = TimeSource(argument, time_column, level=1 if has_levels else None)
    if has_levels:
        _check_levels(index, id_column, argument)
        times = as_times(index.get_level_values(1), source)
        ids, where = index.get_level_values(0), "level 0 of the index"
    else:
        values = index if time_column is None else pd.Index(column(frame, time_column))
        times = as_times(values, source)
    if id_column is not None:
        ids = column(frame, id_column)
    if ids is None:
        return Rows(times, source=source)
    return Rows(times, *_checked_ids(ids, where, argument), source)


def encode(values: pd.Index | pd.Series) -> tuple[np.ndarray, pd.Index]:
    """Encode values as positions in the sorted distinct ones, -1 where missing; return both.

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


def _check_levels(index: pd.MultiIndex, id_column: Hashable | None, argument: str) -> None:
    """Check that an index has two levels, ids and times, and that no column holds ids too."""
    levels = shortlist([f"{level.name!r} ({level.dtype})" for level in index.levels])
    if index.nlevels != 2:
        raise ValueError(
            f"`{argument}` must have an index of times, or of two levels: ids and times. Received: "
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
    if is_time(ids) and not is_time(times):
        raise ValueError(
            f"`{argument}` must have ids in the first level of its index and times in the second. "
            f"Received: {levels}. Call `frame.swaplevel()`."
        )


def _checked_ids(
    ids: pd.Index | pd.Series, where: str, argument: str
) -> tuple[np.ndarray, pd.Index]:
    """Encode ids, none missing: (N,) -> codes (N,) and their sorted labels (I,)."""
    try:
        codes, labels = encode(ids)
    except TypeError as error:
        raise TypeError(
            f"`{argument}` must have ids of one kind that can be sorted, such as texts or "
            f"integers. Received: {ids.dtype} in {where}, e.g. {shortlist(ids.tolist()[:2])} "
            f"({error}). Convert them, e.g. `.astype(str)`."
        ) from None
    if (codes < 0).any():
        raise ValueError(
            f"`{argument}` must have an id in every row. Received: none in {where} at rows "
            f"{shortlist(np.flatnonzero(codes < 0))}. Fill them in, or drop these rows."
        )
    return codes, labels
