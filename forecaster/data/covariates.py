"""Covariates as numbers: values beside the targets, with the names of columns and categories."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.disk_arrays import side_by_side
from forecaster.data.json_index import index_from_plain, plain_labels
from forecaster.data.ragged import CHUNK

# What the covariates of a table are called, and the parameters that name their columns.
GROUPS = ("past_covariates", "future_covariates", "static_covariates")


Vocabularies = tuple[pd.Index | None, ...]


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
    categories: Vocabularies

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
        categories = merged_categories([self, other])
        return self.recoded(categories), other.recoded(categories)

    def recoded(self, categories: Vocabularies) -> Covariates:
        """The same with codes for vocabularies that hold its own."""
        pairs = list(zip(self.categories, categories, strict=True))
        codes = [  # what each code becomes
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
        """(C,) whether each covariate has a value anywhere."""
        return ~np.isnan(np.fmax.reduce(self.values, axis=1, initial=np.nan))

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


def merged_categories(
    parts: Sequence[Covariates], are_known: Sequence[np.ndarray] | None = None
) -> Vocabularies:
    """For each covariate of several parts the sorted categories of all, or None for numbers.

    Args:
        parts: with the same names, in the order in which they came.
        are_known: what `Covariates.are_known` says of each part; None asks them.

    Raises:
        TypeError: as `Covariates.merged`.
    """
    are_known = [part.are_known() for part in parts] if are_known is None else are_known
    vocabularies = []
    for position, name in enumerate(parts[0].names):
        own = [part.categories[position] for part in parts]
        # One without any value fits to everything.
        having = [c for c, known in zip(own, are_known, strict=True) if known[position]]
        vocabularies.append(reduce(partial(_with_categories, name), having or own[:1]))
    return tuple(vocabularies)


def _with_categories(name: Hashable, own: pd.Index | None, its: pd.Index | None) -> pd.Index | None:
    if own is its is None or (own is not None and its is not None and its.isin(own).all()):
        return own
    try:
        return own.append(its).unique().sort_values()
    except (AttributeError, TypeError) as error:
        kinds = ["numbers" if c is None else f"categories like {c[0]!r}" for c in (own, its)]
        raise TypeError(
            f"Covariate {name!r} must be of the kind that it has been. Received: {kinds[1]} after "
            f"{kinds[0]}. Convert it by `.astype`."
        ) from error
