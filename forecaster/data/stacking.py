"""Tables of different ids, one below the other, as one table whose arrays lie on disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from forecaster.data.covariates import Covariates, merged_categories
from forecaster.data.disk_arrays import DiskColumns
from forecaster.data.ragged import offsets_of
from forecaster.data.series_table import SeriesTable
from forecaster.data.time_grid import cast_like


def stacked(tables: Iterable[SeriesTable]) -> SeriesTable:
    """One table of several, which are asked for one after another and not kept.

    Args:
        tables: at least one, of the same columns and step, with ids.

    Raises:
        TypeError: if times, or the values of a covariate, are not all of one kind.
        OSError: if the disk is full.
    """
    parts, rows, are_known = [], [0], {"past_covariates": [], "future_covariates": []}
    with ExitStack() as files:
        writers = defaultdict(lambda: files.enter_context(DiskColumns()))
        for table in tables:
            for name, array in table.columns().items():
                writers[name].append(array)
            for name, known in are_known.items():
                known.append(getattr(table, name).are_known())
            rows.append(rows[-1] + table.num_rows)
            parts.append(_without_rows(table))
        columns = {name: writer.array() for name, writer in writers.items()}
    columns["values"].flags.writeable = False
    first, *others = parts
    for part in others:
        cast_like(first.starts, part.starts)
    static = [part.static_covariates for part in parts]
    categories = merged_categories(static)
    static_values = [covariates.recoded(categories).values for covariates in static]
    return replace(
        first,
        values=columns["values"],
        offsets=offsets_of(np.concatenate([part.lengths for part in parts])),
        starts=first.starts.append([part.starts for part in others]),
        ids=first.ids.append([part.ids for part in others]),
        static_covariates=Covariates(
            np.concatenate(static_values, axis=1), static[0].names, categories
        ),
        weights=columns["weights"][0] if len(columns["weights"]) else None,
        **{
            name: _with_one_vocabulary(
                columns[name], rows, [getattr(part, name) for part in parts], known
            )
            for name, known in are_known.items()
        },
    )


def _without_rows(table: SeriesTable) -> SeriesTable:
    """All of a table that does not grow with its rows."""
    return table.with_columns(
        {name: np.empty((len(array), 0)) for name, array in table.columns().items()}
    )


def _with_one_vocabulary(
    values: np.ndarray, rows: list[int], parts: list[Covariates], are_known: list[np.ndarray]
) -> Covariates:
    """(C, N) covariates, whose columns `rows[k]` .. have the codes of part k, with those of all."""
    categories = merged_categories(parts, are_known)
    for first, last, part in zip(rows[:-1], rows[1:], parts, strict=True):
        own = values[:, first:last]
        recoded = replace(part, values=own).recoded(categories).values
        if recoded is not own:
            own[:] = recoded
    return Covariates(values, parts[0].names, categories)
