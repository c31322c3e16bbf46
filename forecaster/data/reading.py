"""Reader of frames: checks a user's frame and aligns it to regular grids.

Who owns what:

* `Reading` holds the options: the roles of the columns, and the step;
* `read_frame` checks a frame and aligns it to regular grids; nothing after it checks data again;
* `frame_checks.py` owns the checks of a frame, `alignment.py` the position of each row;
* `series_table.py` owns the arrays, and the layout in which `writing.py` returns forecasts;
* `time_grid.py` owns the times: their step, their positions, and those after the last row.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.alignment import Alignment, align_rows
from forecaster.data.columns import (
    once_for_each_id,
    read_covariates,
    read_weights,
    reject_empty,
    reject_weightless,
    target_columns,
    to_values,
)
from forecaster.data.covariates import COVARIATE_ROLES
from forecaster.data.frame_checks import Rows, as_frame, check_columns, id_dtype, read_rows
from forecaster.data.hints import (
    check_index_is_meant,
    check_times_are_named,
    reject_hidden_ids,
    reject_other_index,
    warn_of_counters,
    warn_of_like_ids,
)
from forecaster.data.interop import library_of
from forecaster.data.labels import check_list, check_one_label, labels_of, reject_reserved
from forecaster.data.quality import warn_of_gaps, warn_of_identifiers, warn_of_outliers
from forecaster.data.series_table import FrameLayout, SeriesTable
from forecaster.data.time_kinds import KnownTimes, reject_disguised


@dataclass(frozen=True)
class Reading:
    """Options of reading a frame: the roles of its columns, and the step of its times.

    Args:
        target: label of the column to read, or a list or the like of several. None (default)
            reads every numeric one that has no other role. Numbers and booleans are read, as
            objects such as `Decimal` too; None, NaN and NA are missing.
        id_column: label of the column of ids, which must be of one kind that can be sorted. None
            (default) means a wide frame, or an index of two levels.
        time_column: label of the column of times. None (default) means the index.
        freq: step between rows: a pandas alias or offset, or a positive int for integers. None
            (default) takes the step of the index, or else infers the one most times share.
        past_covariates: labels of columns that are known up to the last row. Numbers and booleans
            are numbers; texts and the dtype "category" become codes.
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
        ones = {name: getattr(self, name) for name in ("id_column", "time_column", "weight_column")}
        return {
            **{name: [] if label is None else [label] for name, label in ones.items()},
            **{name: list(getattr(self, name)) for name in COVARIATE_ROLES},
        }

    @property
    def named(self) -> set[Hashable]:
        """Return the labels of all columns with a role, but for the targets."""
        return {label for labels in self.roles.values() for label in labels}

    def check(self, frame: pd.DataFrame) -> None:
        """Check that a frame has all columns that are named, each for one role."""
        for name in ("id_column", "time_column", "weight_column"):
            check_one_label(name, getattr(self, name))
        check_list("target", self.target, or_one=True)
        for name in COVARIATE_ROLES:
            check_list(name, getattr(self, name))
        target = self.target
        named = {} if target is None else {"target": labels_of(target, frame.columns)}
        check_columns(frame, {**self.roles, **named})

    def targets_of(self, frame: pd.DataFrame, known: Collection[Hashable] = ()) -> pd.DataFrame:
        """Return the columns to forecast; those `known` as targets must not be left out."""
        has_times = self.time_column is not None
        return target_columns(frame, self.target, self.named, known=known, has_times=has_times)


