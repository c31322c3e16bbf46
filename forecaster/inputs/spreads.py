"""Spreads of the series of a fit, the scale of windows that do not vary themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.data.quality import ROUNDING
from forecaster.data.ragged import cut
from forecaster.data.series_table import SeriesTable
from forecaster.data.table_parts import table_chunks

MOST_ROWS = 100_000  # of a series


@dataclass(frozen=True, eq=False)
class Spreads:
    """Standard deviations of the training rows of each series of a fit.

    Args:
        values: (I, S) float64, in the targets' units; 0 where a series is constant, NaN where fewer
            than two values were observed.
        targets: (S,) labels.
        ids: (I,) labels; None for a wide frame.
    """

    values: np.ndarray
    targets: pd.Index
    ids: pd.Index | None = None

    @classmethod
    def learned(cls, table: SeriesTable, rows: np.ndarray) -> Spreads:
        """Compute the spreads in the first `rows` (I,) of each id, the last 100,000 of them."""
        parts = [_deviations(chunk, rows[ids]) for ids, chunk in table_chunks(table)]
        return cls(np.concatenate(parts), table.targets, table.ids)

    @property
    def typical(self) -> np.ndarray:
        """Return the median spread of the ids that vary, for each target, (S,); 0 for none."""
        return np.array([_typical(of_ids) for of_ids in self.values.T])

    def of(self, table: SeriesTable) -> np.ndarray:
        """Look up the spreads of the series of any table, (S, I) float64.

        A series that the fit did not see, or saw once, gets what is typical of its target, or of
        all targets if that is new too.
        """
        targets = self.targets.get_indexer(table.targets)
        typical = np.where(targets >= 0, self.typical[targets], _typical(self.values))[:, None]
        rows = self._rows_of(table)
        found = self.values[np.ix_(rows, targets)].T  # -1, for what is not there, is the last one
        is_known = (targets >= 0)[:, None] & (rows >= 0)
        return np.where(is_known & ~np.isnan(found), found, typical)

    def extended(self, table: SeriesTable) -> Spreads:
        """Return the spreads for `table`: those that are above 0, the others from its rows."""
        new = Spreads.learned(table, table.lengths)
        is_known = (self._rows_of(table) >= 0)[:, None]
        before = self.of(table).T
        return Spreads(np.where(is_known & (before > 0), before, new.values), new.targets, new.ids)

    def _rows_of(self, table: SeriesTable) -> np.ndarray:
        """Return the row of `values` for each id of a table, -1 where there is none: (I,)."""
        if self.ids is None and table.ids is None:
            return np.arange(table.num_ids)
        if self.ids is None or table.ids is None:
            return np.full(table.num_ids, -1)
        return self.ids.get_indexer(table.ids)

    def to_json(self) -> list[list[float | None]]:
        """Serialize the values, (I, S), None where one is not known."""
        return [
            [None if np.isnan(value) else value for value in row] for row in self.values.tolist()
        ]

    @classmethod
    def from_json(cls, described: list[list[float | None]], like: SeriesTable) -> Spreads:
        """Return the spreads that `to_json` described, of the series of `like`."""
        values = np.array(described, np.float64).reshape(like.num_ids, like.num_targets)
        return cls(values, like.targets, like.ids)


def _deviations(table: SeriesTable, rows: np.ndarray) -> np.ndarray:
    """Compute standard deviations in the first `rows` (I,) of each id: (I, S)."""
    counts = np.minimum(rows, MOST_ROWS)
    values = cut(table.values, table.offsets[:-1] + rows - counts, counts).T
    ids = np.repeat(np.arange(table.num_ids), counts)
    of_ids = pd.DataFrame(values).groupby(ids)
    deviation = of_ids.std(ddof=0).where(of_ids.count() > 1)
    level = pd.DataFrame(np.abs(values)).groupby(ids).max()
    deviation = deviation.mask(deviation <= ROUNDING * level, 0.0)
    return deviation.reindex(np.arange(table.num_ids)).to_numpy()


def _typical(spreads: np.ndarray) -> float:
    """Return the median of the spreads above 0; 0 where there is none."""
    above = spreads[spreads > 0]
    return float(np.median(above)) if len(above) else 0.0
