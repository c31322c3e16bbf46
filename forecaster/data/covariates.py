"""Covariates as numbers, with the names of their columns and their categories."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from forecaster.data.disk_arrays import side_by_side
from forecaster.data.json_index import index_from_json, labels_to_json
from forecaster.data.ragged import CHUNK

# Fields of a table that hold covariates, and parameters that name their columns.
COVARIATE_ROLES = ("past_covariates", "future_covariates", "static_covariates")

Vocabularies: TypeAlias = tuple[pd.Index | None, ...]


@dataclass(frozen=True, eq=False)
class Covariates:
    """Covariates as numbers, with the categories that codes stand for.

    Args:
        values: (C, N) float64 numbers or category codes, NaN where missing; a column for each row
            of a table, or for each of its ids if the covariates are static.
        names: (C,) labels of the columns, as the user wrote them.
        categories: C vocabularies: the sorted distinct values, in which code k is at position k;
            None for a covariate of numbers.
    """

    values: np.ndarray
    names: pd.Index
    categories: Vocabularies

    @classmethod
    def none(cls, count: int) -> Covariates:
        """Make covariates without columns for `count` rows or ids."""
        return cls(np.zeros((0, count)), pd.Index([], dtype=object), ())

    def __len__(self) -> int:
        return len(self.names)

    def decoded(self, position: int, values: np.ndarray) -> np.ndarray:
        """Decode values of one covariate to the user's categories; None where missing."""
        categories = self.categories[position]
        if categories is None:
            return values
        labels = np.append(categories.to_numpy(object), np.array([None]))
        return labels[np.where(np.isnan(values), -1, values).astype(np.int64)]

    def merged(self, other: Covariates) -> tuple[Covariates, Covariates]:
        """Return these and others of the same names, each with the sorted categories of both.

        Raises:
            TypeError: if a covariate is of numbers here and of categories there, or of categories
                that cannot be compared. A covariate without any value has no kind.
        """
        categories = merged_categories([self, other])
        return self.recoded(categories), other.recoded(categories)

    def recoded(self, categories: Vocabularies) -> Covariates:
        """Recode to vocabularies that include its own."""
        pairs = list(zip(self.categories, categories, strict=True))
        codes = [  # the new code of each old one
            None if own is None or wanted is None or own.equals(wanted) else wanted.get_indexer(own)
            for own, wanted in pairs
        ]
        if all(new is None for new in codes):
            return replace(self, categories=categories)

        def recode(first: int) -> np.ndarray:
            columns = self.values[:, first : first + CHUNK].copy()
            for row, new in zip(columns, codes, strict=True):
                known = ~np.isnan(row)
                if new is not None and known.any():
                    row[known] = new[row[known].astype(np.int64)]
            return columns

        count = self.values.shape[1]
        values = side_by_side(map(recode, range(0, count, CHUNK)), count, self.values)
        return replace(self, values=values, categories=categories)

    def are_known(self) -> np.ndarray:
        """Return whether each covariate has a value anywhere, (C,) bool."""
        return ~np.isnan(np.fmax.reduce(self.values, axis=1, initial=np.nan))

    def to_json(self) -> dict[str, Any]:
        """Serialize all but the values to JSON-compatible values."""
        return {
            "names": labels_to_json(self.names),
            "categories": [None if c is None else labels_to_json(c) for c in self.categories],
        }

    @classmethod
    def from_json(
        cls, description: dict[str, Any], values: np.ndarray | None, count: int
    ) -> Covariates:
        """Restore what `to_json` described, with these values (C, count); None is NaN."""
        names = index_from_json(description["names"], [None])
        return cls(
            values=np.full((len(names), count), np.nan) if values is None else values,
            names=names,
            categories=tuple(
                None if labels is None else index_from_json(labels, [None])
                for labels in description["categories"]
            ),
        )


def merged_categories(
    parts: Sequence[Covariates], are_known: Sequence[np.ndarray] | None = None
) -> Vocabularies:
    """Merge the categories of several parts, sorted, for each covariate; None for numbers.

    Args:
        parts: with the same names, in the order in which they were read.
        are_known: `Covariates.are_known` of each part; None computes it.

    Raises:
        TypeError: as `Covariates.merged`.
    """
    are_known = [part.are_known() for part in parts] if are_known is None else are_known
    vocabularies: list[pd.Index | None] = []
    for position, name in enumerate(parts[0].names):
        own = [part.categories[position] for part in parts]
        # A covariate without any value has no kind.
        with_values = [c for c, known in zip(own, are_known, strict=True) if known[position]]
        vocabularies.append(reduce(partial(_merged_pair, name), with_values or own[:1]))
    return tuple(vocabularies)


def _merged_pair(name: Hashable, own: pd.Index | None, its: pd.Index | None) -> pd.Index | None:
    """Merge two vocabularies of the covariate `name`, of numbers (None) or of categories."""
    if own is None and its is None:
        return None
    cause: TypeError | None = None
    if own is not None and its is not None:
        if its.isin(own).all():
            return own
        try:
            return own.append(its).unique().sort_values()
        except TypeError as error:
            cause = error
    kinds = ["numbers" if c is None else f"categories like {c[0]!r}" for c in (own, its)]
    raise TypeError(
        f"Covariate {name!r} must be of the kind that it has been. Received: {kinds[1]} after "
        f"{kinds[0]}. Convert it by `.astype`."
    ) from cause
