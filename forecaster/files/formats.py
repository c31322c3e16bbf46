"""Formats of tables other than separated text: Excel, JSON, TSF; and the kinds of their columns."""

from __future__ import annotations

import io
import json
import re
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from forecaster.files.cells import Cells, cells_of_rows
from forecaster.files.separators import Row
from forecaster.files.settings import FileOptions
from forecaster.files.sources import Source

_TSF_STEPS = {
    "yearly": pd.DateOffset(years=1),
    "quarterly": pd.DateOffset(months=3),
    "monthly": pd.DateOffset(months=1),
    "weekly": pd.DateOffset(days=7),
    "daily": pd.DateOffset(days=1),
    "hourly": pd.DateOffset(hours=1),
    "half_hourly": pd.DateOffset(minutes=30),
    "10_minutes": pd.DateOffset(minutes=10),
    "minutely": pd.DateOffset(minutes=1),
    "4_seconds": pd.DateOffset(seconds=4),
}


def read_excel(source: Source, options: FileOptions) -> Cells:
    """Read the first sheet of a workbook that is not empty.

    Raises:
        ImportError: if openpyxl is not installed.
        ValueError: if there is no table in it.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise ImportError(
            f"Excel files need the package `openpyxl`. Received: {source.name!r}. Run: pip install "
            f"'keras-forecaster[excel]', or save the sheet as CSV."
        ) from error
    book = openpyxl.load_workbook(io.BytesIO(source.data), read_only=True, data_only=True)
    sheets = {
        sheet.title: rows
        for sheet in book.worksheets
        if (rows := _rows_of(sheet.iter_rows(values_only=True)))
    }
    if not sheets:
        raise source.refusal("a workbook of empty sheets.")
    (name, rows), *others = sheets.items()
    cells = cells_of_rows(source, rows, "", [], options)
    note = (f"sheet {name} of {1 + len(others)}",) if others else ()
    return Cells(cells.frame, cells.lines, "", (*note, *cells.notes))


def read_json(source: Source, text: str) -> pd.DataFrame:
    """Read records, a list of them or one in each line, or columns of lists.

    Raises:
        ValueError: if it is something else.
    """
    try:
        found = json.loads(text)
    except json.JSONDecodeError as whole:
        found = []
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip():
                continue
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError as error:
                error = whole if number == 1 else error
                raise source.refusal(
                    f"JSON that ends or breaks in line {number} ({error}).",
                    "Correct it; there must be a list of records, or a record in each line.",
                ) from None
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list)]
        if len(lists) == 1 and lists[0] and isinstance(lists[0][0], dict):
            found = lists[0]  # records in an envelope
        elif lists and len({len(values) for values in lists}) == 1 and len(lists) == len(found):
            return _flat(source, pd.DataFrame(found, dtype=object))
        else:
            found = [found]
    if not found or not all(isinstance(record, dict) for record in found):
        raise source.refusal("JSON without records.", "Write a list of records, with names.")
    return _flat(source, pd.DataFrame(found, dtype=object))


def read_tsf(source: Source, text: str) -> pd.DataFrame:
    """Read the TSF format of the Monash archive as a long frame: id, time, value.

    Raises:
        ValueError: if a line is not as the header says.
    """
    lines = text.split("\n")
    tags = [line.split() for line in lines if line.startswith("@")]
    names = [tag[1] for tag in tags if tag[0].lower() == "@attribute"]
    freq = next((tag[1] for tag in tags if tag[0].lower() == "@frequency"), None)
    begin = next(i for i, line in enumerate(lines) if line.strip().lower() == "@data") + 1
    frames = []
    for number, line in enumerate(lines[begin:], begin + 1):
        if not line.strip() or line.startswith("#"):
            continue
        *attributes, values = re.sub(r"(?<=\d)-(\d\d)-(\d\d)(?=:)", r".\1.\2", line).split(":")
        if len(attributes) != len(names):
            raise source.refusal(
                f"{len(attributes)} attributes in line {number}; the header has {len(names)}."
            )
        of_name = dict(zip(names, attributes, strict=True))
        numbers = pd.to_numeric(pd.Series(values.split(",")).replace("?", "nan"), errors="coerce")
        frames.append(
            pd.DataFrame(
                {
                    names[0]: attributes[0],
                    "time": _tsf_times(of_name.get("start_timestamp"), freq, len(numbers)),
                    "value": numbers,
                }
            )
        )
    if not frames:
        raise source.refusal("a header without series.")
    return pd.concat(frames, ignore_index=True).astype({names[0]: "str"})


def typed_cells(source: Source, frame: pd.DataFrame, notes: tuple[str, ...] = ()) -> Cells:
    """Move an index into columns, and make columns of mixed kinds columns of texts."""
    index: tuple[str, ...] = ()
    if not isinstance(frame.index, pd.RangeIndex):
        count, frame = frame.index.nlevels, frame.reset_index()
        index = tuple(frame.columns[:count])
    if frame.empty:
        raise source.refusal("no rows.", "Check how it was written.")
    mixed = [
        name
        for name in frame
        if frame[name].dtype == object and pd.api.types.infer_dtype(frame[name]) not in _KEPT
    ]
    frame = frame.copy(deep=False)
    for name in mixed:
        frame[name] = frame[name].map(_text_of).astype("str")
    return Cells(frame, np.array([]), notes=notes, index=index)


_KEPT = ("decimal", "integer", "floating", "mixed-integer-float", "boolean", "bytes")


def _flat(source: Source, frame: pd.DataFrame) -> pd.DataFrame:
    for name in frame:
        if any(isinstance(value, dict | list) for value in frame[name]):
            raise source.refusal(f"JSON with records inside of {name!r}.", "Flatten the records.")
    return frame.map(_text_of).astype("str")  # numbers may be times, as in other texts


def _rows_of(rows: Any) -> list[Row]:
    """Return the rows of a sheet as texts, those without any left out."""
    texts = [(number, [_text_of(cell) for cell in row]) for number, row in enumerate(rows, 1)]
    texts = [(number, cells) for number, cells in texts if any(cells)]
    if not texts:
        return []
    used = [
        i
        for i, column in enumerate(zip(*(cells for _, cells in texts), strict=True))
        if any(column)
    ]
    width = used[-1] + 1
    return [Row(number, cells[used[0] : width]) for number, cells in texts]


def _text_of(value: Any) -> str:
    """Write a cell as a text that is read as the same value again."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float):
        text = repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(float(value))
        return f"{text}0" if "." in text and "e" not in text else text  # 1.2340 is not 1234
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()


def _tsf_times(start: str | None, freq: str | None, count: int) -> pd.Index:
    step = _TSF_STEPS.get(freq or "")
    if start is None or step is None:
        return pd.RangeIndex(count)
    first = pd.to_datetime(start, format="%Y-%m-%d %H.%M.%S" if "." in start else "ISO8601")
    return pd.date_range(first, periods=count, freq=step)
