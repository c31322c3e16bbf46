"""Conversion between pandas and other dataframe libraries, by narwhals."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd


def as_pandas(frame: Any) -> Any:
    """Convert a frame of any library that narwhals knows to pandas; return others unchanged."""
    if library_of(frame) == "pandas":
        return frame
    known = nw.from_native(frame)
    return (known.collect() if isinstance(known, nw.LazyFrame) else known).to_pandas()


def library_of(frame: Any) -> str:
    """Return the name of the library of a frame; "pandas" for all that narwhals does not know."""
    if isinstance(frame, pd.DataFrame | pd.Series):
        return "pandas"  # also with duplicated labels, which narwhals rejects
    known = nw.from_native(frame, pass_through=True)
    is_known = isinstance(known, nw.DataFrame | nw.LazyFrame)
    return known.implementation.value if is_known else "pandas"


def columns_of(frame: Any) -> Collection[Any]:
    """Return the labels of the columns of a frame; none if it is no frame."""
    if library_of(frame) == "pandas":
        return getattr(frame, "columns", ())
    return nw.from_native(frame).collect_schema().names()  # does not collect a lazy frame


def as_library(frame: pd.DataFrame, library: str) -> Any:
    """Convert a pandas frame to a library that `library_of` named.

    Labels of several levels become texts, for example (passengers, 0.1) "passengers_q0.1".
    """
    if library == "pandas":
        return frame
    names = [flat_name(*label) if isinstance(label, tuple) else str(label) for label in frame]
    columns = nw.from_native(frame.set_axis(names, axis=1).reset_index(drop=True)).to_arrow()
    backend: Any = library  # narwhals raises for a name that it does not know
    return nw.from_arrow(columns, backend=backend).to_native()


def flat_name(*label: Any) -> str:
    """Join the parts of a column label of a forecast, the last one a quantile level or ""."""
    *parts, level = label
    name = "_".join(str(part) for part in parts if part != "")
    return name if level == "" else f"{name}_q{level}"  # the column of times has no level
