"""Covariate coder: from the covariates of a table to arrays of model inputs.

Who owns what:

* a table holds numbers, and codes of the categories that it was read with;
* `CovariateCoder` owns the columns of a fit, and the categories, means and deviations of its
  training rows: no other category gets an embedding;
* `Column` owns the unit in which a number becomes float32;
* the model (network/covariate_encoder.py) scales numbers and embeds codes, so that an artifact does
  so too.

Future covariates are inputs over the window as well: a value known in advance is known afterwards.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.covariates import COVARIATE_ROLES, Covariates
from forecaster.data.json_index import label_from_json, label_to_json
from forecaster.data.quality import ROUNDING
from forecaster.data.ragged import is_among_first
from forecaster.data.series_table import SeriesTable
from forecaster.data.table_parts import table_chunks
from forecaster.data.time_grid import TimeGrid
from forecaster.inputs.spec import NUMBER, UNSCALED, CovariateKinds, WindowSpec
from forecaster.inputs.spreads import Spreads
from forecaster.inputs.time_features import TimeFeatures
from forecaster.inputs.windows import CodedColumns, CovariateArrays, WindowSource


@dataclass(frozen=True)
class Column:
    """Covariate column: numeric where `categories` is None, else a category with those values.

    Args:
        label: of the column.
        categories: of the training rows, in order.
        location: mean of the training rows, of a number.
        scale: their standard deviation; 0 where the column is constant.
    """

    label: Hashable
    categories: tuple[Hashable, ...] | None = None
    location: float = 0.0
    scale: float = 1.0

    @property
    def unit(self) -> float:
        """Return the difference from `location` that becomes 1 in float32."""
        return self.scale if self.scale > 0 else 1.0

    @property
    def kind(self) -> int:
        """Return the kind as in `CovariateKinds`: code 0 is for missing and unknown categories."""
        return NUMBER if self.categories is None else len(self.categories) + 1


Columns = tuple[Column, ...]
NO_TIME_FEATURES = TimeFeatures()


@dataclass(frozen=True)
class CovariateCoder:
    """Fitted columns and categories, which turn a table's covariates into arrays for windows.

    Args:
        past, future, static: the columns, in the order of the table.
        time_features: calendar features of the times.
    """

    past: Columns = ()
    future: Columns = ()
    static: Columns = ()
    time_features: TimeFeatures = NO_TIME_FEATURES

    @classmethod
    def learned(
        cls, table: SeriesTable, rows: np.ndarray, time_features: TimeFeatures
    ) -> CovariateCoder:
        """Fit columns to the first `rows` (I,) of each id of `table`."""
        seen = {
            name: [None if c is None else np.zeros(len(c), bool) for c in covariates.categories]
            for name, covariates in ((name, getattr(table, name)) for name in COVARIATE_ROLES)
        }
        moments = {name: _Moments(len(getattr(table, name))) for name in COVARIATE_ROLES}
        for name, values in _first_rows(table, rows):
            moments[name].add(values)
            for is_seen, codes in zip(seen[name], values, strict=True):
                if is_seen is not None:
                    is_seen[codes[~np.isnan(codes)].astype(np.int64)] = True
        past, future, static = (
            _learned(getattr(table, name), seen[name], moments[name]) for name in COVARIATE_ROLES
        )
        return cls(past, future, static, time_features)

    @property
    def kinds(self) -> CovariateKinds:
        """Return the kinds of the model's inputs; time features are last in window and horizon."""
        past, future, static = (
            tuple(column.kind for column in columns)
            for columns in (self.past, self.future, self.static)
        )
        unscaled = (UNSCALED,) * self.time_features.width
        return CovariateKinds(past + future + unscaled, future + unscaled, static)

    def scaling(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return location and scale of each input of the model, in the columns' units.

        Returns:
            For "past", "future" and "static" the locations (n,) and the scales (n,).
        """
        unscaled = np.array([[0.0], [1.0]]).repeat(self.time_features.width, axis=1)
        past, future, static = map(_scaling, (self.past, self.future, self.static))
        return {
            "past": tuple(np.concatenate([past, future, unscaled], axis=1)),
            "future": tuple(np.concatenate([future, unscaled], axis=1)),
            "static": tuple(static),
        }

    def arrays(self, table: SeriesTable, before: int, after: int) -> CovariateArrays:
        """Code the covariates of a table with these columns.

        Args:
            table: its categories may differ; those that are not among the fitted ones get code 0.
            before: rows before each id's first that a window may reach.
            after: rows after each id's last.

        Raises:
            TypeError: if a numeric column has become a category, or a category numeric.
        """
        if self.time_features:
            times, time_index = shared_times(table, before, after)
            features = self.time_features.of(times)
        else:
            features = np.zeros((0, 0), np.float32)
            time_index = np.zeros(table.num_ids, np.int64)
        return CovariateArrays(
            past=_coded(self.past, table.past_covariates),
            future=_coded(self.future, table.future_covariates),
            static=_coded(self.static, table.static_covariates),
            time_features=features,
            time_index=time_index,
        )

    def unseen(self, table: SeriesTable) -> dict[Hashable, list[Hashable]]:
        """Return the categories of `table` that were not fitted, by label of their covariate."""
        unseen: dict[Hashable, list[Hashable]] = {}
        for columns, covariates in (
            (self.past, table.past_covariates),
            (self.future, table.future_covariates),
            (self.static, table.static_covariates),
        ):
            for column, categories in zip(columns, covariates.categories, strict=True):
                if column.categories is not None and categories is not None:
                    new = categories[~categories.isin(column.categories)]
                    unseen |= {column.label: list(new)} if len(new) else {}
        return unseen

    def to_json(self) -> dict[str, Any]:
        """Serialize to JSON-compatible values; `from_json` is the way back.

        Raises:
            TypeError: if a label or a category is not a text, a number, None or a tuple of those.
        """
        roles = {"past": self.past, "future": self.future, "static": self.static}
        described = {
            name: [_column_to_json(column) for column in columns] for name, columns in roles.items()
        }
        return described | {"time_features": self.time_features.to_json()}

    @classmethod
    def from_json(cls, described: dict[str, Any]) -> CovariateCoder:
        """Return the coder that `to_json` described."""
        roles = {
            name: tuple(map(_column_from_json, described[name]))
            for name in ("past", "future", "static")
        }
        return cls(**roles, time_features=TimeFeatures.from_json(described["time_features"]))


def new_source(
    table: SeriesTable,
    coder: CovariateCoder,
    spec: WindowSpec,
    *,
    joint: bool,
    spreads: Spreads | None = None,
) -> WindowSource:
    """Return the source that windows of a table are gathered from, its covariates included."""
    has_none = coder == CovariateCoder()
    arrays = None if has_none else coder.arrays(table, spec.input_length, spec.horizon)
    own = None if spreads is None else spreads.of(table)
    return WindowSource(table, arrays, joint=joint, spreads=own)


def shared_times(table: SeriesTable, before: int, after: int) -> tuple[pd.Index, np.ndarray]:
    """Return the times of all rows, each once for all ids that share a grid.

    Args:
        table: the series.
        before: steps before each id's first row to include.
        after: steps after each id's last row to include.

    Returns:
        The times (M,), and the position among them of each id's first row, (I,) int64.
    """
    grid = TimeGrid(table.starts, table.freq)
    positions, parts = np.empty(table.num_ids, np.int64), []
    count, waiting = 0, np.arange(table.num_ids)
    while len(waiting):  # once for each grid, of which there is hardly ever more than one
        first = int(waiting[table.starts[waiting].argmin()])
        steps = grid.positions(table.starts[waiting], first)
        on_grid = steps >= 0
        found, steps = waiting[on_grid], steps[on_grid]
        length = before + int((steps + table.lengths[found]).max()) + after
        parts.append(table.times(first, -before, length))
        positions[found] = count + before + steps
        count, waiting = count + length, waiting[~on_grid]
    return parts[0].append(parts[1:]), positions


def _first_rows(table: SeriesTable, rows: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Iterate over the first `rows` (I,) of ids, many at a time: (role, its (C, n) values).

    Static covariates are those of the ids that have such a row.
    """
    for ids, chunk in table_chunks(table):
        known = is_among_first(chunk.offsets, rows[ids])
        yield "past_covariates", chunk.past_covariates.values[:, known]
        yield "future_covariates", chunk.future_covariates.values[:, known]
        yield "static_covariates", chunk.static_covariates.values[:, rows[ids] > 0]


def _learned(covariates: Covariates, seen: list[np.ndarray | None], moments: _Moments) -> Columns:
    """Return the columns, each with its categories that occur, or with mean and deviation."""
    return tuple(
        Column(label, location=location, scale=scale)
        if categories is None
        else Column(label, tuple(categories[is_seen]))
        for label, categories, is_seen, (location, scale) in zip(
            covariates.names,
            covariates.categories,
            seen,
            moments.mean_and_deviation().T.tolist(),
            strict=True,
        )
    )


def _scaling(columns: Columns) -> np.ndarray:
    """Return locations and scales of columns in their own units, (2, n)."""
    pairs = [(0.0, column.scale / column.unit) for column in columns]
    return np.array(pairs, np.float64).reshape(-1, 2).T


def _column_to_json(column: Column) -> dict[str, Any]:
    described: dict[str, Any] = {"label": label_to_json(column.label), "categories": None}
    if column.categories is None:
        return described | {"location": column.location, "scale": column.scale}
    return described | {"categories": [label_to_json(category) for category in column.categories]}


def _column_from_json(described: dict[str, Any]) -> Column:
    label, categories = label_from_json(described["label"]), described["categories"]
    if categories is None:  # without location and scale in older artifacts
        return Column(label, None, described.get("location", 0.0), described.get("scale", 1.0))
    return Column(label, tuple(label_from_json(category) for category in categories))


def _coded(columns: Columns, covariates: Covariates) -> CodedColumns:
    """Code categories by the fitted ones; numbers stay as they are."""
    codes: list[np.ndarray | None] = []
    are_known = covariates.are_known()
    for column, categories, is_known in zip(columns, covariates.categories, are_known, strict=True):
        if not is_known:
            codes.append(None)  # a column without a value fits any kind
            continue
        if (column.categories is None) != (categories is None):
            was, is_now = ("numbers", "categories")[:: 1 if column.categories is None else -1]
            raise TypeError(
                f"`frame` must have the kinds of covariates that `fit` saw. Received: "
                f"{column.label!r} with {is_now}, which were {was}. Convert the column, e.g. "
                f"`frame[{column.label!r}].astype({'float' if was == 'numbers' else 'str'})`."
            )
        if categories is None:
            codes.append(None)
        else:
            code_of = pd.Index(column.categories).get_indexer(categories) + 1
            codes.append(np.append(code_of, 0).astype(np.float32))
    location = np.array([column.location for column in columns])
    unit = np.array([column.unit for column in columns])
    return CodedColumns(covariates.values, tuple(codes), location, unit)


class _Moments:
    """Running mean and standard deviation of (C, n) values that come in parts, without NaN.

    Source: Chan, Golub and LeVeque 1979: the deviations of each part are from its own mean.
    """

    def __init__(self, width: int) -> None:
        self.count, self.mean, self.squares = np.zeros((3, width))

    def add(self, values: np.ndarray) -> None:
        known = ~np.isnan(values)
        count = known.sum(axis=1)
        mean = np.where(known, values, 0).sum(axis=1) / np.maximum(count, 1)
        squares = np.square(np.where(known, values - mean[:, None], 0)).sum(axis=1)
        total, shift = np.maximum(self.count + count, 1), mean - self.mean
        self.squares += squares + shift**2 * self.count * count / total
        self.mean += shift * count / total
        self.count += count

    def mean_and_deviation(self) -> np.ndarray:
        """Return means and standard deviations, (2, C); 0 and 1 where no value is known.

        A deviation within the rounding of float64 is 0.
        """
        deviation = np.sqrt(self.squares / np.maximum(self.count, 1))
        deviation[deviation <= ROUNDING * np.abs(self.mean)] = 0.0
        return np.where(self.count > 0, [self.mean, deviation], [[0.0], [1.0]])
