"""Windows: numbered cutoffs, and the rows around them, gathered from the arrays of a table.

Who owns what, alike for training, validation, backtest and forecast:

* `Cutoffs` owns *where*: a run of consecutive cutoffs for every series, numbered but never listed.
* `WindowSource` owns *how*: it gathers the rows around a cutoff from the arrays of a table.

A series is one target of one id. A cutoff is the number of its known rows: the window at cutoff
``c`` holds the ``input_length`` rows before row ``c`` and the ``horizon`` rows from row ``c`` on.
Rows outside a series (before its first, after its last) are NaN: a short history is a history with
a gap at its start, and the unknown future is a future in which nothing was observed.

Windows are cut by NumPy from the table's own arrays, which may lie on disk, and become float32, in
units of their own (units.py), when they are cut: no second array of the size of the table is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np

from forecaster.data.series_table import SeriesTable
from forecaster.inputs.spec import Inputs, WindowSpec
from forecaster.inputs.units import Units


@dataclass(frozen=True)
class Cutoffs:
    """Runs of consecutive cutoffs, one run a series, numbered ``0 .. len - 1`` in order.

    Args:
        first: (n,) int64, the first cutoff of each series, in rows of that series.
        counts: (n,) int64, number of consecutive cutoffs from there on.
    """

    first: np.ndarray
    counts: np.ndarray

    @classmethod
    def between(cls, first: np.ndarray, last: np.ndarray) -> Cutoffs:
        """Return all cutoffs from `first` to `last`, both included; none where first > last."""
        first, last = np.broadcast_arrays(np.asarray(first, np.int64), np.asarray(last, np.int64))
        return cls(first, np.maximum(last - first + 1, 0))

    def __len__(self) -> int:
        return int(self.counts.sum())

    def locate(self, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Look up series and cutoff of numbered windows: (B,) -> (B,), (B,), all int64."""
        series = self._ends.searchsorted(number, side="right")
        return series, number + self._shifts[series]

    @cached_property
    def _ends(self) -> np.ndarray:
        """Return the number of windows up to and including those of each series, (n,)."""
        return np.cumsum(self.counts)

    @cached_property
    def _shifts(self) -> np.ndarray:
        """Return the difference of cutoff and window number in each series, (n,)."""
        return self.first + self.counts - self._ends


@dataclass(frozen=True, eq=False)
class CodedColumns:
    """Covariate columns of a table, recoded for the model when they are looked up.

    Args:
        values: (C, N) numbers, and codes of the table's categories.
        codes: for each column the model's code of each of the table's codes, then that of a missing
            value; None for numbers.
        location: (C,) float64, the number that becomes 0; 0 for categories.
        unit: (C,) float64, the difference that becomes 1; 1 for categories.
    """

    values: np.ndarray
    codes: tuple[np.ndarray | None, ...]
    location: np.ndarray
    unit: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def at(self, positions: np.ndarray) -> np.ndarray:
        """Look up positions (...) among the N -> (..., C) float32, NaN where missing."""
        found = ((self.values.T[positions] - self.location) / self.unit).astype(np.float32)
        for column, codes in enumerate(self.codes):
            if codes is not None:
                own = found[..., column]
                code = np.where(np.isnan(own), len(codes) - 1, own)
                found[..., column] = codes[code.astype(np.int64)]
        return found


@dataclass(frozen=True, eq=False)
class CovariateArrays:
    """Covariates and time features of a table, as windows are cut from them.

    Args:
        past: (P, N), observed over the window.
        future: (F, N), observed over the window too, behind the past ones; known over the horizon.
        static: (K, I).
        time_features: (M, T) float32, of the times that any id may need.
        time_index: (I,) int64, the position among those times of each id's first row.
    """

    past: CodedColumns
    future: CodedColumns
    static: CodedColumns
    time_features: np.ndarray
    time_index: np.ndarray


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows as the model takes them.

    Args:
        inputs: of the model by name, (B, ...) float32.
        units: of the past values; None where they are the targets' own.
    """

    inputs: Inputs
    units: Units | None

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Convert values in the targets' units, (B, R, S'), to those of the model, float32."""
        return (values if self.units is None else self.units.scaled(values)).astype(np.float32)

    def restored(self, forecast: np.ndarray) -> np.ndarray:
        """Convert forecasts of the model, (B, H, S', width), to the targets' units, float64."""
        forecast = forecast.astype(np.float64)
        return forecast if self.units is None else self.units.restored(forecast)


