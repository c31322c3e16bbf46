"""Tables one after the other: what is known of some ids, and what has come since."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from forecaster.data.covariates import GROUPS
from forecaster.data.ragged import Move, moved, offsets_of, scattered
from forecaster.data.series_table import SeriesTable, unknown
from forecaster.data.time_grid import TimeGrid, cast_like, freq_name, moments


def joined(table: SeriesTable, later: SeriesTable) -> SeriesTable:
    """A table with the rows of a `later` one; where both have rows of an id, the later's.

    Later rows of an id that begin before its rows in `table` replace them; rows between the two are
    NaN. Ids that only one of the tables has keep their rows; those of `later` come last.

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
    table, later = _with_kinds_of_both(table, later)
    ids, of_later = _merged(table.ids, later.ids)
    starts, kept = _starts_and_rows(table, later, of_later)
    first = TimeGrid(starts, table.freq).positions(later.starts, of_later)
    _reject_off_grid(later, first)
    lengths = kept.copy()
    lengths[of_later] = np.maximum(kept[of_later], first + later.lengths)
    offsets, later_columns = offsets_of(lengths), later.columns()
    ids_before = np.arange(table.num_ids)
    where = (table.offsets[:-1], kept[ids_before], ids_before, np.zeros_like(ids_before))
    later_where = (later.offsets[:-1], later.lengths, of_later, first)
    columns = {
        name: moved(
            offsets,
            Move(array, *where),
            Move(later_columns[name], *later_where),
            fill=unknown(name),
        )
        for name, array in table.columns().items()
    }
    static = scattered(len(starts), (ids_before, table.static_covariates.values))
    told = later.static_covariates.values
    static[:, of_later] = np.where(np.isnan(told), static[:, of_later], told)
    return table.with_columns(
        columns,
        offsets=offsets,
        starts=starts,
        ids=ids,
        static_covariates=replace(table.static_covariates, values=static),
    )


def _with_kinds_of_both(table: SeriesTable, later: SeriesTable) -> tuple[SeriesTable, SeriesTable]:
    """Both tables with the categories of both; the later times as the others are written."""
    pairs = {name: getattr(table, name).merged(getattr(later, name)) for name in GROUPS}
    return (
        replace(table, **{name: own for name, (own, _) in pairs.items()}),
        replace(
            later,
            starts=cast_like(table.starts, later.starts),
            **{name: its for name, (_, its) in pairs.items()},
        ),
    )


def _merged(ids: pd.Index | None, later: pd.Index | None) -> tuple[pd.Index | None, np.ndarray]:
    """The ids with the later ones that are new behind them, and where each later one stands."""
    if ids is None:
        return None, np.zeros(1, np.int64)
    merged = ids.append(later[~later.isin(ids)])
    return merged, merged.get_indexer(later)


def _starts_and_rows(
    table: SeriesTable, later: SeriesTable, of_later: np.ndarray
) -> tuple[pd.Index, np.ndarray]:
    """The start of each joined id, and how many of its rows in `table` stay before later ones.

    `of_later` are the positions of the later ids among the joined ones.
    """
    count = max(table.num_ids, of_later.max() + 1)
    known = of_later < table.num_ids
    replaces = ~known
    replaces[known] = later.starts[known] < table.starts[of_later[known]]
    chosen = np.arange(count)  # among the starts of `table`, and the later ones behind them
    chosen[of_later[replaces]] = table.num_ids + np.flatnonzero(replaces)
    kept = np.zeros(count, np.int64)
    kept[: table.num_ids] = table.lengths
    kept[of_later[replaces]] = 0
    return table.starts.append(later.starts)[chosen], kept


def _reject_off_grid(later: SeriesTable, positions: np.ndarray) -> None:
    """Name the later ids that begin at position -1 of the grid that they should go on."""
    off = np.flatnonzero(positions < 0)
    if len(off):
        ids = None if later.ids is None else later.ids[off[:5]]
        named = moments(later.starts[off[:5]], ids, len(off))
        raise ValueError(
            f"`frame` must lie on the grid of the data before. Received: rows from {named} on, "
            f"no whole number of steps of {freq_name(later.freq)!r} later. Correct the times, "
            f"or fit again."
        )
