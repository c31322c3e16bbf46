"""Data files <-> frames: a file has columns, and hardly ever an index.

Who owns what:

* `read_data` reads a file as it is, and decides which columns are texts;
* `read_with_keys` finds the columns of ids and times for a new forecaster;
* `read_like_fit` gives a file the layout of the frame that a forecaster was fitted on;
* a folder of Parquet files whose columns of ids and times are known is passed on as a path, because
  it may be larger than memory;
* `write_csv` writes results.
"""

import sys
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, overload

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.forecaster import Forecaster


def read_data(file: Path, texts: Collection[Any] = ()) -> "pd.DataFrame":
    """Read a CSV or Parquet file; only a frame from Parquet may have an index of its own.

    Args:
        file: Parquet if its suffix is ".parquet" or it is a folder, else CSV.
        texts: columns of a CSV file that are texts whatever their values. So is every other one in
            which a value is no number; then "NA" and "None" are texts too, and "01" is not 1.
    """
    import pandas as pd

    if file.suffix == ".parquet" or file.is_dir():
        return pd.read_parquet(file)
    frame = pd.read_csv(file, low_memory=False)  # else a column may mix numbers and texts
    numeric = pd.api.types.is_numeric_dtype
    texts = [name for name in frame if name in texts or not numeric(frame[name])]
    if texts:
        as_text = {"dtype": str, "keep_default_na": False, "na_values": [""]}
        frame[texts] = pd.read_csv(file, usecols=texts, **as_text)
    return frame


def read_with_keys(
    file: Path, parameters: dict[str, Any]
) -> tuple[dict[str, Any], "pd.DataFrame | Path"]:
    """Read a file for a new forecaster, and find its columns of ids and times.

    Args:
        file: the data file.
        parameters: by the names of their options.

    Returns:
        The parameters, with `id` and `time` if they were None, and the frame with its index as
        first columns. Ids are the first of two levels of that index; times the first column that
        has no other role.
    """
    if file.is_dir() and None not in (parameters["id"], parameters["time"]):
        return parameters, file
    frame = read_data(file)
    has_levels, frame = frame.index.nlevels > 1, _flat(frame)
    named = dict(parameters)
    if named["id"] is None and has_levels:
        named["id"] = frame.columns[0]
    if named["time"] is None:
        with_role = [named["id"], named["weight"], *(named["target"] or ())]
        for role in ("past_covariate", "future_covariate", "static_covariate"):
            with_role += named[role]
        free = [name for name in frame.columns if name not in with_role]
        named["time"] = free[0] if free else frame.columns[0]  # a later error names its two roles
    return named, frame


@overload
def read_like_fit(file: Path, forecaster: "Forecaster") -> "pd.DataFrame | Path": ...
@overload
def read_like_fit(file: None, forecaster: "Forecaster") -> None: ...
def read_like_fit(file: Path | None, forecaster: "Forecaster") -> "pd.DataFrame | Path | None":
    """Read a file in the layout of the fit, whose times, or ids and times, may be an index."""
    import pandas as pd

    if file is None:
        return None
    if file.is_dir() and None not in (forecaster.id_column, forecaster.time_column):
        return file
    coder = forecaster._fitted.trained.coder
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
    """Write a frame, with a header of one line, to a file or else to standard output.

    A file is CSV, or Parquet with the same columns if it ends in ".parquet". It is replaced at
    once when it is whole, unless it is no regular file, such as a pipe.
    """
    from forecaster.data.interop import flat_name
    from forecaster.utils.files import write_whole

    if frame.columns.nlevels > 1 and frame.columns.names[-1] == "quantile":
        frame = frame.set_axis([flat_name(*label) for label in frame.columns], axis=1)
    if output is None:
        frame.to_csv(sys.stdout, index=index)
        return
    if output.suffix == ".parquet":
        flat = frame.reset_index() if index else frame
        named = flat.set_axis(list(map(str, flat.columns)), axis=1)
        write: Callable[[BinaryIO], object] = partial(named.to_parquet, index=False)
    else:
        write = partial(frame.to_csv, index=index)
    if output.is_file() or not output.exists():
        write_whole(output, write)
    else:
        with open(output, "wb") as stream:
            write(stream)
    print(f"{len(frame):,} rows in {output}")


def _flat(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Move the index of a frame to its first columns, unless it only numbers the rows."""
    import pandas as pd

    return frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index()


def _are_texts(categories: tuple[Any, ...] | None) -> bool:
    return categories is not None and isinstance(next(iter(categories), None), str)


def _index_columns(frame: "pd.DataFrame", forecaster: "Forecaster") -> list[Any]:
    """Find the columns of the fit's index: those with its names, else the first ones."""
    last_rows = forecaster._fitted.last_rows
    names = [last_rows.layout.time_name]
    if last_rows.ids is not None and forecaster.id_column is None:
        names = [last_rows.ids.name, *names]
    if set(names) <= set(frame.columns):
        return names
    return [name for name in frame.columns if name != forecaster.id_column][: len(names)]
