"""What must hold of a user's frame before it is read, and the error that says so where it does not.

`table.py` calls these in order; each takes what the user gave and returns the part that is asked
for, without a change to it and, where pandas can, without a copy.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from forecaster.time_grid import is_integer, shortlist

_PARSED = ("string", "date", "datetime")  # what CSV files and databases give for times
_LARGEST = float(np.finfo(np.float32).max)  # networks compute in float32


class FrameWarning(UserWarning):
    """A frame was read, but rows or values are missing, columns left out, or without variation."""


def as_frame(frame: Any, time_column: Hashable | None) -> pd.DataFrame:
    """A frame with rows and with columns of different labels; a Series becomes a column."""
    if isinstance(frame, pd.Series):
        if time_column is not None:
            raise ValueError(
                f"`time_column` must be None for a Series, whose index holds the times. Received: "
                f"time_column={time_column!r}. Leave it out, or pass a DataFrame with that column."
            )
        frame = frame.to_frame("value" if frame.name is None else frame.name)
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(
            f"`frame` must be a pandas DataFrame or Series. Received: {type(frame).__name__}. Call "
            f"its `to_pandas()` if it has one, or `pd.DataFrame(values, index=times)`."
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


def read_times(frame: pd.DataFrame, time_column: Hashable | None) -> pd.Index:
    """(N,) DatetimeIndex, PeriodIndex or int64 Index, no time missing, in the frame's order."""
    if time_column is None:
        times, where = frame.index, "the index"
    else:
        column = frame.iloc[:, _positions(frame.columns, "time_column", [time_column])[0]]
        times, where = pd.Index(column), f"column {time_column!r}"
    if not isinstance(times, pd.MultiIndex) and times.hasnans:
        raise ValueError(
            f"`frame` must have a time in every row. Received: none in {where} at rows "
            f"{shortlist(np.flatnonzero(times.isna()))}. Fill them in, or drop these rows."
        )
    if time_column is not None and pd.api.types.infer_dtype(times) in _PARSED:
        times = _parse_times(times, time_column)
    if isinstance(times, pd.DatetimeIndex | pd.PeriodIndex):
        return times
    if is_integer(times):
        return times if times.dtype == np.int64 else times.astype(np.int64)
    kind = "a MultiIndex" if isinstance(times, pd.MultiIndex) else f"{times.dtype} in {where}"
    raise TypeError(
        f"`frame` must have datetimes, periods or integers as times. Received: {kind}, e.g. "
        f"{shortlist(times[:2])}. Set `frame.index = pd.to_datetime(frame.index)`, or name the "
        f"column of times by `time_column`; give each series a column by `frame.pivot`."
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


def target_columns(frame: pd.DataFrame, target: Any, time_column: Hashable | None) -> pd.DataFrame:
    """The columns to forecast, all of them numeric; a view of the frame where they lie together."""
    hidden = () if time_column is None else (time_column,)
    if target is None:
        labels = [label for label in frame.columns if label not in hidden]
    else:
        labels = target if isinstance(target, list) else [target]
    positions = np.array(_positions(frame.columns, "target", labels, hidden), int)
    numeric = np.array([_is_numeric(dtype) for dtype in frame.dtypes.iloc[positions]], bool)
    others = frame.dtypes.iloc[positions[~numeric]]
    named = shortlist([f"{label!r} ({dtype})" for label, dtype in others.items()])
    if target is None and numeric.any() and len(others):
        warnings.warn(
            f"`frame` has columns that are not numeric and are left out: {named}.",
            FrameWarning,
            stacklevel=3,
        )
        positions = positions[numeric]
    elif len(others) or not len(positions):
        raise TypeError(
            f"`target` must name numeric columns. Received: target={target!r}; not numeric: "
            f"{named or 'no column at all'}. Convert them: `frame.astype(float)`, or "
            f"`pd.to_numeric` for texts."
        )
    first, last = positions[0], positions[-1]
    together = (np.diff(positions) == 1).all()
    return frame.iloc[:, slice(first, last + 1) if together else positions]


def _is_numeric(dtype: Any) -> bool:
    is_complex = pd.api.types.is_complex_dtype(dtype)
    return pd.api.types.is_numeric_dtype(dtype) and not is_complex


def _positions(
    columns: pd.Index, argument: str, labels: list[Any], hidden: tuple[Hashable, ...] = ()
) -> list[int]:
    """Where these labels stand among the columns; each must be there, and be asked for once."""
    where = {label: i for i, label in enumerate(columns) if label not in hidden}
    unknown = [label for label in labels if not isinstance(label, Hashable) or label not in where]
    if unknown:
        texts = [str(label) for label in where]
        close = [get_close_matches(str(label), texts, n=1) for label in unknown[:5]]
        close = [near[0] for near in close if near]
        raise ValueError(
            f"`{argument}` must name columns of `frame`. Received: unknown {shortlist(unknown)}. "
            + (f"Did you mean {shortlist(close)}? " if close else "")
            + f"The columns are {shortlist(texts)}."
        )
    if len(set(labels)) < len(labels):
        raise ValueError(
            f"`{argument}` must name every column once. Received: {argument}={labels!r}. Drop the "
            f"repeated labels."
        )
    return [where[label] for label in labels]


def to_values(columns: pd.DataFrame, times: pd.Index) -> np.ndarray:
    """(N, S) frame -> (S, N) float64, a view where it can be one; finite where it is not NaN."""
    masked = any(isinstance(dtype, pd.api.extensions.ExtensionDtype) for dtype in columns.dtypes)
    missing = {"na_value": np.nan} if masked else {}  # asking for it costs a copy
    values = columns.to_numpy(dtype=np.float64, **missing).T
    # Both ignore NaN and need no array of the size of `values`.
    lowest, highest = np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1)
    beyond = np.flatnonzero((lowest < -_LARGEST) | (highest > _LARGEST))
    if len(beyond):
        rows = np.flatnonzero(np.abs(values[beyond[0]]) > _LARGEST)
        raise ValueError(
            f"`frame` must hold finite numbers within float32 (3.4e38). Received: "
            f"{values[beyond[0], rows[0]]} in column {columns.columns[beyond[0]]!r} at "
            f"{shortlist(times[rows])}; columns with such values: {len(beyond)}. Replace them by "
            f"NaN if they mean missing, or scale the column."
        )
    if np.isnan(highest).all():
        raise ValueError(
            f"`frame` must hold at least one number. Received: only missing values in columns "
            f"{shortlist(columns.columns)}. Check how the frame was made."
        )
    return values


def warn_of_constants(values: np.ndarray, labels: pd.Index) -> None:
    """Name the columns of (S, N) values from which nothing can be learned."""
    lowest, highest = np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1)
    for found, what in (
        (lowest == highest, "one value only, from which nothing can be learned"),
        (np.isnan(highest), "no value at all, so that their forecasts are NaN"),
    ):
        if found.any():
            warnings.warn(
                f"`frame` has columns with {what}: {shortlist(labels[found])}.",
                FrameWarning,
                stacklevel=4,
            )
