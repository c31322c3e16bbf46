"""Cells of a text file: its header, its rows, and what stands before, between and after them."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecaster.data.messages import shortlist
from forecaster.files.numbers import MISSING
from forecaster.files.separators import (
    COMMENT,
    NAMES,
    Row,
    find_separator,
    is_time,
    is_typed,
    split_rows,
    width_of,
)
from forecaster.files.settings import FileOptions
from forecaster.files.sources import Source

_HEAD = 50  # rows in which a header is looked for
_FOOT = 10  # rows at the end that may be notes or totals
_SAMPLE = 400  # rows that show what a column holds
_UNIT = re.compile(
    r"[\[({].*[\])}]|°?[CFK]|deg ?[CFK]?|%|[munpkMG]?(m|s|g|W|Wh|V|A|Pa|bar|Hz|J|l)(/\w+|[23²³])?"
    r"|h|hours?|min|days?|months?|years?|hPa|[yYmMdDhHsS][yYmMdDhHsS:./ -]+|#|units?|text|float"
    r"|int|date|-*"
)


@dataclass(frozen=True, eq=False)
class Cells:
    """Texts of a table.

    Args:
        frame: a column of texts for each name.
        lines: (N,) line of the file of each row; empty if the file has no lines.
        separator: between cells; "" for one column.
        notes: what is worth saying.
        index: columns that were the index of a frame: times, or ids and times.
    """

    frame: pd.DataFrame
    lines: np.ndarray
    separator: str = ""
    notes: tuple[str, ...] = ()
    index: tuple[str, ...] = ()


def read_cells(source: Source, text: str, options: FileOptions) -> Cells:
    """Split a text into the cells of a table.

    Raises:
        ValueError: if rows differ in their number of cells, there are none, or names repeat.
    """
    lines = text.split("\n")
    separator = options.separator_mark
    if separator is None:
        separator = find_separator(lines)
    try:
        rows = list(split_rows(lines, separator))
    except csv.Error as error:
        raise source.refusal(
            f"quotes that do not match ({error}).",
            f"Correct them, or give {options.spelled('separator')}.",
        ) from None
    if not rows:
        raise source.refusal("lines of comments alone.", "Check how it was written.")
    return cells_of_rows(source, rows, separator, lines, options)


def cells_of_rows(
    source: Source, rows: list[Row], separator: str, lines: list[str], options: FileOptions
) -> Cells:
    """Find header and values among rows.

    Args:
        source: for messages.
        rows: one or more.
        separator: between the cells of a row.
        lines: of the file, whose comments may hold the names.
        options: of the user.
    """
    body, before, after = _even(source, rows, separator, options)
    names, body, head_notes = _header(source, body, before, separator, lines, options)
    if not body:
        raise source.refusal(
            "a header without rows.",
            f"If it is a row of values: {options.spelled('header', False)}.",
        )
    body, foot_notes = _without_foot(names, body, after)
    comments = sum(line.lstrip().startswith(COMMENT) for line in lines[body[0].line :])
    if comments:
        foot_notes.append(f"without {comments} lines that begin with {COMMENT}")
    frame = pd.DataFrame(
        dict(enumerate(zip(*(row.cells for row in body), strict=True))), dtype="str"
    )
    cells = Cells(
        frame.set_axis(_named(names), axis=1),
        np.array([row.line for row in body]),
        separator,
        (*head_notes, *foot_notes),
    )
    return _checked_names(source, _without_empty(cells, names))


def _even(
    source: Source, rows: list[Row], separator: str, options: FileOptions
) -> tuple[list[Row], list[Row], list[Row]]:
    """Cut off what stands before and after the rows of one width; check the others."""
    width = width_of(rows)
    fits = [len(row.cells) == width for row in rows]
    first, last = fits.index(True), len(rows)
    for position, row in enumerate(rows[:_HEAD]):
        if _holds_values(row):
            break
        if not fits[position] and True in fits[position:]:  # a preamble, whatever stands in it
            first = fits.index(True, position)
    while last > first and not fits[last - 1] and _is_note(rows[last - 1]):
        last -= 1
    values = [row for row in rows[:first] if _holds_values(row)]
    if values:
        raise _ragged(source, values[0], width, separator, options)
    body = rows[first:last]
    for position, row in enumerate(body):
        if len(row.cells) > width and not any(row.cells[width:]):
            body[position] = Row(row.line, row.cells[:width])
        elif len(row.cells) != width:
            raise _ragged(source, row, width, separator, options)
    return body, rows[:first], rows[last:]


def _ragged(
    source: Source, row: Row, width: int, separator: str, options: FileOptions
) -> ValueError:
    return source.refusal(
        f"{len(row.cells)} cells in line {row.line}, where most lines have {width} "
        f"(separator: {NAMES.get(separator, separator)}).",
        f"Correct the line, or give {options.spelled('separator')}.",
    )


def _holds_values(row: Row) -> bool:
    """Return whether a row before the header is mostly numbers and times, and no remark."""
    known = [cell for cell in row.cells if cell]
    return len(known) > 1 and 2 * sum(map(is_typed, known)) > len(known)


def _is_note(row: Row) -> bool:
    """Return whether a row of another width is a remark, and not one that was cut off."""
    return bool(re.search(r"[^\W\d]", "".join(row.cells))) and not is_typed(row.cells[0])


def _header(
    source: Source,
    body: list[Row],
    before: list[Row],
    separator: str,
    lines: list[str],
    options: FileOptions,
) -> tuple[list[str], list[Row], list[str]]:
    """Find the names of the columns.

    Returns:
        The names, "" where a column has none; the rows after them; and notes.
    """
    width = len(body[0].cells)
    blank = [""] * width
    if options.header is False:
        return blank, body, []
    head = 1 if options.header else _head_length(body)
    if head == 0:
        names = _short_header(source, body, before, separator, options)
        if names is not None:
            return names, body, _left_out(before[:-1])
        if _are_labels(body[0].cells):
            return body[0].cells, body[1:], _left_out(before)
        names = _comment_header(lines, body[0].line, width)
        if names is not None:
            return names, body, _left_out(before)
        return blank, body, [*_left_out(before), "no header"]
    chosen = head - 1
    if not options.header and chosen > 0 and _are_units(body[chosen].cells):
        chosen -= 1
    others = [row for position, row in enumerate(body[:head]) if position != chosen]
    names, body = (
        body[chosen].cells,
        [row for row in body[head:] if row.cells != body[chosen].cells],
    )
    return names, body, _left_out([*before, *others])


def _head_length(body: list[Row]) -> int:
    """Return the number of rows before the first one that holds values."""
    kinds = _kinds(body)
    if not any(kinds):
        return 1  # only texts: the first row names them
    first = next(i for i, kind in enumerate(kinds) if kind)
    for position, row in enumerate(body[:_HEAD]):
        typed = [
            is_typed(cell)
            for cell, kind in zip(row.cells, kinds, strict=True)
            if kind and cell.lower() not in MISSING
        ]
        dated = [
            kind == "time" and is_time(cell) for cell, kind in zip(row.cells, kinds, strict=True)
        ]
        is_numbered = "time" not in kinds and is_typed(row.cells[first])
        if (typed and all(typed)) or any(dated) or is_numbered:
            return position
    return 1


def _kinds(body: list[Row]) -> list[str]:
    """Return what most cells of each column are: "time", "number" or ""."""
    kinds = []
    sample = body[1 :: max(1, len(body) // _SAMPLE)] or body
    for cells in zip(*(row.cells for row in sample), strict=True):
        known = [cell for cell in cells if cell.lower() not in MISSING]
        times = sum(map(is_time, known))
        typed = sum(map(is_typed, known))
        kinds.append("" if 2 * typed <= len(known) else "time" if 2 * times > typed else "number")
    return kinds


def _short_header(
    source: Source, body: list[Row], before: list[Row], separator: str, options: FileOptions
) -> list[str] | None:
    """Return a header that lacks one name: that of row names, or that after a last separator."""
    if not before:
        return None
    cells, width = before[-1].cells, len(body[0].cells)
    if len(cells) == width + 1 and cells[-1] == "" and all(cells[:-1]):
        return cells[:-1]
    if len(cells) != width - 1 or any(is_typed(cell) for cell in cells):
        return None
    if not any(row.cells[-1] for row in body):
        return [*cells, ""]
    first = [row.cells[0] for row in body]
    if separator != "," and (_counts(first) or all(map(is_time, first))):  # as R writes it
        return ["", *cells]
    raise source.refusal(
        f"{len(cells)} names in line {before[-1].line}, but {width} cells in the rows after it.",
        f"If numbers have a decimal comma, quote them or separate them by something else; or give "
        f"{options.spelled('separator')}.",
    )


def _comment_header(lines: list[str], first: int, width: int) -> list[str] | None:
    """Return names in the last comment before the first row."""
    before = [line.strip() for line in lines[: first - 1] if line.strip(f"{COMMENT} \t")]
    if not before or not before[-1].startswith(COMMENT):
        return None
    text = before[-1].lstrip(f"{COMMENT} \t")
    for separator in ("\t", ";", "|", ",", " "):
        rows = list(split_rows([text], separator))
        if rows and len(rows[0].cells) == width and not any(map(is_typed, rows[0].cells)):
            return rows[0].cells
    return None


def _counts(cells: list[str]) -> bool:
    """Return whether cells are the numbers 0, 1, 2, ... or 1, 2, 3, ..."""
    return cells in ([str(i) for i in range(k, k + len(cells))] for k in (0, 1))


def _are_labels(cells: list[str]) -> bool:
    """Return whether cells are 0, 1, 2, ..., as pandas calls columns without names."""
    labels = cells[1:] if cells[0] == "" else cells
    return len(cells) > 1 and labels[0] == "0" and _counts(labels)


def _are_units(cells: list[str]) -> bool:
    """Return whether a row after the header says units."""
    known = [cell for cell in cells if cell]
    return not known or sum(_UNIT.fullmatch(cell) is not None for cell in known) > len(known) / 2


def _without_foot(
    names: list[str], body: list[Row], after: list[Row]
) -> tuple[list[Row], list[str]]:
    """Leave out rows at the end that have words where all others have times or numbers."""
    kinds = _kinds(body)
    keys = [position for position, kind in enumerate(kinds) if kind]
    keys.sort(key=lambda position: kinds[position] != "time")
    last = len(body)
    while last > max(1, len(body) - _FOOT) and keys:
        cell, name = body[last - 1].cells[keys[0]], body[last - 1].cells[0]
        if cell[:1].isdigit() or is_typed(cell):
            break
        if cell.lower() in MISSING and (name.lower() in MISSING or is_typed(name)):
            break
        last -= 1
    return body[:last], _left_out([*body[last:], *after])


def _left_out(rows: list[Row]) -> list[str]:
    if not rows:
        return []
    texts = [f"{row.line} ({' '.join(filter(None, row.cells))[:30].strip()})" for row in rows[:3]]
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    return [f"without {'line' if len(rows) == 1 else 'lines'} {', '.join(texts)}{more}"]


def _named(names: list[str]) -> list[str]:
    return [name or f"column {position}" for position, name in enumerate(names, 1)]


def _without_empty(cells: Cells, names: list[str]) -> Cells:
    """Leave out columns that have neither a name nor a value, as after a last separator."""
    kept = [
        bool(name) or bool((cells.frame.iloc[:, position] != "").any())
        for position, name in enumerate(names)
    ]
    return replace(cells, frame=cells.frame.loc[:, kept])


def _checked_names(source: Source, cells: Cells) -> Cells:
    names = cells.frame.columns
    if not names.is_unique:
        twice = names[names.duplicated()].unique()
        raise source.refusal(
            f"several columns called {shortlist(twice)}.", "Rename them in the header."
        )
    return cells
