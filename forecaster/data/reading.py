"""Frames in and out: the only place that reads a user's frame.

Who owns what:

* `read_frame` checks a frame and lays it on regular grids; nothing after it checks data again;
* `forecast_frame` writes forecasts in the layout of that frame;
* `series_table.py` holds the grids as arrays, and what forecasts need to get the user's layout;
* `frame_checks.py` owns what must hold of a frame, `placement.py` which row lies where;
* `time_grid.py` owns the times: their step, their positions, and what comes after the last.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.alignment import lay_on_grid
from forecaster.data.columns import (
    labels_of,
    once_for_each_id,
    read_covariates,
    read_weights,
    reject_empty,
    reject_weightless,
    target_columns,
    to_values,
)
from forecaster.data.covariates import GROUPS, Covariates
from forecaster.data.frame_checks import FrameWarning, as_frame, check_columns, read_rows
from forecaster.data.interop import as_library, library_of
from forecaster.data.json_index import label_from_plain, plain_label
from forecaster.data.quality import warn_of_outliers
from forecaster.data.series_table import SeriesTable
from forecaster.data.time_grid import freq_name, moments

__all__ = [
    "Covariates",
    "FrameWarning",
    "SeriesTable",
    "forecast_frame",
    "label_from_plain",
    "plain_label",
    "read_frame",
]


def read_frame(
    frame: pd.DataFrame | pd.Series,
    *,
    target: Hashable | list[Hashable] | None = None,
    id_column: Hashable | None = None,
    time_column: Hashable | None = None,
    freq: Any = None,
    past_covariates: Sequence[Hashable] = (),
    future_covariates: Sequence[Hashable] = (),
    static_covariates: Sequence[Hashable] = (),
    weight_column: Hashable | None = None,
) -> SeriesTable:
    """Check a frame and lay it on regular grids; the frame itself is never changed.

    Args:
        frame: rows in any order. Wide: one row a time, one column a series. Long: one row a time
            and id, with the ids in the column `id_column`, or in the first level of an index of
            two levels with the times in the second. The times are the index or the column
            `time_column`: datetimes with or without a time zone, periods, or integers; a column
            may also hold texts in ISO 8601. A Series is a frame of one column, called "value" if
            it has no name.
        target: label or list of labels of the columns to read. None (default) reads every
            numeric one that has no other role. Numbers and booleans are read; NaN and NA are
            missing.
        id_column: label of the column of ids, which must be of one kind that can be sorted. None
            (default) means a wide frame, or an index of two levels.
        time_column: label of the column of times. None (default) means the index.
        freq: step between rows: a pandas alias or offset, or a positive int for integers. None
            (default) takes that of the index, or else the step that most neighbours share.
        past_covariates: labels of columns that are known up to the last row. Numbers and booleans
            are numbers; texts and other categories become codes.
        future_covariates: labels of columns that will be known for the horizon too.
        static_covariates: labels of columns that hold one value for each id.
        weight_column: label of a column of what each row counts, 0 or more. None (default): all
            rows count the same.

    Returns:
        A `SeriesTable` with one id for a wide frame; else with an id for each label, sorted, each
        from its own first time to its own last. Rows that the frame lacks are NaN. Its values are
        a view of the frame where that is regular, sorted and float64.

    Raises:
        TypeError: if `frame` is no pandas object, its times or ids are none, or a target is not
            numeric, a covariate neither numbers nor categories.
        ValueError: if the frame is empty, a column is unknown or there twice, a time or an id is
            missing, a time of an id is there twice or off the grid, the step is unclear, a value
            is infinite or beyond float32, there is no value at all, a column has two roles, a
            static covariate changes within an id, or a weight is missing or negative.

    Warns:
        FrameWarning: if rows are missing, columns are left out for not being numeric, or a value
            dwarfs its series.

    Example:
        >>> days = pd.date_range("2024-01-01", periods=3, freq="D")
        >>> read_frame(pd.DataFrame({"sold": [1, 2, 3]}, index=days)).values
        array([[1., 2., 3.]])
    """
    reading = Reading(
        target=target,
        id_column=id_column,
        time_column=time_column,
        freq=freq,
        past_covariates=past_covariates,
        future_covariates=future_covariates,
        static_covariates=static_covariates,
        weight_column=weight_column,
    )
    table, lacking = read_part(frame, reading)
    check_whole(table, reading, lacking[:5], len(lacking))
    return table


@dataclass(frozen=True)
class Reading:
    """What `read_frame` is told beside the frame; its arguments."""

    target: Hashable | list[Hashable] | None = None
    id_column: Hashable | None = None
    time_column: Hashable | None = None
    freq: Any = None
    past_covariates: Sequence[Hashable] = ()
    future_covariates: Sequence[Hashable] = ()
    static_covariates: Sequence[Hashable] = ()
    weight_column: Hashable | None = None

    @property
    def roles(self) -> dict[str, list[Hashable]]:
        """The arguments that name columns, but for the targets, each with its labels."""
        return {
            "id_column": labels_of(self.id_column),
            "time_column": labels_of(self.time_column),
            "weight_column": labels_of(self.weight_column),
            **{name: list(getattr(self, name)) for name in GROUPS},
        }

    def check(self, frame: pd.DataFrame) -> None:
        """Whether a frame has all columns that are named, each for one role."""
        target = {} if self.target is None else {"target": labels_of(self.target)}
        check_columns(frame, {**self.roles, **target})

    def targets_of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The columns to forecast."""
        others = {label for labels in self.roles.values() for label in labels}
        return target_columns(frame, self.target, others)


