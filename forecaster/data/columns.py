"""Columns of a frame by role, converted to numbers: targets, covariates, weights."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.covariates import Covariates
from forecaster.data.frame_checks import FrameWarning, Rows, column, encode
from forecaster.data.hints import looks_like_times, time_hint
from forecaster.data.labels import labels_of
from forecaster.data.messages import shortlist
from forecaster.data.numbers import (
    advice,
    are_mixed,
    as_numbers_if,
    is_numeric,
    number_texts,
    received,
)
from forecaster.utils.warn import warn

_LARGEST = 1e100  # sums of squares must be finite
_ENCODABLE = (  # what categories may be, as pandas infers it
    "string",
    "boolean",
    "integer",
    "floating",
    "mixed-integer-float",
    "empty",
)


def target_columns(
    frame: pd.DataFrame,
    target: Any,
    others: Collection[Hashable],
    *,
    known: Collection[Hashable] = (),
    has_times: bool = True,
) -> pd.DataFrame:
    """Select the columns to forecast, all numeric; a view of the frame where they are adjacent.

    Args:
        frame: any. Columns of numbers that are kept as objects become float64.
        target: a label or a list of labels; None for every numeric column that has no other role.
        others: labels of the columns that have one.
        known: labels of targets in a frame that was read before, which are not left out here.
        has_times: whether a column of times is named.

    Raises:
        TypeError: if a target, or a column that was one before, is not numeric, or there is none.

    Warns:
        FrameWarning: if columns are left out because they are not numeric.
    """
    where = {label: i for i, label in enumerate(frame.columns)}
    chosen = [label for label in where if label not in others]
    if target is not None:
        chosen = labels_of(target, frame.columns)
    positions = np.array([where[label] for label in chosen], int)
    numeric = np.array([is_numeric(dtype) for dtype in frame.dtypes.iloc[positions]], bool)
    is_wanted = {p: target is not None or frame.columns[p] in known for p in positions[~numeric]}
    converted = {}
    for position in is_wanted:
        values = as_numbers_if(frame.iloc[:, position])
        if values is None and is_wanted[position] and _has_no_value(frame.iloc[:, position]):
            values = pd.Series(np.nan, index=frame.index)
        if values is not None:
            converted[position] = values
    numeric |= np.isin(positions, list(converted))
    rejected = frame.iloc[:, positions[~numeric]]
    was_target = any(is_wanted[position] for position in positions[~numeric])
    if numeric.any() and len(rejected.columns) and not was_target:
        warn(
            f"`frame` has columns that are not numeric and are left out: "
            f"{_with_dtypes(rejected)}.{_advice_to_include(rejected, has_times)}",
            FrameWarning,
        )
        positions = positions[numeric]
    elif len(rejected.columns) or not len(positions):
        raise TypeError(
            f"`target` must name numeric columns. Received: target={target!r}; not numeric: "
            f"{_with_dtypes(rejected) or 'no column at all'}. "
            + (_advice_to_convert(rejected, has_times) or "Name a column.")
        )
    first, last = positions[0], positions[-1]
    are_adjacent = (np.diff(positions) == 1).all()
    columns = frame.iloc[:, slice(first, last + 1) if are_adjacent else positions]
    places = {place: converted[p] for place, p in enumerate(positions) if p in converted}
    return _replaced(columns, places) if places else columns


def _replaced(columns: pd.DataFrame, others: Mapping[int, pd.Series]) -> pd.DataFrame:
    """Replace columns by position; the frame that they are of stays as it is."""
    columns = columns.copy(deep=False)
    for place, values in others.items():
        columns.isetitem(place, values)
    return columns


def _has_no_value(values: pd.Series) -> bool:
    """Return whether a column of objects or texts has no value at all, and so no kind."""
    return values.dtype.kind in "OU" and bool(values.isna().all())


def _with_dtypes(columns: pd.DataFrame) -> str:
    """List columns with their dtypes."""
    return shortlist([f"{label!r} ({dtype})" for label, dtype in columns.dtypes.items()])


def _advice_to_include(columns: pd.DataFrame, has_times: bool) -> str:
    """Name the call that makes a column that is left out a target, or times."""
    hint = "" if has_times else time_hint(columns)
    for label, values in columns.items():
        if number_texts(values):
            return f" {label!r} looks like numbers. {advice(values, names_allowed=False)}{hint}"
        if values.dtype == object and are_mixed(values.dropna()):
            return f" {label!r}: {advice(values, names_allowed=False)}{hint}"
    return hint


def _advice_to_convert(columns: pd.DataFrame, has_times: bool) -> str:
    """Name the call for the first of some columns that cannot be targets."""
    for label, values in columns.items():
        if looks_like_times(values):
            other = f"`target` must name others: leave {label!r} out."
            return other if has_times else f"It looks like times: `time_column={label!r}`."
        texts = number_texts(values)
        seen = f"{label!r} holds {', '.join(map(repr, texts[:3]))}. " if texts else ""
        return seen + advice(values, names_allowed=False)
    return ""


def to_values(columns: pd.DataFrame, rows: Rows) -> np.ndarray:
    """Convert columns (N, C) to values (C, N) float64, a view where possible, finite or NaN.

    Raises:
        ValueError: if a value is infinite or beyond 1e100.
    """
    masked = any(isinstance(dtype, pd.api.extensions.ExtensionDtype) for dtype in columns.dtypes)
    missing = {"na_value": np.nan} if masked else {}  # asking for it costs a copy
    values = columns.to_numpy(dtype=np.float64, **missing).T
    # Both ignore NaN and need no array of the size of `values`.
    lowest, highest = np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1)
    beyond = np.flatnonzero((lowest < -_LARGEST) | (highest > _LARGEST))
    if len(beyond):
        found = np.flatnonzero(np.abs(values[beyond[0]]) > _LARGEST)
        raise ValueError(
            f"`{rows.argument}` must hold finite numbers up to 1e100. Received: "
            f"{values[beyond[0], found[0]]} in column {columns.columns[beyond[0]]!r} at "
            f"{rows.named(found)}; columns with such values: {len(beyond)}. Replace them by "
            f"NaN if they mean missing, or scale the column."
        )
    return values


def reject_empty(values: np.ndarray, labels: pd.Index) -> None:
    """Check that (S, N) values are not all missing."""
    if np.isnan(np.fmax.reduce(values, axis=1)).all():
        raise ValueError(
            f"`frame` must hold at least one number. Received: only missing values in columns "
            f"{shortlist(labels)}. Check how the frame was made."
        )


def read_covariates(
    frame: pd.DataFrame,
    argument: str,
    labels: list[Hashable],
    rows: Rows,
    like: Covariates | None = None,
) -> Covariates:
    """Read covariates in the frame's order of rows: numbers as they are, categories as codes.

    Args:
        frame: that has the columns.
        argument: name of the user's argument that names them, for error messages.
        labels: of the columns.
        rows: of the frame, for error messages.
        like: the same covariates as they were read before: what was a category there is one here.
    """
    values = np.empty((len(labels), len(frame)))
    known = (None,) * len(labels) if like is None else like.categories
    categories: list[pd.Index | None] = []
    for value, label, before in zip(values, labels, known, strict=True):
        value[:], vocabulary = to_numbers(column(frame, label), argument, rows, before)
        categories.append(vocabulary)
    return Covariates(values, pd.Index(labels, tupleize_cols=False), tuple(categories))


def to_numbers(
    values: pd.Series, argument: str, rows: Rows, before: pd.Index | None = None
) -> tuple[np.ndarray, pd.Index | None]:
    """Return a column as numbers and None, or as codes and the sorted categories; NaN if missing.

    Args:
        values: (N,) numbers, booleans, texts or other categories of one kind.
        argument: name of the user's argument that names the column, for error messages.
        rows: of the frame, for error messages.
        before: the categories that the column has been read with, whose kind it then has; None
            where it is new, or of numbers.

    Raises:
        TypeError: if the values are neither numbers nor categories of one kind, or texts that
            look like numbers.
    """
    was_category = before is not None and len(before) > 0
    was_numbers = before is not None and is_numeric(before.dtype)
    if (was_numbers or not was_category) and (texts := number_texts(values)):
        raise TypeError(
            f"`{argument}` must name columns of numbers, or of texts or other categories of one "
            f"kind. Received: {received(values, texts)}. {advice(values, rows.argument)}"
        )
    numbers = as_numbers_if(values)
    if numbers is not None and not (was_category and was_numbers):
        return to_values(numbers.to_frame(), rows)[0], None
    try:
        codes, categories = encode(values if numbers is None else numbers.astype("Float64"))
    except TypeError:  # lists, or texts beside numbers
        categories = None
    if categories is None or pd.api.types.infer_dtype(categories) not in _ENCODABLE:
        raise TypeError(
            f"`{argument}` must name columns of numbers, or of texts or other categories of one "
            f"kind. Received: {received(values)}. {advice(values, rows.argument)}"
        )
    if numbers is not None:
        categories = _numbers_like(categories.astype(float), before)
    return np.where(codes < 0, np.nan, codes), categories.rename(None)


def _numbers_like(categories: pd.Index, before: pd.Index | None) -> pd.Index:
    """Return categories that are numbers as booleans, if those before were and they can be."""
    is_bool = before is not None and pd.api.types.is_bool_dtype(before.dtype)
    return categories.astype(bool) if is_bool and categories.isin([0, 1]).all() else categories


def once_for_each_id(covariates: Covariates, rows: Rows) -> Covariates:
    """Reduce static covariates of rows, (K, N), to the one value of each id, (K, I), NaN for none.

    Raises:
        ValueError: if a covariate has several values within an id.
    """
    num_ids = 1 if rows.ids is None else len(rows.ids)
    codes = np.broadcast_to(0, len(rows.times)) if rows.codes is None else rows.codes
    lowest = np.full((len(covariates), num_ids), np.inf)
    highest = -lowest
    for position, values in enumerate(covariates.values):
        known = np.flatnonzero(~np.isnan(values))
        np.minimum.at(lowest[position], codes[known], values[known])
        np.maximum.at(highest[position], codes[known], values[known])
        varying = np.flatnonzero(lowest[position] < highest[position])
        if len(varying):
            few = varying[:5]
            ids = ["the frame"] if rows.ids is None else map(repr, rows.ids[few].tolist())
            pairs = zip(
                ids,
                covariates.decoded(position, lowest[position][few]).tolist(),
                covariates.decoded(position, highest[position][few]).tolist(),
                strict=True,
            )
            named = [f"{low!r} and {high!r} in {label}" for label, low, high in pairs]
            raise ValueError(
                f"`static_covariates` must have one value for each id. Received: "
                f"{covariates.names[position]!r} with {shortlist(named, len(varying))}. Correct "
                f"it, or name it among `past_covariates` or `future_covariates`."
            )
    return replace(covariates, values=np.where(lowest <= highest, lowest, np.nan))


def read_weights(frame: pd.DataFrame, label: Hashable, rows: Rows) -> np.ndarray:
    """Read the weights of rows, (N,) float64: finite, not negative, none missing."""
    values = column(frame, label)
    numbers = as_numbers_if(values)
    if numbers is None:
        raise TypeError(
            f"`weight_column` must name a column of numbers. Received: "
            f"{received(values, number_texts(values))}. {advice(values, names_allowed=False)}"
        )
    weights = to_values(numbers.to_frame(), rows)[0]
    wrong = np.flatnonzero(~(weights >= 0))  # NaN too
    if len(wrong):
        raise ValueError(
            f"`weight_column` must hold a weight of 0 or more in every row. Received: "
            f"{weights[wrong[0]]} in column {label!r} at {rows.named(wrong)}. Use 0 for rows that "
            f"must not count."
        )
    return weights


def reject_weightless(weights: np.ndarray, label: Hashable) -> None:
    """Check that a weight of (N,) is above 0."""
    if not weights.max() > 0:
        raise ValueError(
            f"`weight_column` must hold a weight above 0. Received: only 0 in column {label!r}. "
            f"Leave `weight_column` out where all rows count the same."
        )
