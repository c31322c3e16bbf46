"""Frames of other libraries: in as pandas, and back as they came, both through narwhals."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd


def as_pandas(frame: Any) -> Any:
    """A frame of polars, pyarrow or any library that narwhals knows as pandas; others unchanged."""
    if library_of(frame) == "pandas":
        return frame
    known = nw.from_native(frame)
    return (known.collect() if isinstance(known, nw.LazyFrame) else known).to_pandas()


def library_of(frame: Any) -> str:
    """The name of the library that a frame is of; "pandas" for all that narwhals does not know."""
    if isinstance(frame, pd.DataFrame | pd.Series):
        return "pandas"  # even one whose labels stand twice, which narwhals refuses
    known = nw.from_native(frame, pass_through=True)
    is_known = isinstance(known, nw.DataFrame | nw.LazyFrame)
    return known.implementation.value if is_known else "pandas"


def columns_of(frame: Any) -> Collection[Any]:
    """The labels of a frame's columns; none of what is no frame."""
    if library_of(frame) == "pandas":
        return getattr(frame, "columns", ())
    return nw.from_native(frame).collect_schema().names()  # a lazy frame is not collected for it


def as_library(frame: pd.DataFrame, library: str) -> Any:
    """A pandas frame as one of a library that `library_of` named.

    Labels of several levels become texts, (passengers, 0.1) for instance "passengers_q0.1".
    """
    if library == "pandas":
        return frame
    names = [flat_name(*label) if isinstance(label, tuple) else str(label) for label in frame]
    columns = nw.from_native(frame.set_axis(names, axis=1).reset_index(drop=True)).to_arrow()
    return nw.from_arrow(columns, backend=library).to_native()


def flat_name(*label: Any) -> str:
    """One text for the label of a forecast: its parts, then the quantile if there is one."""
    *parts, level = label
    name = "_".join(str(part) for part in parts if part != "")
    return name if level == "" else f"{name}_q{level}"  # the column of times has no level