def read_part(frame: Any, reading: Reading) -> tuple[SeriesTable, np.ndarray]:
    """As `read_frame`, of a frame that may be some ids of a larger one: see `check_whole`.

    Returns:
        The table, and which of its N rows the frame lacks: int64, rising.
    """
    id_column, time_column = reading.id_column, reading.time_column
    library, frame = library_of(frame), as_frame(frame, id_column, time_column)
    reading.check(frame)
    rows = read_rows(frame, id_column, time_column)
    placement = lay_on_grid(rows, reading.freq)
    columns = reading.targets_of(frame)
    values = to_values(columns, rows)
    past, future, static = (
        read_covariates(frame, name, reading.roles[name], rows) for name in GROUPS
    )
    weights = reading.weight_column
    weights = None if weights is None else read_weights(frame, weights, rows)
    lacking = placement.missing()
    table = SeriesTable(
        values=_read_only(placement.spread(values)),
        offsets=placement.offsets,
        starts=placement.grid.starts.rename(rows.times.name),
        freq=placement.grid.freq,
        targets=columns.columns,
        time_name=rows.times.name,
        time_column=time_column is not None,
        ids=rows.ids,
        id_column=id_column is not None,
        past_covariates=replace(past, values=placement.spread(past.values)),
        future_covariates=replace(future, values=placement.spread(future.values)),
        static_covariates=once_for_each_id(static, rows),
        weights=None if weights is None else placement.spread(weights[None], fill=0)[0],
        library=library,
    )
    return table, lacking


def check_whole(table: SeriesTable, reading: Reading, lacking: np.ndarray, count: int) -> None:
    """What can be said of all ids together only: that there are values, and what is worth a word.

    Args:
        table: all that was read.
        reading: how.
        lacking: the first rows of the table that the frame lacks; five are enough.
        count: how many they are in all.
    """
    reject_empty(table.values, table.targets)
    if table.weights is not None:
        reject_weightless(table.weights, reading.weight_column)
    _warn_of_missing(table, lacking, count)
    warn_of_outliers(table)


def _read_only(values: np.ndarray) -> np.ndarray:
    """The same array: it may be the user's memory."""
    values = values.view()
    values.flags.writeable = False
    return values


def forecast_frame(
    table: SeriesTable, prediction: np.ndarray, *, levels: Sequence[float] | None = None
) -> pd.DataFrame:
    """Write forecasts for the steps after each id's last row, in the layout of the table's frame.

    Args:
        table: what was forecast from.
        prediction: (I, S, H), or (I, S, H, Q) with `levels`, in the target's units.
        levels: Q probabilities.

    Returns:
        Wide: (H, S) or (H, S * Q) frame with the future times as index; as first column where they
        came as `time_column`; with `levels` as the last level of the columns, called "quantile".
        A Series comes back as a frame of one column. Long: (I * H) rows with ids and times where
        they were. One target becomes the column "prediction", or a column "q0.1" for each level;
        several are columns as in wide frames.

    Raises:
        ValueError: if the shape of `prediction` does not fit.
    """
    prediction = np.asarray(prediction)
    _check_shape(table, prediction, levels)
    horizon = prediction.shape[2]
    # (I, S, H) -> (I, H, S); (I, S, H, Q) -> (I, H, S, Q); each -> (I * H, S * Q)
    values = np.moveaxis(prediction, 1, 2).reshape(table.num_ids * horizon, -1)
    forecast = pd.DataFrame(values, columns=_forecast_columns(table, levels))
    return as_library(with_keys(forecast, table, horizon), table.library)


def _check_shape(
    table: SeriesTable, prediction: np.ndarray, levels: Sequence[float] | None
) -> None:
    axes = "(ids, targets, horizon)" if levels is None else "(ids, targets, horizon, levels)"
    tail = () if levels is None else (len(levels),)
    shape = prediction.shape
    expected = (3 + len(tail), (table.num_ids, table.num_targets), tail)
    if (len(shape), shape[:2], shape[3:]) != expected:
        raise ValueError(
            f"`prediction` must have the shape {axes}. Received: shape {shape}, {table.num_ids} "
            f"ids, {table.num_targets} targets, levels={levels!r}. Pass `levels` where there are "
            f"quantiles, and only there."
        )


def _forecast_columns(table: SeriesTable, levels: Sequence[float] | None) -> pd.Index:
    targets = table.targets
    if table.ids is not None and table.num_targets == 1:
        return pd.Index(["prediction"] if levels is None else [f"q{level}" for level in levels])
    if levels is None:
        return targets
    labels = [label if targets.nlevels > 1 else (label,) for label in targets]
    pairs = [(*label, level) for label in labels for level in levels]
    return pd.MultiIndex.from_tuples(pairs, names=[*targets.names, "quantile"])


def with_keys(frame: pd.DataFrame, table: SeriesTable, horizon: int) -> pd.DataFrame:
    """Rows of the horizon, id after id, with ids and times where they were in the user's frame."""
    if table.ids is None:
        frame.index = table.times(0, table.num_rows, horizon)
        return frame.reset_index() if table.time_column else frame
    series = np.repeat(np.arange(table.num_ids), horizon)
    steps = np.tile(np.arange(horizon), table.num_ids)
    times = table.times_at(series, table.lengths[series] + steps)
    frame.index = pd.MultiIndex.from_arrays([table.ids[series], times])
    levels = [level for level, is_in in enumerate((table.id_column, table.time_column)) if is_in]
    return frame.reset_index(level=levels) if levels else frame


def _warn_of_missing(table: SeriesTable, lacking: np.ndarray, count: int) -> None:
    if not count:
        return
    # Five times are enough to name; making all of them may cost more than the frame.
    series = table.offsets.searchsorted(lacking[:5], side="right") - 1
    times = table.times_at(series, lacking[:5] - table.offsets[series])
    named = moments(times, None if table.ids is None else table.ids[series], count)
    warnings.warn(
        f"`frame` lacks {count} of {table.num_rows} rows in steps of {freq_name(table.freq)!r}, "
        f"which become NaN: {named}.",
        FrameWarning,
        stacklevel=4,
    )
