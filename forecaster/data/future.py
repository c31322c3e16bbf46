"""What is known of the horizon: the frame that a user fills in, and the table that it makes longer.

The rows of a horizon are numbered id after id: ``i * horizon + step``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from forecaster.data.columns import read_covariates
from forecaster.data.covariates import Covariates
from forecaster.data.frame_checks import Rows, as_frame, check_columns, read_rows
from forecaster.data.interop import as_library
from forecaster.data.ragged import ranges, scattered
from forecaster.data.reading import with_keys
from forecaster.data.series_table import SeriesTable
from forecaster.data.time_grid import TimeGrid, cast_like, moments, shortlist


def future_frame(table: SeriesTable, horizon: int) -> pd.DataFrame:
    """The rows of the horizon in the layout of the table's frame, future covariates to fill in.

    Args:
        table: the history.
        horizon: H, steps after each id's last row.

    Returns:
        A frame of I * H rows: ids, times and a column for each future covariate, NaN where it is
        a number and None where it is a category.
    """
    return as_library(_frame(table, _unknown(table, horizon), horizon), table.library)


def missing_future(table: SeriesTable, future: pd.DataFrame | None, horizon: int) -> pd.DataFrame:
    """The rows of the horizon in which `future` lacks a future covariate, with what it does hold.

    Args:
        table: the history.
        future: rows of the horizon, in the layout of the history; others are ignored. None for
            none of them.
        horizon: H, steps after each id's last row.

    Returns:
        A frame as `future_frame` gives it, without the rows of which everything is known.
    """
    known = _unknown(table, horizon) if future is None else _read(table, future, horizon)[0]
    is_missing = np.isnan(known.values).any(axis=0)
    frame = _frame(table, known, horizon)[is_missing]
    frame = frame.reset_index(drop=True) if table.time_column else frame
    return as_library(frame, table.library)


def with_future(table: SeriesTable, future: pd.DataFrame | None, horizon: int) -> SeriesTable:
    """The table with the horizon behind each id: future covariates known, all else missing.

    Args:
        table: the history.
        future: as in `missing_future`, with a value of every future covariate in every row of
            the horizon. Categories that the history does not have are added to its own.
        horizon: H, steps after each id's last row.

    Raises:
        TypeError: if a covariate is of another kind than in the history.
        ValueError: if a row of the horizon, or a value in it, is missing.
    """
    if not len(table.future_covariates):
        return table.extended(horizon)
    if future is None:
        raise ValueError(
            f"`future` must be given where there are future covariates. Received: future=None, "
            f"future covariates {shortlist(table.future_covariates.names)}. Call "
            f"`model.future_frame(history)` for a frame to fill in."
        )
    known, is_there = _read(table, future, horizon)
    _reject_missing_rows(table, is_there, horizon)
    _reject_missing_values(table, known, horizon)
    own, known = table.future_covariates.merged(known)
    longer = replace(table, future_covariates=own).extended(horizon)
    rows = ranges(longer.offsets[1:] - horizon, np.full(table.num_ids, horizon))
    longer.future_covariates.values[:, rows] = known.values
    return longer


def _unknown(table: SeriesTable, horizon: int) -> Covariates:
    """The future covariates over the horizon, (F, I * H), all missing."""
    own = table.future_covariates
    return replace(own, values=np.full((len(own), table.num_ids * horizon), np.nan))


def _read(table: SeriesTable, future: pd.DataFrame, horizon: int) -> tuple[Covariates, np.ndarray]:
    """The future covariates over the horizon, (F, I * H), and which of its rows `future` has."""
    try:
        frame, rows = _rows_of(table, future)
        series, steps = _steps_ahead(table, rows)
        chosen = np.flatnonzero((series >= 0) & (steps >= 0) & (steps < horizon))
        places = series[chosen] * horizon + steps[chosen]
        _reject_duplicates(rows, chosen, places)
        is_there = np.zeros(table.num_ids * horizon, bool)
        if not len(chosen):
            return _unknown(table, horizon), is_there
        names = table.future_covariates.names.tolist()
        found = read_covariates(frame.iloc[chosen], "future_covariates", names, rows.at(chosen))
    except (TypeError, ValueError) as error:  # the checks know a frame by the name it usually has
        raise type(error)(str(error).replace("`frame`", "`future`")) from None
    is_there[places] = True
    return replace(found, values=scattered(len(is_there), (places, found.values))), is_there


def _rows_of(table: SeriesTable, future: pd.DataFrame) -> tuple[pd.DataFrame, Rows]:
    """A frame in the layout of the table's own, and its rows."""
    id_column = table.ids.name if table.id_column else None
    time_column = table.time_name if table.time_column else None
    frame = as_frame(future, id_column, time_column)
    keys = {"id_column": id_column, "time_column": time_column}
    roles = {role: [label] for role, label in keys.items() if label is not None}
    check_columns(frame, {**roles, "future_covariates": table.future_covariates.names.tolist()})
    rows = read_rows(frame, id_column, time_column)
    if (rows.ids is None) != (table.ids is None):
        raise ValueError(
            f"`frame` must have the layout of the history. Received: "
            f"{'no ids' if rows.ids is None else 'ids in the index'}, where the history has "
            f"{'none' if table.ids is None else 'some'}. Call `model.future_frame(history)` for a "
            f"frame to fill in."
        )
    return frame, rows


