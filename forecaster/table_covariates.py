"""Covariates as numbers: values beside the targets, with the names of columns and categories."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from forecaster.plain_index import index_from_plain, plain_labels

# What the covariates of a table are called, and the parameters that name their columns.
GROUPS = ("past_covariates", "future_covariates", "static_covariates")


@dataclass(frozen=True, eq=False)
class Covariates:
    """Columns that help to forecast, as numbers.

    Args:
        values: (C, N) float64 numbers or category codes, NaN where missing; a column for each row
            of a table, or for each of its ids where covariates are static.
        names: (C,) labels of the columns, as the user wrote them.
        categories: C vocabularies: the sorted distinct values, in which code k is at position k;
            None for a covariate of numbers.
    """

    values: np.ndarray
    names: pd.Index
    categories: tuple[pd.Index | None, ...]

    @classmethod
    def none(cls, count: int) -> Covariates:
        """No covariates of `count` rows or ids."""
        return cls(np.zeros((0, count)), pd.Index([], dtype=object), ())

    def __len__(self) -> int:
        return len(self.names)

    def decoded(self, position: int, values: np.ndarray) -> np.ndarray:
        """Values of one covariate as the user wrote them; None for a missing category."""
        categories = self.categories[position]
        if categories is None:
            return values
        labels = np.append(categories.to_numpy(object), None)
        return labels[np.where(np.isnan(values), -1, values).astype(np.int64)]

    def merged(self, other: Covariates) -> tuple[Covariates, Covariates]:
        """These and others of the same names, each with the sorted categories of both.

        Raises:
            TypeError: if a covariate is of numbers here and of categories there, or of categories
                that cannot be compared. One without any value fits to everything.
        """
        pairs = [self._categories_with(other, position) for position in range(len(self))]
        return self._recoded(pairs), other._recoded(pairs)

    def _categories_with(self, other: Covariates, position: int) -> pd.Index | None:
        own, its = self.categories[position], other.categories[position]
        if np.isnan(other.values[position]).all():
            return own
        if np.isnan(self.values[position]).all() or (own is None and its is None):
            return its
        try:
            return own.append(its).unique().sort_values()
        except (AttributeError, TypeError) as error:
            kinds = ["numbers" if c is None else f"categories like {c[0]!r}" for c in (own, its)]
            raise TypeError(
                f"Covariate {self.names[position]!r} must be of the kind that it has been. "
                f"Received: {kinds[1]} after {kinds[0]}. Convert it by `.astype`."
            ) from error

    def _recoded(self, categories: list[pd.Index | None]) -> Covariates:
        """The same with codes for vocabularies that hold its own."""
        values = self.values.copy()
        for row, own, wanted in zip(values, self.categories, categories, strict=True):
            known = ~np.isnan(row)
            if own is not None and known.any():
                row[known] = wanted.get_indexer(own)[row[known].astype(np.int64)]
        return replace(self, values=values, categories=tuple(categories))

    def layout(self) -> dict[str, Any]:
        """All but the values as plain data for JSON."""
        return {
            "names": plain_labels(self.names),
            "categories": [None if c is None else plain_labels(c) for c in self.categories],
        }

    @classmethod
    def from_layout(
        cls, layout: dict[str, Any], values: np.ndarray | None, count: int
    ) -> Covariates:
        """The covariates that have this `layout()` and these values, (C, count); None is NaN."""
        names = index_from_plain(layout["names"], [None])
        return cls(
            values=np.full((len(names), count), np.nan) if values is None else values,
            names=names,
            categories=tuple(
                None if plain is None else index_from_plain(plain, [None])
                for plain in layout["categories"]
            ),
        )
