"""Columns of a frame by role, converted to numbers: targets, covariates, weights."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.covariates import Covariates
from forecaster.data.frame_checks import FrameWarning, Rows, column, encode
from forecaster.data.messages import shortlist
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


def labels_of(columns: Any) -> list[Any]:
    """Return a list of labels as it is, None as an empty list, and anything else as one label."""
    if isinstance(columns, list):
        return columns
    return [] if columns is None else [columns]


def target_columns(frame: pd.DataFrame, target: Any, others: Collection[Hashable]) -> pd.DataFrame:
    """Select the columns to forecast, all numeric; a view of the frame where they are adjacent.

    Args:
        frame: any.
        target: a label or a list of labels; None for every numeric column that has no other role.
        others: labels of the columns that have one.

    Raises:
        TypeError: if a target is not numeric, or there is none.

    Warns:
        FrameWarning: if columns are left out because they are not numeric.
    """
    where = {label: i for i, label in enumerate(frame.columns)}
    chosen = [label for label in where if label not in others]
    if target is not None:
        chosen = labels_of(target)
    positions = np.array([where[label] for label in chosen], int)
    numeric = np.array([is_numeric(dtype) for dtype in frame.dtypes.iloc[positions]], bool)
    rejected = frame.dtypes.iloc[positions[~numeric]]
    named = shortlist([f"{label!r} ({dtype})" for label, dtype in rejected.items()])
    if target is None and numeric.any() and len(rejected):
        warn(
            f"`frame` has columns that are not numeric and are left out: {named}.",
            FrameWarning,
        )
        positions = positions[numeric]
    elif len(rejected) or not len(positions):
        raise TypeError(
            f"`target` must name numeric columns. Received: target={target!r}; not numeric: "
            f"{named or 'no column at all'}. Convert them: `frame.astype(float)`, or "
            f"`pd.to_numeric` for texts."
        )
    first, last = positions[0], positions[-1]
    are_adjacent = (np.diff(positions) == 1).all()
    return frame.iloc[:, slice(first, last + 1) if are_adjacent else positions]


def is_numeric(dtype: Any) -> bool:
    """Return whether a column holds real numbers or booleans."""
    is_complex = pd.api.types.is_complex_dtype(dtype)
    return pd.api.types.is_numeric_dtype(dtype) and not is_complex


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
    frame: pd.DataFrame, argument: str, labels: list[Hashable], rows: Rows
) -> Covariates:
    """Read covariates in the frame's order of rows: numbers as they are, categories as codes."""
    values = np.empty((len(labels), len(frame)))
    categories: list[pd.Index | None] = []
    for value, label in zip(values, labels, strict=True):
        value[:], vocabulary = to_numbers(column(frame, label), argument, rows)
        categories.append(vocabulary)
    return Covariates(values, pd.Index(labels, tupleize_cols=False), tuple(categories))


def to_numbers(values: pd.Series, argument: str, rows: Rows) -> tuple[np.ndarray, pd.Index | None]:
    """Return a column as numbers and None, or as codes and the sorted categories; NaN if missing.

    Args:
        values: (N,) numbers, booleans, texts or other categories of one kind.
        argument: name of the user's argument that names the column, for error messages.
        rows: of the frame, for error messages.

    Raises:
        TypeError: if the values are neither numbers nor categories of one kind.
    """
    if is_numeric(values.dtype):
        return to_values(values.to_frame(), rows)[0], None
    try:
        codes, categories = encode(values)
    except TypeError:  # lists, or texts beside numbers
        categories = None
    if categories is None or pd.api.types.infer_dtype(categories) not in _ENCODABLE:
        raise TypeError(
            f"`{argument}` must name columns of numbers, or of texts or other categories of one "
            f"kind. Received: {values.name!r} ({values.dtype}), e.g. "
            f"{shortlist(values.tolist()[:2])}. Convert it by `.astype(float)` or `.astype(str)`."
        )
    return np.where(codes < 0, np.nan, codes), categories.rename(None)


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
    if not is_numeric(values.dtype):
        raise TypeError(
            f"`weight_column` must name a column of numbers. Received: {label!r} "
            f"({values.dtype}). Convert it: `.astype(float)`."
        )
    weights = to_values(values.to_frame(), rows)[0]
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
