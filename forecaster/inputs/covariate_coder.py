"""What a model is given beside the targets: which columns there are, and their arrays.

Who owns what:

* a table holds numbers, and codes of the categories that it was read with;
* `CovariateCoder` knows the columns of a fit, and the categories that its training part had: no
  other gets an embedding;
* the model (wrapping.py) scales numbers and embeds codes, so that an artifact does so too.

Covariates of the future are seen over the window as well: what will be known was known.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.covariates import GROUPS, Covariates
from forecaster.data.json_index import label_from_plain, plain_label
from forecaster.data.series_table import SeriesTable
from forecaster.inputs.time_features import TimeFeatures
from forecaster.inputs.windows import CodedColumns, CovariateArrays, WindowSource, WindowSpec
from forecaster.network.covariate_encoder import NUMBER, PLAIN, CovariateKinds


@dataclass(frozen=True)
class Column:
    """One covariate: a number where `categories` is None, else a category with those values."""

    label: Hashable
    categories: tuple[Hashable, ...] | None = None

    @property
    def kind(self) -> int:
        """As `CovariateKinds` has it: code 0 is left for what is missing or was never seen."""
        return NUMBER if self.categories is None else len(self.categories) + 1


Columns = tuple[Column, ...]
NO_TIME_FEATURES = TimeFeatures()


@dataclass(frozen=True)
class CovariateCoder:
    """From the covariates of a table to the arrays that windows are cut from.

    Args:
        past, future, static: the columns, in the order of the table.
        time_features: of the times themselves.
    """

    past: Columns = ()
    future: Columns = ()
    static: Columns = ()
    time_features: TimeFeatures = NO_TIME_FEATURES

    @classmethod
    def learned(
        cls, table: SeriesTable, rows: np.ndarray, time_features: TimeFeatures
    ) -> CovariateCoder:
        """The columns of `table`, with the categories of the first `rows` (I,) of each id."""
        seen = {
            name: [None if c is None else np.zeros(len(c), bool) for c in covariates.categories]
            for name, covariates in ((name, getattr(table, name)) for name in GROUPS)
        }
        for name, values in _first_rows(table, rows):
            for is_seen, codes in zip(seen[name], values, strict=True):
                if is_seen is not None:
                    is_seen[codes[~np.isnan(codes)].astype(np.int64)] = True
        past, future, static = (_learned(getattr(table, name), seen[name]) for name in GROUPS)
        return cls(past, future, static, time_features)

    @property
    def kinds(self) -> CovariateKinds:
        """Of the model's inputs: time features are the last columns of window and horizon."""
        past, future, static = (
            tuple(column.kind for column in columns)
            for columns in (self.past, self.future, self.static)
        )
        plain = (PLAIN,) * self.time_features.width
        return CovariateKinds(past + future + plain, future + plain, static)

    def scaling(
        self, table: SeriesTable, rows: np.ndarray
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Mean and standard deviation of every column in the first `rows` (I,) of each id."""
        moments = {name: _Moments(len(getattr(table, name))) for name in GROUPS}
        for name, values in _first_rows(table, rows):
            moments[name].add(values)
        past, future, static = (moments[name].mean_and_deviation() for name in GROUPS)
        plain = np.array([[0.0], [1.0]]).repeat(self.time_features.width, axis=1)
        return {
            "past": tuple(np.concatenate([past, future, plain], axis=1)),
            "future": tuple(np.concatenate([future, plain], axis=1)),
            "static": tuple(static),
        }

    def arrays(self, table: SeriesTable, before: int, after: int) -> CovariateArrays:
        """The arrays of a table with these columns.

        Args:
            table: its categories may be others; those that were never learned get code 0.
            before: rows before each id's first that a window may reach.
            after: rows after each id's last.

        Raises:
            TypeError: if a number has become a category, or a category a number.
        """
        if self.time_features:
            times, clock = table.clock(before, after)
            features = self.time_features.of(times)
        else:
            features, clock = np.zeros((0, 0), np.float32), np.zeros(table.num_ids, np.int64)
        return CovariateArrays(
            past=_coded(self.past, table.past_covariates),
            future=_coded(self.future, table.future_covariates),
            static=_coded(self.static, table.static_covariates),
            time_features=features,
            clock=clock,
        )

    def unseen(self, table: SeriesTable) -> dict[Hashable, list[Hashable]]:
        """Labels of categorical covariates -> the categories of `table` that were not learned."""
        unseen = {}
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

    def to_plain(self) -> dict[str, Any]:
        """Plain data for JSON; `from_plain` is the way back.

        Raises:
            TypeError: if a label or a category is not a text, a number, None or a tuple of those.
        """
        groups = {"past": self.past, "future": self.future, "static": self.static}
        plain = {
            name: [
                {
                    "label": plain_label(column.label),
                    "categories": None
                    if column.categories is None
                    else [plain_label(category) for category in column.categories],
                }
                for column in columns
            ]
            for name, columns in groups.items()
        }
        return plain | {"time_features": self.time_features.to_plain()}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> CovariateCoder:
        """The coder that `to_plain` wrote."""
        groups = {
            name: tuple(
                Column(
                    label_from_plain(column["label"]),
                    None
                    if column["categories"] is None
                    else tuple(label_from_plain(category) for category in column["categories"]),
                )
                for column in plain[name]
            )
            for name in ("past", "future", "static")
        }
        return cls(**groups, time_features=TimeFeatures.from_plain(plain["time_features"]))


def new_source(
    table: SeriesTable, coder: CovariateCoder, spec: WindowSpec, *, joint: bool
) -> WindowSource:
    """What windows of a table are gathered from, its covariates with them."""
    is_plain = coder == CovariateCoder()
    arrays = None if is_plain else coder.arrays(table, spec.input_length, spec.horizon)
    return WindowSource(table, arrays, joint=joint)


def _first_rows(table: SeriesTable, rows: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The first `rows` (I,) of each id, many at a time: names of groups, and their (C, n) values.

    Static covariates are those of the ids that have such a row.
    """
    for ids, chunk in table.chunks():
        known = chunk.is_among_first(rows[ids])
        yield "past_covariates", chunk.past_covariates.values[:, known]
        yield "future_covariates", chunk.future_covariates.values[:, known]
        yield "static_covariates", chunk.static_covariates.values[:, rows[ids] > 0]


def _learned(covariates: Covariates, seen: list[np.ndarray | None]) -> Columns:
    """The columns, with the categories that were seen."""
    return tuple(
        Column(label, None if categories is None else tuple(categories[is_seen]))
        for label, categories, is_seen in zip(
            covariates.names, covariates.categories, seen, strict=True
        )
    )


def _coded(columns: Columns, covariates: Covariates) -> CodedColumns:
    """Numbers as they are, categories by what was learned of them."""
    codes, are_known = [], covariates.are_known()
    for column, categories, is_known in zip(columns, covariates.categories, are_known, strict=True):
        if not is_known:
            codes.append(None)  # of no kind
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
    return CodedColumns(covariates.values, tuple(codes))


class _Moments:
    """Mean and deviation of (C, n) values that come in parts, NaN left out.

    Source: Chan, Golub and LeVeque 1979: the deviations of each part are from its own mean.
    """

    def __init__(self, width: int):
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
        """(2, C), NaN where no value is known."""
        known = self.count > 0
        variance = self.squares / np.maximum(self.count, 1)
        return np.where(known, [self.mean, np.sqrt(variance)], np.nan)
