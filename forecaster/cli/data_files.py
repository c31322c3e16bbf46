"""Files of data <-> frames, for the command line: files have columns, and hardly ever an index.

Who owns what:

* `read_data` reads a file as it is, and decides which columns are texts;
* `read_with_keys` finds the columns of ids and times for a new forecaster;
* `read_like_fit` gives a file the layout that a fitted one has learned;
* a folder of Parquet files of which ids and times are known goes on as it is, because it may be
  larger than memory;
* `write_csv` writes what Python answers.
"""

import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.forecaster import Forecaster


def read_data(file: Path, texts: Collection[str] = ()) -> "pd.DataFrame":
    """A CSV or Parquet file as a frame; only that of Parquet may have an index of its own.

    Args:
        file: a suffix ".parquet" tells the two apart; a folder is of Parquet files.
        texts: columns of a CSV file that are texts whatever is in them. So is every other one in
            which a value is no number; then "NA" and "None" are texts too, and "01" is not 1.
    """
    import pandas as pd

    if file.suffix == ".parquet" or file.is_dir():
        return pd.read_parquet(file)
    frame = pd.read_csv(file, low_memory=False)  # else a column may be numbers above texts
    numeric = pd.api.types.is_numeric_dtype
    texts = [name for name in frame if name in texts or not numeric(frame[name])]
    if texts:
        as_text = {"dtype": str, "keep_default_na": False, "na_values": [""]}
        frame[texts] = pd.read_csv(file, usecols=texts, **as_text)
    return frame


def read_with_keys(
    file: Path, parameters: dict[str, Any]
) -> tuple[dict[str, Any], "pd.DataFrame | Path"]:
    """A file for a new forecaster, whose columns of ids and times are named where they were not.

    Args:
        file: of data.
        parameters: by the names of their options.

    Returns:
        The parameters, and the file with its index as its first columns. Ids are the first of two
        levels of that index; times the first column that nothing else was named for.
    """
    if file.is_dir() and None not in (parameters["id"], parameters["time"]):
        return parameters, file
    frame = read_data(file)
    has_levels, frame = frame.index.nlevels > 1, _flat(frame)
    named = dict(parameters)
    if named["id"] is None and has_levels:
        named["id"] = frame.columns[0]
    if named["time"] is None:
        taken = [named["id"], named["weight"], *(named["target"] or ())]
        for role in ("past_covariate", "future_covariate", "static_covariate"):
            taken += named[role]
        free = [name for name in frame.columns if name not in taken]
        named["time"] = free[0] if free else frame.columns[0]  # the error names its two parts
    return named, frame


def read_like_fit(file: Path | None, forecaster: "Forecaster") -> "pd.DataFrame | Path | None":
    """A file in the layout of the fit, which may have had its times, or ids and times, as index."""
    import pandas as pd

    if file is None:
        return None
    if file.is_dir() and None not in (forecaster.id_column, forecaster.time_column):
        return file
    coder = forecaster._fitted.coder
    covariates = (*coder.past, *coder.future, *coder.static)
    texts = [column.label for column in covariates if _are_texts(column.categories)]
    frame = _flat(read_data(file, texts))
    if forecaster.time_column is not None:
        return frame
    *ids, time = _index_columns(frame, forecaster)
    if pd.api.types.is_string_dtype(frame[time]):
        frame[time] = pd.to_datetime(frame[time], format="ISO8601")
    return frame.set_index([*ids, time])


def write_csv(frame: "pd.DataFrame", output: Path | None, *, index: bool) -> None:
    """Write a frame to a file and say so, or else to standard output; its header is one line."""
    from forecaster.data.interop import flat_name

    if frame.columns.nlevels > 1 and frame.columns.names[-1] == "quantile":
        frame = frame.set_axis([flat_name(*label) for label in frame.columns], axis=1)
    frame.to_csv(sys.stdout if output is None else output, index=index)
    if output is not None:
        print(f"{len(frame):,} rows in {output}")


def _flat(frame: "pd.DataFrame") -> "pd.DataFrame":
    """A frame with its index as its first columns, where that says more than a number."""
    import pandas as pd

    return frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index()


def _are_texts(categories: tuple[Any, ...] | None) -> bool:
    return bool(categories) and isinstance(categories[0], str)


def _index_columns(frame: "pd.DataFrame", forecaster: "Forecaster") -> list[Any]:
    """The columns that were the index of the fit: those of the same names, else the first ones."""
    layout = forecaster._fitted.layout
    has_levels = layout.ids is not None and forecaster.id_column is None
    names = [layout.ids.name, layout.time_name] if has_levels else [layout.time_name]
    if set(names) <= set(frame.columns):
        return names
    return [name for name in frame.columns if name != forecaster.id_column][: len(names)]
