"""Data files <-> frames, in the words of the command line.

Who owns what:

* `forecaster.files` reads a file, and finds what it holds;
* `read_with_keys` reads one for a new forecaster, with the roles that the options name;
* `read_like_fit` gives a file the layout of the frame that a forecaster was fitted on;
* a folder of Parquet files whose columns of ids and times are known is passed on as a path, because
  it may be larger than memory;
* `resolved` tells what was read, `write_csv` writes results.
"""

import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, overload

from forecaster.cli.terminal import say
from forecaster.files.settings import FileOptions

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.files.table import Roles
    from forecaster.forecaster import Forecaster

COVARIATES = ("past_covariate", "future_covariate", "static_covariate")
AS_FOUND = FileOptions(on_command_line=True)


def read_with_keys(
    file: Path, parameters: dict[str, Any], options: FileOptions = AS_FOUND
) -> tuple[dict[str, Any], "pd.DataFrame | Path"]:
    """Read a file for a new forecaster, and find its columns of ids and times.

    Args:
        file: the data file; "-" is standard input.
        parameters: by the names of their options.
        options: what the user says of the file.

    Returns:
        The parameters, with `id`, `time` and the `freq` of integers if they were None, and the
        frame, whose `attrs["understood"]` says in a line what was read.
    """
    time = tuple(parameters["time"] or ())
    if file.is_dir() and parameters["id"] is not None and len(time) == 1:
        return parameters | {"time": time[0]}, file
    from forecaster.files.table import Roles, read_file

    target, weight, freq = (parameters[name] for name in ("target", "weight", "freq"))
    arguments = {
        "target": [*(target or ())],
        "weight_column": [] if weight is None else [weight],
        **{f"{role}s": [*parameters[role]] for role in COVARIATES},
    }
    roles = Roles(
        numbers=(*arguments["target"], *arguments["weight_column"]),
        covariates=tuple(name for role in COVARIATES for name in parameters[role]),
        arguments=arguments,
        are_all=bool(target),
        are_steps=isinstance(freq, int),
    )
    options = replace(options, time_column=time, id_column=parameters["id"])
    table = read_file(file, options, roles)
    found = {"time": table.time, "id": table.id, "freq": table.freq if freq is None else freq}
    table.frame.attrs["understood"] = str(table)
    return parameters | found, table.frame


@overload
def read_like_fit(
    file: Path, forecaster: "Forecaster", options: FileOptions = AS_FOUND
) -> "pd.DataFrame | Path": ...
@overload
def read_like_fit(
    file: None, forecaster: "Forecaster", options: FileOptions = AS_FOUND
) -> None: ...
def read_like_fit(
    file: Path | None, forecaster: "Forecaster", options: FileOptions = AS_FOUND
) -> "pd.DataFrame | Path | None":
    """Read a file in the layout of the fit, whose times, or ids and times, may be an index.

    What differs from a plain file is said on standard error.
    """
    import pandas as pd

    if file is None:
        return None
    if file.is_dir() and None not in (forecaster.id_column, forecaster.time_column):
        return file
    from forecaster.files.table import read_file

    last_rows, time_column = forecaster._fitted.last_rows, forecaster.time_column
    if time_column is not None:
        options = replace(options, time_column=(str(time_column),))
    if forecaster.id_column is not None:
        options = replace(options, id_column=str(forecaster.id_column))
    table = read_file(file, options, _roles_of_fit(forecaster))
    if table.remarks:
        say("Read", table)
    frame = table.frame
    frame.attrs["understood"] = str(table)
    if table.time is None:
        return frame
    if isinstance(last_rows.starts, pd.PeriodIndex) and frame[table.time].dtype.kind == "M":
        frame[table.time] = frame[table.time].dt.to_period(last_rows.starts.freq)
    if time_column is not None:
        return frame
    if last_rows.ids is None or forecaster.id_column is not None:
        return frame.set_index(table.time).rename_axis(last_rows.layout.time_name)
    ids = table.id
    if ids is None:  # one id, or names that differ: the first column, as in the index of the fit
        ids = next(name for name in frame.columns if name != table.time)
    names = [last_rows.ids.name, last_rows.layout.time_name]
    return frame.set_index([ids, table.time]).rename_axis(names)


def understood(frame: "pd.DataFrame | Path") -> str:
    """Return what was understood of a file, in one line."""
    return f"{frame}: Parquet" if isinstance(frame, Path) else frame.attrs["understood"]


def resolved(forecaster: "Forecaster", frame: "pd.DataFrame | Path") -> str:
    """Tell in a line what was read, and how a forecaster that is not fitted yet will see it.

    Raises:
        TypeError, ValueError: as `Forecaster.fit`.
    """
    if isinstance(frame, Path):
        return understood(frame)
    from forecaster.config import ForecasterConfig
    from forecaster.data.messages import shortlist
    from forecaster.data.reading import read_frame
    from forecaster.data.time_grid import freq_name

    config = ForecasterConfig.of(forecaster.get_params(deep=False)).checked()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the fit warns
        table = read_frame(frame, config.reading)
    spec = config.window_spec(table)
    return (
        f"{understood(frame)}; target {shortlist(table.targets)}; freq {freq_name(table.freq)}, "
        f"season {spec.season_length}, window {spec.input_length}."
    )


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


def _roles_of_fit(forecaster: "Forecaster") -> "Roles":
    """Return what the fit knows of the columns."""
    from forecaster.data.time_grid import is_integer
    from forecaster.files.table import Roles

    coder, last_rows = forecaster._fitted.trained.coder, forecaster._fitted.last_rows
    covariates = (*coder.past, *coder.future, *coder.static)
    texts = [column.label for column in covariates if _are_texts(column.categories)]
    numbers = [column.label for column in covariates if column.categories is None]
    numbers += [] if forecaster.weight_column is None else [forecaster.weight_column]
    if forecaster.target is not None:
        numbers += [*last_rows.targets]
    return Roles(
        numbers=tuple(numbers),
        covariates=tuple(column.label for column in covariates if column.label not in numbers),
        texts=frozenset(texts),
        are_all=forecaster.target is not None,
        targets=tuple(last_rows.targets),
        are_steps=is_integer(last_rows.starts),
        keeps_texts=True,  # the fit has said what is left out
        of_fit=True,
        time=last_rows.layout.time_name,
        id=None if last_rows.ids is None else last_rows.ids.name,
        has_ids=last_rows.ids is not None,
        has_number_ids=last_rows.ids is not None and last_rows.ids.dtype.kind in "iuf",
    )


def _are_texts(categories: tuple[Any, ...] | None) -> bool:
    return categories is not None and isinstance(next(iter(categories), None), str)
