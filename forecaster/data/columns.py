"""The columns of a user's frame by the part they play, as numbers: targets, covariates, weights."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Hashable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.covariates import Covariates
from forecaster.data.frame_checks import FrameWarning, Rows, column, encode
from forecaster.data.time_grid import shortlist

_LARGEST = float(np.finfo(np.float32).max)  # networks compute in float32
_PLAIN = ("string", "boolean", "integer", "floating", "mixed-integer-float", "empty")


def labels_of(columns: Any) -> list[Any]:
    """A list of labels as it is; None is no column, anything else is the label of one."""
    if isinstance(columns, list):
        return columns
    return [] if columns is None else [columns]


def target_columns(frame: pd.DataFrame, target: Any, others: Collection[Hashable]) -> pd.DataFrame:
    """The columns to forecast, all of them numeric; a view of the frame where they lie together.

    Args:
        frame: any.
        target: a label or a list of labels; None for every numeric column that has no other role.
        others: labels of the columns that have one.
    """
    where = {label: i for i, label in enumerate(frame.columns)}
    chosen = [label for label in where if label not in others]
    if target is not None:
        chosen = labels_of(target)
    positions = np.array([where[label] for label in chosen], int)
    numeric = np.array([is_numeric(dtype) for dtype in frame.dtypes.iloc[positions]], bool)
    others = frame.dtypes.iloc[positions[~numeric]]
    named = shortlist([f"{label!r} ({dtype})" for label, dtype in others.items()])
    if target is None and numeric.any() and len(others):
        warnings.warn(
            f"`frame` has columns that are not numeric and are left out: {named}.",
            FrameWarning,
            stacklevel=5,
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


def is_numeric(dtype: Any) -> bool:
    """Whether a column holds numbers or booleans, none of them complex."""
    is_complex = pd.api.types.is_complex_dtype(dtype)
    return pd.api.types.is_numeric_dtype(dtype) and not is_complex


def to_values(columns: pd.DataFrame, rows: Rows) -> np.ndarray:
    """(N, C) frame -> (C, N) float64, a view where it can be one; finite where it is not NaN."""
    masked = any(isinstance(dtype, pd.api.extensions.ExtensionDtype) for dtype in columns.dtypes)
    missing = {"na_value": np.nan} if masked else {}  # asking for it costs a copy
    values = columns.to_numpy(dtype=np.float64, **missing).T
    # Both ignore NaN and need no array of the size of `values`.
    lowest, highest = np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1)
    beyond = np.flatnonzero((lowest < -_LARGEST) | (highest > _LARGEST))
    if len(beyond):
        found = np.flatnonzero(np.abs(values[beyond[0]]) > _LARGEST)
        raise ValueError(
            f"`frame` must hold finite numbers within float32 (3.4e38). Received: "
            f"{values[beyond[0], found[0]]} in column {columns.columns[beyond[0]]!r} at "
            f"{rows.named(found)}; columns with such values: {len(beyond)}. Replace them by "
            f"NaN if they mean missing, or scale the column."
        )
    return values


def reject_empty(values: np.ndarray, labels: pd.Index) -> None:
    """There is a number among (S, N) values."""
    if np.isnan(np.fmax.reduce(values, axis=1)).all():
        raise ValueError(
            f"`frame` must hold at least one number. Received: only missing values in columns "
            f"{shortlist(labels)}. Check how the frame was made."
        )


def read_covariates(
    frame: pd.DataFrame, argument: str, labels: list[Hashable], rows: Rows
) -> Covariates:
    """Columns in the frame's order of rows: numbers as they are, texts and categories as codes."""
    values = np.empty((len(labels), len(frame)))
    categories: list[pd.Index | None] = []
    for value, label in zip(values, labels, strict=True):
        value[:], vocabulary = to_numbers(column(frame, label), argument, rows)
        categories.append(vocabulary)
    return Covariates(values, pd.Index(labels, tupleize_cols=False), tuple(categories))


def to_numbers(values: pd.Series, argument: str, rows: Rows) -> tuple[np.ndarray, pd.Index | None]:
    """(N,) float64 numbers and None, or codes and the sorted categories; NaN where missing."""
    if is_numeric(values.dtype):
        return to_values(values.to_frame(), rows)[0], None
    try:
        codes, categories = encode(values)
    except TypeError:  # lists, or texts beside numbers
        categories = None
    if categories is None or pd.api.types.infer_dtype(categories) not in _PLAIN:
        raise TypeError(
            f"`{argument}` must name columns of numbers, or of texts or other categories of one "
            f"kind. Received: {values.name!r} ({values.dtype}), e.g. "
            f"{shortlist(values.tolist()[:2])}. Convert it by `.astype(float)` or `.astype(str)`."
        )
    return np.where(codes < 0, np.nan, codes), categories.rename(None)


def once_for_each_id(covariates: Covariates, rows: Rows) -> Covariates:
    """(K, N) static covariates of rows -> (K, I), the one value that each id has; NaN for none."""
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
    """(N,) float64: finite, not negative, and none missing."""
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
    """There is a weight above 0 among (N,)."""
    if not weights.max() > 0:
        raise ValueError(
            f"`weight_column` must hold a weight above 0. Received: only 0 in column {label!r}. "
            f"Leave `weight_column` out where all rows count the same."
        )
