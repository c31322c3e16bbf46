"""`read_table`: a frame from a file, for a `Forecaster`, with a line on what was understood.

Who owns what:

* `sources.py` gets bytes and text, `separators.py` and `cells.py` a header and rows,
  `formats.py` the same from other formats than text;
* `numbers.py` and `times.py` read texts, `clocks.py` times of day;
* `keys.py` finds the columns of times and ids, `columns.py` owns all others;
* here they are put together.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.data.frame_checks import check_columns
from forecaster.data.messages import shortlist
from forecaster.files.cells import Cells, read_cells
from forecaster.files.columns import (
    Roles,
    column_values,
    id_values,
    lines_of,
    missing_cells,
    reason_against,
)
from forecaster.files.formats import read_excel, read_json, read_tsf, typed_cells
from forecaster.files.keys import TimeKey, columns_of, find_id, find_time, named_time
from forecaster.files.names import TIME_NAMES, has_word
from forecaster.files.numbers import find_marks, is_text
from forecaster.files.separators import NAMES, is_typed
from forecaster.files.settings import FileOptions
from forecaster.files.sources import Source, decode, open_source
from forecaster.files.stacking import stacked


@dataclass(frozen=True, eq=False)
class FileTable:
    """Table of a file, with what was understood of it.

    Args:
        name: of the file.
        frame: times, ids, and the columns that are data, in the order of the file.
        time: name of the column of times; None if the rows are in the order of time.
        id: name of the column of ids, if there is one.
        freq: step of integer times.
        left_out: column -> why it is not in the frame.
        notes: what else is worth saying.
        shape: what the user can see in the file: its separator, its decimal mark.
    """

    name: str
    frame: pd.DataFrame
    time: Any
    id: Any = None
    freq: int | None = None
    left_out: dict[Any, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    shape: tuple[str, ...] = ()

    @property
    def remarks(self) -> list[str]:
        """Return what differs from a plain file, each a few words."""
        left_out = _listed(self.left_out)
        return [*([f"left out: {left_out}"] if left_out else []), *self.notes]

    def __str__(self) -> str:
        """Return what was understood, in one line."""
        parts = [f"{self.name}: {len(self.frame):,} rows"]
        if self.time is None:
            parts.append("in the order of time")
        else:
            times = self.frame[self.time]
            parts.append(f"time {self.time} ({_short(times.min())} to {_short(times.max())})")
        if self.id is not None:
            parts.append(f"id {self.id} ({self.frame[self.id].nunique():,})")
        return " ".join("; ".join([*parts, *self.shape, *self.remarks]).split())


def read_table(
    path: str | Path,
    *,
    time_column: str | Sequence[str] | None = None,
    id_column: str | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    encoding: str | None = None,
    time_format: str | None = None,
    header: bool | None = None,
) -> pd.DataFrame:
    """Read a file as a frame that `Forecaster.fit` takes; what is not given is found in the file.

    Separated text (also packed by gzip, zip, bzip2 or xz), Parquet, Feather, Excel, JSON, TSF.
    Columns that number the rows or repeat the times are left out; `frame.attrs["understood"]`
    tells it in one line. Texts are kept, for covariates.

    Args:
        path: of the file; "-" is standard input.
        time_column: name of the column of times, or several to be joined, as a date and an hour.
        id_column: name of the column of ids, which are read as texts.
        separator: between cells: a character, or "tab", "blank" and the like.
        decimal: "." or ",".
        thousands: ".", ",", " " or "'".
        encoding: such as "cp1252".
        time_format: such as "%d/%m/%Y"; or "s", "ms", "us", "ns", "excel" or "year".
        header: False if the first row holds values already.

    Returns:
        The frame; its index is the time, or the id and the time.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is no table, or can be read in two ways; it names what decides.
        ImportError: if its format needs a package that is not installed.

    Example:
        >>> from importlib.resources import files
        >>> read_table(files("forecaster.datasets") / "air_passengers.csv").attrs["understood"]
        'air_passengers.csv: 144 rows; time month (1949-01-01 to 1960-12-01)'
    """
    times = (time_column,) if isinstance(time_column, str) else tuple(time_column or ())
    options = FileOptions(
        separator=separator,
        decimal=decimal,
        thousands=thousands,
        encoding=encoding,
        time_format=time_format,
        time_column=times,
        id_column=id_column,
        header=header,
    )
    table = read_file(path, options, Roles(keeps_texts=True))
    keys = [key for key in (table.id, table.time) if key is not None]
    frame = table.frame.set_index(keys) if keys else table.frame
    frame.attrs["understood"] = str(table)
    return frame


def read_file(path: str | Path, options: FileOptions, roles: Roles = Roles()) -> FileTable:
    """Read a file, find its columns of times and ids, and leave out what is no data.

    Args:
        path: of the file; "-" is standard input.
        options: of the user.
        roles: of columns that the user named.

    Raises:
        OSError, ValueError, TypeError, ImportError: as `read_table`.
    """
    if Path(path).is_dir() and any(Path(path).rglob("*.parquet")):
        source = Source(str(path), b"", "parquet")
        cells = typed_cells(source, pd.read_parquet(path))
    else:
        source = open_source(path)
        cells = stacked(_cells_of(source, options))
    columns = cells.frame.columns
    if roles.of_fit:
        roles = replace(
            roles,
            numbers=tuple(name for name in roles.numbers if name in columns),
            covariates=tuple(name for name in roles.covariates if name in columns),
        )
    named = (*roles.numbers, *roles.covariates)
    times, id_column = _keys_of(cells, options, roles)
    if roles.of_fit:
        _check_of_fit(source, cells, times, id_column)
    check_columns(
        cells.frame,
        {
            "id_column": [] if id_column is None else [id_column],
            "time_column": list(times),
            **roles.arguments,
        },
        source.name,
    )
    key = _time_of(cells, times, {*named, id_column}, options, roles)
    if id_column is None and key is not None and roles.has_ids:
        id_column = find_id(cells.frame, key, named, options)
    return _table(source, cells, key, id_column, options, roles)


def _check_of_fit(source: Source, cells: Cells, times: Collection[Any], id_column: Any) -> None:
    """Check that a file has the columns of times and ids that the fit had."""
    keys = [*times, *([] if id_column is None else [id_column])]
    lacking = [repr(key) for key in keys if key not in cells.frame.columns]
    if lacking:
        columns = shortlist([repr(name) for name in cells.frame.columns])
        raise source.refusal(
            f"no column {shortlist(lacking)}, which the fit had; its columns are {columns}.",
            "Rename them in its header.",
        )


def _keys_of(cells: Cells, options: FileOptions, roles: Roles) -> tuple[tuple[Any, ...], Any]:
    """Return the columns of times and of ids that the user, the fit or the file names, if any."""
    columns = cells.frame.columns
    times, id_column = options.time_column, options.id_column
    if not times and roles.time is not None:
        parts = columns_of(roles.time, columns)
        times = parts if set(parts) <= set(columns) else ()
    elif len(times) == 1:
        times = columns_of(times[0], columns)
    if not times and cells.index:
        times = cells.index[-1:]
    if id_column is None and roles.id in columns:
        id_column = roles.id
    if id_column is None and len(cells.index) > 1:
        id_column = cells.index[0]
    return times, id_column


def _cells_of(source: Source, options: FileOptions) -> Cells:
    """Return the columns of a file, as texts unless the file knows their kinds."""
    if source.kind == "xlsx":
        return read_excel(source, options)
    if source.kind in ("parquet", "feather"):
        reader = pd.read_parquet if source.kind == "parquet" else pd.read_feather
        try:
            frame = reader(io.BytesIO(source.data))
        except ImportError as error:
            raise ImportError(
                f"{source.kind.title()} files need the package `pyarrow`. Received: "
                f"{source.name!r}. Run: pip install 'keras-forecaster[parquet]'"
            ) from error
        except (OSError, ValueError) as error:
            raise source.refusal(f"a damaged file ({error}).", "Write it anew.") from None
        return typed_cells(source, frame)
    text, guess = decode(source, options)
    notes = [f"encoding {guess}"] if guess else []
    if re.match(r'\s*({|\[\s*[\["{])', text):
        return typed_cells(source, read_json(source, text), tuple(notes))
    if "\n@data" in text.lower():
        return typed_cells(source, read_tsf(source, text), tuple(notes))
    cells = read_cells(source, text, options)
    return Cells(cells.frame, cells.lines, cells.separator, (*notes, *cells.notes))


def _time_of(
    cells: Cells, times: tuple[Any, ...], taken: Collection[Any], options: FileOptions, roles: Roles
) -> TimeKey | None:
    """Return the times of a table; None if its rows are in their order."""
    if times:
        _check_no_gaps(cells, times, options)
        return named_time(cells.frame, times, options, are_steps=roles.are_steps)
    found = find_time(cells.frame, taken, options)
    if found is None and not roles.are_steps:
        columns = shortlist([repr(name) for name in cells.frame.columns])
        likely = [name for name in cells.frame if name not in taken and has_word(name, TIME_NAMES)]
        if likely:
            columns += f"; {likely[0]!r} holds {shortlist(cells.frame[likely[0]].unique()[:2])}"
        raise ValueError(
            f"{options.spelled('time_column')} must be given where no column looks like times. "
            f"Received: columns {columns}. Name one, with its {options.spelled('time_format')}, or "
            f"give {options.spelled('freq', 1)} if the rows are in the order of time, one a step."
        )
    if found is None:
        _check_no_series(cells, taken, options, roles)
        return None
    _check_no_gaps(cells, found.columns, options)
    if roles.are_steps and len(found.columns) == 1:
        return named_time(cells.frame, found.columns, options, are_steps=True)
    return found


def _check_no_series(
    cells: Cells, taken: Collection[Any], options: FileOptions, roles: Roles
) -> None:
    """Check that rows without times are not series themselves, each with its id."""
    first = cells.frame.columns[0]
    values = cells.frame[first]
    are_ids = is_text(values) and values.is_unique and not values.map(is_typed).any()
    if are_ids and not roles.are_all and first not in taken and len(values) > 1:
        raise ValueError(
            f"{options.spelled('time_column')} must be given where a row seems to be a series. "
            f"Received: another text in each row of {first!r}: {shortlist(values)}. Turn the "
            f"table, so that times go down; or name the columns to forecast by "
            f"{options.spelled('target')}."
        )


def _check_no_gaps(cells: Cells, times: Collection[Any], options: FileOptions) -> None:
    """Check that no cell is missing in columns of times."""
    missing = pd.concat([missing_cells(cells.frame[name]) for name in times], axis=1).any(axis=1)
    if missing.any():
        raise ValueError(
            f"{options.spelled('time_column')} must name a column with a time in every row. "
            f"Received: none of {' '.join(map(str, times))!r} in {lines_of(cells, missing)}. Fill "
            f"them in, or drop these rows."
        )


def _table(
    source: Source,
    cells: Cells,
    key: TimeKey | None,
    id_column: Any,
    options: FileOptions,
    roles: Roles,
) -> FileTable:
    """Convert the columns, and leave out those that are no data."""
    frame, notes = cells.frame, [*cells.notes]
    keys = () if key is None else key.columns
    marks = find_marks(
        [frame[name] for name in frame if name not in keys and is_text(frame[name])],
        cells.separator,
        options,
    )
    notes += [key.note] if key is not None and key.note else []
    shape = [marks.note] if marks.note else []
    if cells.separator not in (",", "\t", ""):
        shape.insert(0, f"separator {NAMES.get(cells.separator, cells.separator)}")
    named = {*roles.numbers, *roles.covariates}
    is_all_there = bool(roles.targets) and {*roles.targets} <= {*frame.columns}
    columns: dict[Any, Any] = {}
    left_out: dict[Any, str] = {}
    for position, name in enumerate(frame.columns):
        if name in keys and key is not None:
            columns.setdefault(key.name, key.values)
        elif name == id_column:
            columns[name] = id_values(cells, name, marks, roles)
        elif name in named or not roles.are_all:
            values, note = column_values(source, cells, name, marks, roles)
            why = note if values is None else None
            if values is not None and name not in {*named, *roles.targets}:
                why = reason_against(name, position, values, key)
                if is_all_there and not is_text(values):
                    why = "not in the fit"
            if why is None:
                columns[name] = values
                notes += [f"{name} {note}"] if note else []
            else:
                left_out[name] = why
    _keep_one(columns, left_out, frame, (*keys, id_column), named)
    if not named and not any(_is_number(columns[name]) for name in columns if name in frame):
        raise source.refusal(
            f"no column of numbers to forecast; {_listed(left_out) or 'only times and ids'}.",
            f"Name one by {options.spelled('target')}, or check how the file was written.",
        )
    return FileTable(
        name=source.name,
        frame=pd.DataFrame(columns),
        time=None if key is None else key.name,
        id=id_column,
        freq=None if key is None else key.freq,
        left_out=left_out,
        notes=tuple(notes),
        shape=tuple(shape),
    )


def _keep_one(
    columns: dict[Any, Any],
    left_out: dict[Any, str],
    frame: pd.DataFrame,
    keys: tuple[Any, ...],
    named: Collection[Any],
) -> None:
    """Take a row counter back where nothing else could be forecast: it is a ramp."""
    counters = [name for name, why in left_out.items() if why == "row counter"]
    if named or len(counters) != 1 or any(name not in keys for name in columns if name in frame):
        return
    columns[counters[0]] = pd.to_numeric(frame[counters[0]])
    del left_out[counters[0]]


def _is_number(values: Any) -> bool:
    return pd.api.types.is_numeric_dtype(values.dtype) or values.dtype == object


def _listed(left_out: dict[Any, str]) -> str:
    return shortlist([f"{name!r} ({why})" for name, why in left_out.items()])


def _short(time: Any) -> str:
    return str(time).removesuffix(" 00:00:00")