def _steps_ahead(table: SeriesTable, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """The table's id of each row, -1 for others, and its steps after that id's end, from 0."""
    if rows.ids is None:
        series = np.zeros(len(rows.times), np.int64)
    else:
        series = table.ids.get_indexer(rows.ids)[rows.codes]
    times = cast_like(table.starts, rows.times)
    positions = TimeGrid(table.starts, table.freq).positions(times, series)
    return series, np.where(positions < 0, -1, positions - table.lengths[series])


def _reject_duplicates(rows: Rows, chosen: np.ndarray, places: np.ndarray) -> None:
    again = pd.Index(places).duplicated()
    if again.any():
        raise ValueError(
            f"`frame` must have every step of the horizon once. Received: {again.sum()} duplicated "
            f"rows, at {rows.named(chosen[again])}. Drop them: `future.drop_duplicates`."
        )


def _reject_missing_rows(table: SeriesTable, is_there: np.ndarray, horizon: int) -> None:
    counts = (~is_there).reshape(-1, horizon).sum(axis=1)  # (I * H,) -> (I, H) -> (I,)
    lacking = np.flatnonzero(counts)
    if not len(lacking):
        return
    if table.ids is None:
        step = int(is_there.argmin())
        missing = f"{counts[0]} rows, the first at {table.times(0, table.num_rows + step, 1)[0]}"
    else:
        few = lacking[:5]
        pairs = zip(table.ids[few].tolist(), counts[few], strict=True)
        named = [f"{label!r} ({count} rows)" for label, count in pairs]
        missing = shortlist(named, len(lacking))
    raise ValueError(
        f"`future` must hold every step of the horizon for every series. Received: "
        f"horizon={horizon}; missing: {missing}. Call `model.missing_future(history, future)` for "
        f"the list, `model.future_frame(history)` for an empty one."
    )


def _reject_missing_values(table: SeriesTable, known: Covariates, horizon: int) -> None:
    is_missing = np.isnan(known.values)  # (F, I * H)
    rows = np.flatnonzero(is_missing.any(axis=0))
    if len(rows):
        names = known.names[is_missing.any(axis=1)]
        series, steps = np.divmod(rows[:5], horizon)
        times = table.times_at(series, table.lengths[series] + steps)
        where = moments(times, None if table.ids is None else table.ids[series], len(rows))
        raise ValueError(
            f"`future` must hold a value of every future covariate. Received: none of "
            f"{shortlist(names)} at {where}. Call `model.missing_future(history, future)` for the "
            f"list."
        )


def _frame(table: SeriesTable, covariates: Covariates, horizon: int) -> pd.DataFrame:
    """Covariates of the horizon, (F, I * H), in the layout of the table's frame."""
    columns = [covariates.decoded(k, values) for k, values in enumerate(covariates.values)]
    rows = pd.RangeIndex(table.num_ids * horizon)
    frame = pd.DataFrame(dict(enumerate(columns)), index=rows)
    return with_keys(frame.set_axis(covariates.names, axis=1), table, horizon)
