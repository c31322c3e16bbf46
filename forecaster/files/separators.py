"""Separators of text files: the one by which a file falls into a table of numbers and times."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from forecaster.files.names import MONTHS, WEEKDAYS
from forecaster.files.numbers import MISSING, is_number

SEPARATORS = ("\t", ";", "|", ",", " ")  # the rarer in texts and numbers first
NAMES = {"\t": "tab", ";": "semicolon", "|": "pipe", ",": "comma", " ": "blank", "": "none"}
COMMENT = "#"
_SAMPLE = 300  # lines
_ONE_COLUMN = 0.6  # score of a file whose lines are numbers or times as they are
_CLOCK = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([ap]m)?\s*(z|utc|gmt|[+-]\d{2}:?(\d{2})?)?"
_TIME = re.compile(
    rf"(({WEEKDAYS})[a-z]*[,.]? +)?"
    rf"(\d{{8}}t\d{{2,6}}(z|[+-]\d{{2}}:?(\d{{2}})?)?|\d{{4}}-\d{{2}}-\d{{2}}t\d{{2}}(z|[+-]\d{{2}})?|"
    rf"\d{{1,4}}[-/.]\d{{1,4}}([-/.]\d{{1,4}})?([t,]?\s*{_CLOCK})?|{_CLOCK}|\d{{4}}-?(q|m|w)\d{{1,2}}"
    rf"|q\d[-/ ]?\d{{4}}|(\d{{1,4}}[-/. ])?\s*({MONTHS})[a-z]*[-/., ]*\d{{1,4}}(,? \d{{4}})?)",
    re.IGNORECASE,
)


class Row(NamedTuple):
    """Cells of a row, and the line of the file in which it ends."""

    line: int
    cells: list[str]


def is_time(text: str) -> bool:
    """Return whether a text looks like a date or a time of day, but not like a number."""
    return _TIME.fullmatch(text) is not None and not is_number(text)


def is_typed(text: str) -> bool:
    """Return whether a text looks like a number, a date or a time of day."""
    return is_number(text) or _TIME.fullmatch(text) is not None


def split_rows(lines: Iterable[str], separator: str, *, strict: bool = True) -> Iterator[Row]:
    """Split lines into the cells of rows; lines without any and those of comments are left out.

    Raises:
        csv.Error: if `strict`, and quotes do not match.
    """
    kept = ("" if line.lstrip().startswith(COMMENT) else line for line in lines)
    if separator == "":
        rows = enumerate(([line] for line in kept), 1)
        yield from (Row(number, [_bare(cells[0])]) for number, cells in rows if cells[0].strip())
        return
    if separator == " ":
        kept = (" ".join(line.split()) for line in kept)
    lines = list(kept)
    reader = csv.reader(
        (f"{line}\n" for line in lines),
        delimiter=separator,
        quotechar=_quote_of(lines, separator),
        skipinitialspace=True,
        strict=strict,
    )
    for cells in reader:
        cells = [cell.strip() for cell in cells]
        if any(cells):
            yield Row(reader.line_num, cells)


def _quote_of(lines: list[str], separator: str) -> str:
    """Return the character around cells: an apostrophe if every cell of the first line has two."""
    first = next((line for line in lines if line.strip()), "")
    cells = [cell.strip() for cell in first.split(separator)]
    return "'" if all(re.fullmatch("'[^']*'", cell) for cell in cells) else '"'


def find_separator(lines: list[str]) -> str:
    """Find the character that splits the lines most evenly into numbers and times.

    Returns:
        One of `SEPARATORS`, or "" for a file of one column.
    """
    sample = lines[:_SAMPLE]
    alone = [row.cells[0] for row in split_rows(sample, "")]
    best, found = _ONE_COLUMN * _share(alone[1:] or alone) + 1e-9, ""
    for separator in SEPARATORS:
        score = _score(list(split_rows(sample, separator, strict=False)))  # cut, perhaps in quotes
        if score > best + 1e-9:
            best, found = score, separator
    return found


def width_of(rows: list[Row]) -> int:
    """Return the number of cells that most rows have."""
    counts = Counter(len(row.cells) for row in rows)
    return max(counts, key=lambda width: (counts[width], width))


def _score(rows: list[Row]) -> float:
    """Return how well rows are a table: their share of one width, times what looks like values."""
    width = width_of(rows) if rows else 0
    if width < 2:
        return 0.0
    fitting = [row for row in rows if len(row.cells) == width]
    typed = _share([cell for row in fitting[1:] or fitting for cell in row.cells])
    score = len(fitting) / len(rows) * (0.3 + 0.7 * typed)
    first = rows.index(fitting[0])
    is_shorter = first > 0 and len(rows[first - 1].cells) == width - 1
    return score / 2 if is_shorter else score


def _share(cells: list[str]) -> float:
    some = cells[:: max(1, len(cells) // 2000)]
    known = [cell for cell in some if cell.lower() not in MISSING]
    return sum(map(is_typed, known)) / len(known) if known else 0.0


def _bare(cell: str) -> str:
    """Return a cell without the quotes around it."""
    cell = cell.strip()
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell
