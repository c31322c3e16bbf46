"""Future covariates of the horizon: the frame to fill in, and the table extended by it.

The rows of a horizon are numbered id by id: ``i * horizon + step``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from forecaster.data.columns import read_covariates
from forecaster.data.covariates import Covariates
from forecaster.data.frame_checks import (
    FrameWarning,
    Rows,
    as_frame,
    check_columns,
    read_rows,
)
from forecaster.data.hints import other_kind_of_ids
from forecaster.data.interop import as_library
from forecaster.data.messages import moments, shortlist
from forecaster.data.ragged import ranges, scattered
from forecaster.data.series_table import SeriesTable
from forecaster.data.table_parts import with_rows_to_come
from forecaster.data.time_grid import TimeGrid, cast_like, freq_name
from forecaster.data.time_kinds import KnownTimes
from forecaster.data.writing import with_keys
from forecaster.utils.warn import warn

_ARGUMENT = "future"  # name of the user's argument, for error messages


def future_frame(table: SeriesTable, horizon: int) -> pd.DataFrame:
    """Make the rows of the horizon in the layout of the table's frame, covariates to be filled in.

    Args:
        table: the history.
        horizon: H, steps after each id's last row.

    Returns:
        A frame of I * H rows: ids, times and a column for each future covariate, NaN where it is
        a number and None where it is a category.
    """
    return as_library(_frame(table, _unknown(table, horizon), horizon), table.layout.library)


def missing_future(table: SeriesTable, future: pd.DataFrame | None, horizon: int) -> pd.DataFrame:
    """Return the rows of the horizon in which a future covariate is missing, with the known values.

    Args:
        table: the history.
        future: rows of the horizon, in the layout of the history; others are ignored. None for
            none of them.
        horizon: H, steps after each id's last row.

    Returns:
        A frame as `future_frame` makes it, without the complete rows.

    Warns:
        FrameWarning: if no row of `future` is one of the horizon.
    """
    known = _unknown(table, horizon)
    if future is not None:
        known, is_there = _read(table, future, horizon)
        if not is_there.any():
            why = _why_unmatched(table, future, horizon, is_there)
            warn(f"No row of `future` is one of the horizon: {why}", FrameWarning)
    is_missing = np.isnan(known.values).any(axis=0)
    frame = _frame(table, known, horizon)[is_missing]
    frame = frame.reset_index(drop=True) if table.layout.time_column else frame
    return as_library(frame, table.layout.library)


def with_future(table: SeriesTable, future: pd.DataFrame | None, horizon: int) -> SeriesTable:
    """Extend each id by the horizon: future covariates are known there, all else is missing.

    Args:
        table: the history.
        future: as in `missing_future`, with a value of every future covariate in every row of
            the horizon. Categories that the history lacks are added to it.
        horizon: H, steps after each id's last row.

    Raises:
        TypeError: if a covariate is of another kind than in the history.
        ValueError: if a row of the horizon, or a value in it, is missing.
    """
    if not len(table.future_covariates):
        return with_rows_to_come(table, horizon)
    if future is None:
        raise ValueError(
            f"`future` must be given where there are future covariates. Received: future=None, "
            f"future covariates {shortlist(table.future_covariates.names)}. Call "
            f"`model.future_frame(history)` for a frame to fill in."
        )
    known, is_there = _read(table, future, horizon)
    _reject_missing_rows(table, future, is_there, horizon)
    _reject_missing_values(table, known, horizon)
    own, known = table.future_covariates.merged(known)
    longer = with_rows_to_come(replace(table, future_covariates=own), horizon)
    rows = ranges(longer.offsets[1:] - horizon, np.full(table.num_ids, horizon))
    longer.future_covariates.values[:, rows] = known.values
    return longer


def _unknown(table: SeriesTable, horizon: int) -> Covariates:
    """Make future covariates of the horizon, (F, I * H), all missing."""
    own = table.future_covariates
    return replace(own, values=np.full((len(own), table.num_ids * horizon), np.nan))


def _read(table: SeriesTable, future: pd.DataFrame, horizon: int) -> tuple[Covariates, np.ndarray]:
    """Read future covariates of the horizon, (F, I * H); return also which rows `future` has."""
    frame, rows = _rows_of(table, future)
    series, steps = _steps_ahead(table, rows)
    chosen = np.flatnonzero((series >= 0) & (steps >= 0) & (steps < horizon))
    positions = series[chosen] * horizon + steps[chosen]
    _reject_duplicates(rows, chosen, positions)
    is_there = np.zeros(table.num_ids * horizon, bool)
    if not len(chosen):
        return _unknown(table, horizon), is_there
    own, at = table.future_covariates, rows.at(chosen)
    names = own.names.tolist()
    found = read_covariates(frame.iloc[chosen], "future_covariates", names, at, own)
    is_there[positions] = True
    return replace(found, values=scattered(len(is_there), (positions, found.values))), is_there


def _rows_of(table: SeriesTable, future: pd.DataFrame) -> tuple[pd.DataFrame, Rows]:
    """Check that a frame has the layout of the history; return it in pandas, and its rows."""
    layout = table.layout
    id_column = table.ids.name if layout.id_column and table.ids is not None else None
    time_column = layout.time_name if layout.time_column else None
    frame = as_frame(future, id_column, time_column, _ARGUMENT)
    keys = {"id_column": id_column, "time_column": time_column}
    roles = {role: [label] for role, label in keys.items() if label is not None}
    roles["future_covariates"] = table.future_covariates.names.tolist()
    check_columns(frame, roles, _ARGUMENT)
    rows = read_rows(frame, id_column, time_column, _ARGUMENT)
    if (rows.ids is None) != (table.ids is None):
        raise ValueError(
            f"`future` must have the layout of the history. Received: "
            f"{'no ids' if rows.ids is None else 'ids in the index'}, where the history has "
            f"{'none' if table.ids is None else 'some'}. Call `model.future_frame(history)` for a "
            f"frame to fill in."
        )
    return frame, rows


def _steps_ahead(table: SeriesTable, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return the position of each row's id, -1 for unknown ids, and its step after the last row."""
    if table.ids is None or rows.ids is None or rows.codes is None:
        series = np.zeros(len(rows.times), np.int64)
    else:
        series = table.ids.get_indexer(rows.ids)[rows.codes]
    known = KnownTimes(table.starts, table.freq, _ARGUMENT, "the history", table.layout.zone)
    times = cast_like(table.starts, known.converted(rows)[0].times)
    positions = TimeGrid(table.starts, table.freq).positions(times, series)
    return series, np.where(positions < 0, -1, positions - table.lengths[series])


