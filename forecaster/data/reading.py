"""Reader of frames: checks a user's frame and aligns it to regular grids.

Who owns what:

* `Reading` holds the options: the roles of the columns, and the step;
* `read_frame` checks a frame and aligns it to regular grids; nothing after it checks data again;
* `frame_checks.py` owns the checks of a frame, `alignment.py` the position of each row;
* `series_table.py` owns the arrays, and the layout in which `writing.py` returns forecasts;
* `time_grid.py` owns the times: their step, their positions, and those after the last row.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.alignment import align_rows
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
from forecaster.data.covariates import COVARIATE_ROLES
from forecaster.data.frame_checks import as_frame, check_columns, read_rows
from forecaster.data.interop import library_of
from forecaster.data.quality import warn_of_gaps, warn_of_outliers
from forecaster.data.series_table import FrameLayout, SeriesTable
from forecaster.data.time_kinds import KnownTimes, reject_disguised


@dataclass(frozen=True)
class Reading:
    """Options of reading a frame: the roles of its columns, and the step of its times.

    Args:
        target: label or list of labels of the columns to read. None (default) reads every
            numeric one that has no other role. Numbers and booleans are read; NaN and NA are
            missing.
        id_column: label of the column of ids, which must be of one kind that can be sorted. None
            (default) means a wide frame, or an index of two levels.
        time_column: label of the column of times. None (default) means the index.
        freq: step between rows: a pandas alias or offset, or a positive int for integers. None
            (default) takes the step of the index, or else infers the one most times share.
        past_covariates: labels of columns that are known up to the last row. Numbers and booleans
            are numbers; texts and other categories become codes.
        future_covariates: labels of columns that will be known for the horizon too.
        static_covariates: labels of columns that hold one value for each id.
        weight_column: label of the column of weights of rows, 0 or more. None (default): all
            rows have the same weight.
    """

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
        """Return the labels that each argument names, but for the targets."""
        return {
            "id_column": labels_of(self.id_column),
            "time_column": labels_of(self.time_column),
            "weight_column": labels_of(self.weight_column),
            **{name: list(getattr(self, name)) for name in COVARIATE_ROLES},
        }

    def check(self, frame: pd.DataFrame) -> None:
        """Check that a frame has all columns that are named, each for one role."""
        target = {} if self.target is None else {"target": labels_of(self.target)}
        check_columns(frame, {**self.roles, **target})

    def targets_of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the columns to forecast."""
        others = {label for labels in self.roles.values() for label in labels}
        return target_columns(frame, self.target, others)


def read_frame(
    frame: Any, reading: Reading = Reading(), like: KnownTimes | None = None
) -> SeriesTable:
    """Check a frame and align it to regular grids; the frame itself is never changed.

    Args:
        frame: a DataFrame or Series of pandas, or a frame of polars or pyarrow; rows in any order.
            Wide: one row a time, one column a series. Long: one row a time and id, with the ids
            in a column, or in the first level of an index of two levels with the times in the
            second. The times are the index or a column: datetimes with or without a time zone,
            periods, or integers; a column may also hold texts in ISO 8601. A Series is a frame of
            one column, called "value" if it has no name.
        reading: the roles of its columns, and its step.
        like: times of the frame before, whose kind these must have; times in another zone are
            converted. None for the first frame.

    Returns:
        A `SeriesTable` with one id for a wide frame; else with an id for each label, sorted, each
        from its own first time to its own last. Rows that the frame lacks are NaN. Its values are
        a view of the frame where that is regular, sorted and float64.

    Raises:
        TypeError: if `frame` is no frame, its times or ids are of a wrong kind, a target is not
            numeric, or a covariate is neither numbers nor categories, or the times are of another
            kind than those of `like`.
        ValueError: if the frame is empty, a column is unknown or duplicated, a time or an id is
            missing, a time of an id is duplicated or off the grid, the step cannot be inferred, a
            value is infinite or beyond float32, all values are missing, a column has two roles, a
            static covariate changes within an id, or a weight is missing or negative.

    Warns:
        FrameWarning: if rows are missing, columns are left out because they are not numeric, or a
            value is an outlier.

    Example:
        >>> days = pd.date_range("2024-01-01", periods=3, freq="D")
        >>> read_frame(pd.DataFrame({"sold": [1, 2, 3]}, index=days)).values
        array([[1., 2., 3.]])
    """
    table, lacking = read_part(frame, reading, like)
    check_whole(table, reading, lacking[:5], len(lacking))
    return table


def read_part(
    frame: Any, reading: Reading, like: KnownTimes | None = None
) -> tuple[SeriesTable, np.ndarray]:
    """Read a frame that may be a part of a larger one, some of its ids; see `check_whole`.

    Args:
        frame: as for `read_frame`.
        reading: the roles of its columns, and its step.
        like: as for `read_frame`.

    Returns:
        The table, and the positions of the rows that the frame lacks: int64, increasing.

    Raises:
        TypeError, ValueError: as `read_frame`, but not for values or weights missing throughout.
    """
    id_column, time_column = reading.id_column, reading.time_column
    library, frame = library_of(frame), as_frame(frame, id_column, time_column)
    reading.check(frame)
    rows = read_rows(frame, id_column, time_column, "frame" if like is None else like.argument)
    zone = None
    if like is None:
        reject_disguised(rows, reading.freq)
    else:
        rows, zone = like.converted(rows)
    alignment = align_rows(rows, reading.freq)
    columns = reading.targets_of(frame)
    values = to_values(columns, rows)
    past, future, static = (
        read_covariates(frame, name, reading.roles[name], rows) for name in COVARIATE_ROLES
    )
    label = reading.weight_column
    weights = None if label is None else read_weights(frame, label, rows)
    lacking = alignment.missing()
    table = SeriesTable(
        values=_read_only(alignment.spread(values)),
        offsets=alignment.offsets,
        starts=alignment.grid.starts.rename(rows.times.name),
        freq=alignment.grid.freq,
        targets=columns.columns,
        past_covariates=replace(past, values=alignment.spread(past.values)),
        future_covariates=replace(future, values=alignment.spread(future.values)),
        static_covariates=once_for_each_id(static, rows),
        ids=rows.ids,
        weights=None if weights is None else alignment.spread(weights[None], fill=0)[0],
        layout=FrameLayout(
            time_name=rows.times.name,
            time_column=time_column is not None,
            id_column=id_column is not None,
            library=library,
            zone=zone,
        ),
    )
    return table, lacking


def check_whole(table: SeriesTable, reading: Reading, lacking: np.ndarray, count: int) -> None:
    """Check that a whole table has values and weights; warn of gaps and outliers.

    Args:
        table: of all ids.
        reading: the options it was read with.
        lacking: the first rows of the table that the frame lacks; five are enough.
        count: the number of all of them.

    Raises:
        ValueError: if all values are missing, or no weight is above 0.

    Warns:
        FrameWarning: if rows are missing, or a value is an outlier.
    """
    reject_empty(table.values, table.targets)
    if table.weights is not None:
        reject_weightless(table.weights, reading.weight_column)
    warn_of_gaps(table, lacking, count)
    warn_of_outliers(table)


def _read_only(values: np.ndarray) -> np.ndarray:
    """Return a read-only view of an array, which may be the user's memory."""
    values = values.view()
    values.flags.writeable = False
    return values