def read_frame(
    frame: Any,
    reading: Reading = Reading(),
    *,
    before: SeriesTable | None = None,
    known: KnownTimes | None = None,
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
        before: a table that was read before, as that of a fit: covariates that are categories there
            are so here, and what only a first reading should ask is not asked again.
        known: times of the frame before, whose kind these must have; times in another zone are
            converted. None for the first frame.

    Returns:
        A `SeriesTable` with one id for a wide frame; else with an id for each label, sorted, each
        from its own first time to its own last. Rows that the frame lacks are NaN. Its values are
        a view of the frame where that is regular, sorted and float64.

    Raises:
        TypeError: if `frame` is no frame, its times or ids are of a wrong kind, a target is not
            numeric, or a covariate is neither numbers nor categories, or of texts that look
            like numbers, or the times are of another kind than those `known`.
        ValueError: if the frame is empty, a column is unknown or duplicated, a time or an id is
            missing, a time of an id is duplicated or off the grid, the step cannot be inferred, a
            value is infinite or beyond 1e100, all values are missing, a column has two roles, a
            static covariate changes within an id, or a weight is missing or negative.

    Warns:
        FrameWarning: if rows are missing, columns are left out because they are not numeric, a
            value is an outlier, a target only counts or dates the rows, or a covariate has hardly
            two rows of the same text.

    Example:
        >>> days = pd.date_range("2024-01-01", periods=3, freq="D")
        >>> read_frame(pd.DataFrame({"sold": [1, 2, 3]}, index=days)).values
        array([[1., 2., 3.]])
    """
    try:
        table, lacking = read_part(frame, reading, before=before, known=known)
    except TypeError as error:
        if library_of(frame) != "pandas":
            error.add_note("The calls are for pandas: `frame = frame.to_pandas()` goes first.")
        raise
    check_whole(table, reading, lacking[:5], len(lacking), before=before)
    return table


def read_part(
    frame: Any,
    reading: Reading,
    *,
    before: SeriesTable | None = None,
    known: KnownTimes | None = None,
) -> tuple[SeriesTable, np.ndarray]:
    """Read a frame that may be a part of a larger one, some of its ids; see `check_whole`.

    Args:
        frame: as for `read_frame`.
        reading: the roles of its columns, and its step.
        before: as for `read_frame`.
        known: the same.

    Returns:
        The table, and the positions of the rows that the frame lacks: int64, increasing.

    Raises:
        TypeError, ValueError: as `read_frame`, but not for values or weights missing throughout.
    """
    id_column, time_column = reading.id_column, reading.time_column
    check_times_are_named(frame, time_column)
    library, frame = library_of(frame), as_frame(frame, id_column, time_column)
    reading.check(frame)
    rows, zone, alignment = _aligned(frame, reading, known, is_first=before is None)
    columns = reading.targets_of(frame, () if before is None else before.targets)
    _check_labels(
        frame, rows, columns, is_first=before is None, are_named=reading.target is not None
    )
    values = to_values(columns, rows)
    past, future, static = (
        read_covariates(frame, name, reading.roles[name], rows, getattr(before, name, None))
        for name in COVARIATE_ROLES
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
            id_dtype=id_dtype(frame, id_column),
            zone=zone,
        ),
    )
    return table, lacking


def check_whole(
    table: SeriesTable,
    reading: Reading,
    lacking: np.ndarray,
    count: int,
    *,
    before: SeriesTable | None = None,
) -> None:
    """Check that a whole table has values and weights; warn of gaps and outliers.

    Args:
        table: of all ids.
        reading: the options it was read with.
        lacking: the first rows of the table that the frame lacks; five are enough.
        count: the number of all of them.
        before: as for `read_frame`.

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
    if before is None:
        warn_of_like_ids(table.ids)
        warn_of_identifiers(table)


def _aligned(
    frame: pd.DataFrame, reading: Reading, known: KnownTimes | None, *, is_first: bool
) -> tuple[Rows, tzinfo | None, Alignment]:
    """Read the times and ids of a frame, and align them; errors name the columns that hold them.

    Returns:
        The rows, the zone that their times had if they were converted, and their alignment.
    """
    has_index, zone = reading.time_column is None, None
    try:
        argument = "frame" if known is None else known.argument
        rows = read_rows(frame, reading.id_column, reading.time_column, argument)
    except TypeError:
        if has_index:
            reject_other_index(frame, reading.named)
        raise
    if is_first and has_index and not isinstance(frame.index, pd.MultiIndex):
        check_index_is_meant(frame, rows, reading.named, reading.freq)
    if known is None:
        reject_disguised(rows, reading.freq)
    else:
        rows, zone = known.converted(rows)
    try:
        return rows, zone, align_rows(rows, reading.freq)
    except ValueError:
        reject_hidden_ids(frame, rows, reading.named, reading.id_column)
        raise


def _check_labels(
    frame: pd.DataFrame, rows: Rows, columns: pd.DataFrame, *, is_first: bool, are_named: bool
) -> None:
    """Check what the names of ids, times and targets say; in a first reading warn of the odd ones.

    Args:
        frame: the user's.
        rows: of it.
        columns: the targets.
        is_first: whether nothing was read before.
        are_named: whether the user named the targets.
    """
    has_ids = rows.ids is not None
    keys = [rows.times.name] if rows.ids is None else [rows.ids.name, rows.times.name]
    reject_reserved(frame, keys, columns.columns, has_ids=has_ids)
    if is_first and not has_ids and not are_named:
        warn_of_counters(columns, rows)


def _read_only(values: np.ndarray) -> np.ndarray:
    """Return a read-only view of an array, which may be the user's memory."""
    values = values.view()
    values.flags.writeable = False
    return values