def _reject_duplicates(rows: Rows, chosen: np.ndarray, positions: np.ndarray) -> None:
    """Check that no two of the `chosen` rows have the same position in the horizon."""
    again = pd.Index(positions).duplicated()
    if again.any():
        raise ValueError(
            f"`future` must have every step of the horizon once. Received: {again.sum()} "
            f"duplicated rows, at {rows.named(chosen[again])}. Drop them: `future.drop_duplicates`."
        )


def _reject_missing_rows(
    table: SeriesTable, future: pd.DataFrame, is_there: np.ndarray, horizon: int
) -> None:
    """Check that every row of the horizon is there, (I * H,)."""
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
    why = _why_unmatched(table, future, horizon, is_there)
    raise ValueError(
        f"`future` must hold every step of the horizon for every series. Received: "
        f"horizon={horizon}; missing: {missing}. {why}Call `model.missing_future(history, "
        f"future)` for the list, `model.future_frame(history)` for an empty one."
    )


def _why_unmatched(
    table: SeriesTable, future: pd.DataFrame, horizon: int, is_there: np.ndarray
) -> str:
    """Tell why rows of `future` are not those of the horizon; empty if all are.

    Rows of the history beside some of the horizon are no mistake.
    """
    _, rows = _rows_of(table, future)
    series, steps = _steps_ahead(table, rows)
    times = cast_like(table.starts, rows.times)
    grid = TimeGrid(table.starts, table.freq)
    off = (series >= 0) & (grid.positions(times, series) < 0) & (grid.floor(times, series) >= 0)
    is_before = (series >= 0) & ~off & (steps < 0) & (not is_there.any())
    reasons = []
    if (series < 0).any():
        other = other_kind_of_ids(rows.ids, table.ids)
        kind = f" (another kind: {other})" if other else ""
        reasons.append(f"{np.count_nonzero(series < 0)} are of ids that the history lacks{kind}")
    if off.any():
        first = np.flatnonzero(off)[:1]
        around = grid.floor(times[first], series[first]) + np.arange(2)
        on_grid = grid.times_at(around, series[first].repeat(2))
        where = _apart(times[first][0], on_grid, freq_name(table.freq))
        reasons.append(f"{np.count_nonzero(off)} lie {where}")
    for found, where in ((is_before, "before"), (steps >= horizon, "after")):
        count = np.count_nonzero(found & (series >= 0))
        if count:
            reasons.append(f"{count} lie {where} the horizon")
    if not reasons:
        return ""
    wrong = np.flatnonzero((series < 0) | off | is_before | (steps >= horizon))[:1]
    missing = np.flatnonzero(~is_there)[:1]
    ids, ahead = np.divmod(missing, horizon)
    expected = moments(
        table.times_at(ids, table.lengths[ids] + ahead),
        None if table.ids is None else table.ids[ids],
    )
    return (
        f"Of {len(rows.times)} rows of `future`, {', '.join(reasons)}: expected e.g. {expected}, "
        f"received {rows.named(wrong)}. "
    )


def _apart(time: object, around: pd.Index, freq: str | int) -> str:
    """Tell how a time differs from those of the grid before and after it."""
    if isinstance(time, pd.Timestamp):
        for on_grid in around:
            if time.date() == on_grid.date():
                return f"at another time of day, {time.time()} for {on_grid.time()}"
        for on_grid in around:
            if (time.year, time.month) == (on_grid.year, on_grid.month):
                return f"on another day, {time.date()} for {on_grid.date()} in steps of {freq!r}"
    return f"between the steps of {freq!r}"


def _reject_missing_values(table: SeriesTable, known: Covariates, horizon: int) -> None:
    """Check that no future covariate of the horizon, (F, I * H), is missing."""
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
    """Write covariates of the horizon, (F, I * H), in the layout of the table's frame."""
    columns = [covariates.decoded(k, values) for k, values in enumerate(covariates.values)]
    rows = pd.RangeIndex(table.num_ids * horizon)
    frame = pd.DataFrame(dict(enumerate(columns)), index=rows)
    return with_keys(frame.set_axis(covariates.names, axis=1), table, horizon)