class WindowSource:
    """Arrays of a table, from which windows are gathered.

    Independent channels lie behind each other, each a series of its own; joint channels stay
    side by side. Windows are never materialised.

    Args:
        table: the series.
        covariates: their covariates and time features; None for neither.
        joint: whether one window holds all target columns (S' = S) or one of them (S' = 1).
        spreads: (S, I) float64 of each series, the unit of windows that do not vary themselves;
            None for windows in the targets' units.
    """

    def __init__(
        self,
        table: SeriesTable,
        covariates: CovariateArrays | None = None,
        *,
        joint: bool = False,
        spreads: np.ndarray | None = None,
    ) -> None:
        self.table, self.covariates, self.joint = table, covariates, joint
        self.spreads = spreads
        self.num_ids = table.num_ids
        self.copies = 1 if joint else table.num_targets
        self.channels = table.num_targets if joint else 1
        self.lengths = self.of_series(table.lengths)

    @property
    def num_series(self) -> int:
        """Return n, the number of series: one for each id where channels are joint."""
        return self.num_ids * self.copies

    def of_series(self, of_ids: np.ndarray) -> np.ndarray:
        """Repeat values of ids for all series: (I,) -> (n,), all ids of a target together."""
        return np.tile(of_ids, self.copies)

    def windows(self, series: np.ndarray, cutoff: np.ndarray, spec: WindowSpec) -> Windows:
        """Cut the windows at the cutoffs (B,) of series (B,)."""
        past = self.gather(series, cutoff, -spec.input_length, 0)
        units = None
        if self.spreads is not None:
            units = Units.of(past, self._spreads_of(series))
            past = units.past(past)
        inputs = {"past_values": past.astype(np.float32)}
        if self.covariates is not None:
            inputs |= self._covariate_inputs(self.covariates, series, cutoff, spec)
        return Windows(inputs, units)

    def _covariate_inputs(
        self, known: CovariateArrays, series: np.ndarray, cutoff: np.ndarray, spec: WindowSpec
    ) -> Inputs:
        """Cut the covariates and time features of windows."""
        inputs: Inputs = {}
        ids = series % self.num_ids
        for name, roles, first, last in (
            ("past_covariates", (known.past, known.future), -spec.input_length, 0),
            ("future_covariates", (known.future,), 0, spec.horizon),
        ):
            positions, inside = self._positions(ids, cutoff, first, last)
            parts = [
                np.where(inside[..., None], columns.at(positions), np.float32(np.nan))
                for columns in roles
                if len(columns)
            ]
            if known.time_features.shape[1]:
                time_positions = known.time_index[ids][:, None] + _around(cutoff, first, last)
                parts.append(known.time_features[time_positions])
            if parts:
                inputs[name] = np.concatenate(parts, axis=-1)
        if len(known.static):
            inputs["static"] = known.static.at(ids)
        return inputs

    def gather(self, series: np.ndarray, cutoff: np.ndarray, first: int, last: int) -> np.ndarray:
        """Gather rows ``cutoff + first .. cutoff + last - 1`` of each series, NaN outside it.

        Args:
            series: (B,) int64, numbers of series.
            cutoff: (B,) int64, in rows of the series.
            first: steps from the cutoff; negative ones lie in the past.
            last: the same, not included.

        Returns:
            (B, last - first, S') float64, in the targets' units.
        """
        target, ids = np.divmod(series, self.num_ids)
        positions, inside = self._positions(ids, cutoff, first, last)
        if self.joint:
            found = self.table.values.T[positions]  # (N, S) at (B, R) -> (B, R, S)
        else:
            found = self.table.values[target[:, None], positions][..., None]
        return np.where(inside[..., None], found, np.nan)

    def _spreads_of(self, series: np.ndarray) -> np.ndarray:
        """Return the spreads of series (B,) as their windows have channels: (B, 1, S')."""
        spreads = cast(np.ndarray, self.spreads)
        of_series = spreads.T if self.joint else spreads.reshape(-1, 1)
        return of_series[series][:, None]

    def weights(self, series: np.ndarray, cutoff: np.ndarray, horizon: int) -> np.ndarray | float:
        """Gather the sample weights of the horizon, (B, H, 1); 1 where the table has none.

        NaN outside the series.
        """
        if self.table.weights is None:
            return 1.0
        positions, inside = self._positions(series % self.num_ids, cutoff, 0, horizon)
        return np.where(inside, self.table.weights[positions], np.nan)[..., None]

    def _positions(
        self, ids: np.ndarray, cutoff: np.ndarray, first: int, last: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Locate the rows around each cutoff in the table, and whether the id has them: (B, R).

        A row that the id does not have gets the position of the id's first row.
        """
        offsets, row = self.table.offsets, _around(cutoff, first, last)
        begin, end = offsets[ids][:, None], offsets[ids + 1][:, None]
        inside = (row >= 0) & (row < end - begin)
        return begin + np.where(inside, row, 0), inside


def _around(cutoff: np.ndarray, first: int, last: int) -> np.ndarray:
    """Return the rows ``cutoff + first .. cutoff + last - 1``: (B,) -> (B, last - first)."""
    return cutoff[:, None] + np.arange(first, last)
