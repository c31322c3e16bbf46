"""Parts of a table: chunks of ids, and rows that are observed, known at a cutoff, or future."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from forecaster.data.ragged import Move, blanked, chunks, moved, offsets_of
from forecaster.data.series_table import SeriesTable, columns_of, with_columns

# Fill values of rows in which nothing is known: a weight of 0 leaves them out of the loss.
UNKNOWN = {
    "values": np.nan,
    "past_covariates": np.nan,
    "future_covariates": np.nan,
    "weights": 0.0,
}


def table_chunks(table: SeriesTable) -> Iterator[tuple[slice, SeriesTable]]:
    """Yield runs of ids with about a million values, or of one id, and their tables, as views."""
    columns = columns_of(table)
    for ids in chunks(table.offsets, sum(map(len, columns.values()))):
        first, last = table.offsets[[ids.start, ids.stop]]
        static = table.static_covariates
        yield (
            ids,
            with_columns(
                table,
                {name: array[:, first:last] for name, array in columns.items()},
                offsets=table.offsets[ids.start : ids.stop + 1] - first,
                starts=table.starts[ids],
                ids=None if table.ids is None else table.ids[ids],
                static_covariates=replace(static, values=static.values[:, ids]),
            ),
        )


def chunks_of_ids(
    table: SeriesTable, ids: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, SeriesTable]]:
    """Yield the chunks of a table that contain some (K,) ids.

    Yields:
        The positions among the K of those in a chunk, the positions of their ids in the chunk, and
        the chunk.
    """
    order = np.argsort(ids, kind="stable")
    in_order = ids[order]
    for run, chunk in table_chunks(table):
        first, last = in_order.searchsorted([run.start, run.stop])
        if first < last:
            yield order[first:last], in_order[first:last] - run.start, chunk


def until_observed(table: SeriesTable) -> SeriesTable:
    """Drop the rows at the end of each id in which no target was observed."""
    rows = table.lengths.copy()
    last = table.values[:, np.maximum(table.offsets[1:] - 1, 0)]
    for position in np.flatnonzero(np.isnan(last).all(axis=0)):
        own = table.values[:, slice(*table.offsets[position : position + 2])]
        missing = np.isnan(own).all(axis=0)
        rows[position] = 0 if missing.all() else len(missing) - missing[::-1].argmin()
    return table if (rows == table.lengths).all() else table.until(rows)


def known_after(table: SeriesTable, rows: np.ndarray, horizon: int) -> SeriesTable:
    """Keep what is known at a cutoff: the first `rows` (I,), and later future covariates."""
    if not len(table.future_covariates):
        return table.until(rows)
    longer = table.until(rows + horizon)
    columns = {
        name: array
        if name == "future_covariates"
        else blanked(array, longer.offsets, rows, UNKNOWN[name])
        for name, array in columns_of(longer).items()
    }
    return with_columns(longer, columns)


def with_rows_to_come(table: SeriesTable, rows: int) -> SeriesTable:
    """Append rows to each id in which nothing is known."""
    offsets, ids = offsets_of(table.lengths + rows), np.arange(table.num_ids)
    where = (table.offsets[:-1], table.lengths, ids, np.zeros_like(ids))
    columns = {
        name: moved(offsets, Move(array, *where), fill=UNKNOWN[name])
        for name, array in columns_of(table).items()
    }
    return with_columns(table, columns, offsets=offsets)
