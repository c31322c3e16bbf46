"""Concatenation of tables: later rows after earlier ones, or tables of different ids.

`concat_in_time` appends new rows to the history of the same ids; `concat_ids` reads tables of
different ids one after another, and keeps their rows on disk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pandas as pd

from forecaster.data.covariates import COVARIATE_ROLES, Covariates, merged_categories
from forecaster.data.disk_arrays import DiskColumns
from forecaster.data.hints import other_kind_of_ids
from forecaster.data.messages import moments
from forecaster.data.ragged import Move, moved, offsets_of, scattered
from forecaster.data.series_table import SeriesTable, columns_of, with_columns
from forecaster.data.table_parts import UNKNOWN
from forecaster.data.time_grid import TimeGrid, cast_like, freq_name


def concat_in_time(table: SeriesTable, later: SeriesTable) -> SeriesTable:
    """Append the rows of a `later` table; where both have a row of an id, the later one is kept.

    Later rows of an id that begin before its rows in `table` replace them all; rows between the two
    are NaN. Ids of only one of the tables keep their rows; those of `later` come last.

    Raises:
        TypeError: if the times, or the values of a covariate, are of another kind.
        ValueError: if only one of the tables has ids, or the later rows of an id do not lie
            on its grid.
    """
    if (table.ids is None) != (later.ids is None):
        raise ValueError(
            f"`frame` must have the layout of the data before. Received: "
            f"{'no ids' if later.ids is None else 'ids'}, where there were "
            f"{'none' if table.ids is None else 'some'}. Give it as it was given to `fit`."
        )
    table, later = _harmonized(table, later)
    ids, of_later = _merged_ids(table.ids, later.ids)
    starts, kept = _starts_and_rows(table, later, of_later)
    first = TimeGrid(starts, table.freq).positions(later.starts, of_later)
    _reject_off_grid(later, first)
    lengths = kept.copy()
    lengths[of_later] = np.maximum(kept[of_later], first + later.lengths)
    offsets, later_columns = offsets_of(lengths), columns_of(later)
    ids_before = np.arange(table.num_ids)
    where = (table.offsets[:-1], kept[ids_before], ids_before, np.zeros_like(ids_before))
    later_where = (later.offsets[:-1], later.lengths, of_later, first)
    columns = {
        name: moved(
            offsets,
            Move(array, *where),
            Move(later_columns[name], *later_where),
            fill=UNKNOWN[name],
        )
        for name, array in columns_of(table).items()
    }
    static = scattered(len(starts), (ids_before, table.static_covariates.values))
    reported = later.static_covariates.values
    static[:, of_later] = np.where(np.isnan(reported), static[:, of_later], reported)
    return with_columns(
        table,
        columns,
        offsets=offsets,
        starts=starts,
        ids=ids,
        static_covariates=replace(table.static_covariates, values=static),
    )


def _harmonized(table: SeriesTable, later: SeriesTable) -> tuple[SeriesTable, SeriesTable]:
    """Return both tables with the categories of both, and times in the unit and zone of `table`."""
    pairs = {name: getattr(table, name).merged(getattr(later, name)) for name in COVARIATE_ROLES}
    return (
        replace(table, **{name: own for name, (own, _) in pairs.items()}),
        replace(
            later,
            starts=cast_like(table.starts, later.starts),
            **{name: its for name, (_, its) in pairs.items()},
        ),
    )


def _merged_ids(ids: pd.Index | None, later: pd.Index | None) -> tuple[pd.Index | None, np.ndarray]:
    """Return the ids followed by the new later ones, and the position of each later one."""
    if ids is None or later is None:
        return None, np.zeros(1, np.int64)
    if other := other_kind_of_ids(later, ids):
        raise TypeError(
            f"`frame` must have ids of the kind that they have been. Received: {other}. Convert "
            f"them."
        )
    merged = ids.append(later[~later.isin(ids)])
    return merged, merged.get_indexer(later)


def _starts_and_rows(
    table: SeriesTable, later: SeriesTable, of_later: np.ndarray
) -> tuple[pd.Index, np.ndarray]:
    """Return the start of each merged id, and the number of its rows kept from `table`.

    `of_later` are the positions of the later ids among the merged ones.
    """
    count = max(table.num_ids, of_later.max() + 1)
    known = of_later < table.num_ids
    replaces = ~known
    replaces[known] = later.starts[known] < table.starts[of_later[known]]
    chosen = np.arange(count)  # among the starts of `table`, followed by the later ones
    chosen[of_later[replaces]] = table.num_ids + np.flatnonzero(replaces)
    kept = np.zeros(count, np.int64)
    kept[: table.num_ids] = table.lengths
    kept[of_later[replaces]] = 0
    return table.starts.append(later.starts)[chosen], kept


def _reject_off_grid(later: SeriesTable, positions: np.ndarray) -> None:
    """Check that no later id starts at position -1, off the grid of its earlier rows."""
    off = np.flatnonzero(positions < 0)
    if len(off):
        ids = None if later.ids is None else later.ids[off[:5]]
        named = moments(later.starts[off[:5]], ids, len(off))
        raise ValueError(
            f"`frame` must lie on the grid of the data before. Received: rows from {named} on, "
            f"no whole number of steps of {freq_name(later.freq)!r} later. Correct the times, "
            f"or fit again."
        )


def concat_ids(tables: Iterable[SeriesTable]) -> SeriesTable:
    """Concatenate tables of different ids, which are read one after another and not kept.

    Args:
        tables: at least one, of the same columns and step, with ids.

    Returns:
        A table whose values, covariates and weights are on disk.

    Raises:
        TypeError: if times, or the values of a covariate, are not all of one kind.
        ValueError: if a table has no ids.
        OSError: if the disk is full.
    """
    parts: list[SeriesTable] = []
    ids: list[pd.Index] = []
    rows = [0]
    are_known: dict[str, list[np.ndarray]] = {"past_covariates": [], "future_covariates": []}
    with ExitStack() as files:
        writers: defaultdict[str, DiskColumns] = defaultdict(
            lambda: files.enter_context(DiskColumns())
        )
        for table in tables:
            if table.ids is None:
                raise ValueError(
                    "`tables` must have ids. Received: a table of a wide frame. Read it with "
                    "`id_column`."
                )
            for name, array in columns_of(table).items():
                writers[name].append(array)
            for name, known in are_known.items():
                known.append(getattr(table, name).are_known())
            rows.append(rows[-1] + table.num_rows)
            parts.append(_without_rows(table))
            ids.append(table.ids)
        columns = {name: writer.array() for name, writer in writers.items()}
    columns["values"].flags.writeable = False
    first, *others = parts
    for part in others:
        cast_like(first.starts, part.starts)
    static = [part.static_covariates for part in parts]
    categories = merged_categories(static)
    static_values = [covariates.recoded(categories).values for covariates in static]
    past, future = (
        _with_one_vocabulary(columns[name], rows, [getattr(part, name) for part in parts], known)
        for name, known in are_known.items()
    )
    return replace(
        first,
        values=columns["values"],
        offsets=offsets_of(np.concatenate([part.lengths for part in parts])),
        starts=first.starts.append([part.starts for part in others]),
        ids=ids[0].append(ids[1:]),
        static_covariates=Covariates(
            np.concatenate(static_values, axis=1), static[0].names, categories
        ),
        weights=columns["weights"][0] if len(columns["weights"]) else None,
        past_covariates=past,
        future_covariates=future,
    )


def _without_rows(table: SeriesTable) -> SeriesTable:
    """Return the table without its rows: labels, starts, ids and static covariates."""
    empty = {name: np.empty((len(array), 0)) for name, array in columns_of(table).items()}
    return with_columns(table, empty)


def _with_one_vocabulary(
    values: np.ndarray, rows: list[int], parts: list[Covariates], are_known: list[np.ndarray]
) -> Covariates:
    """Recode (C, N) values in place to merged categories; columns from `rows[k]` are of part k."""
    categories = merged_categories(parts, are_known)
    for first, last, part in zip(rows[:-1], rows[1:], parts, strict=True):
        own = values[:, first:last]
        recoded = replace(part, values=own).recoded(categories).values
        if recoded is not own:
            own[:] = recoded
    return Covariates(values, parts[0].names, categories)
