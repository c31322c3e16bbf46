"""Columns of a file as numbers, booleans and texts, and which of them are no data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.messages import shortlist
from forecaster.files.cells import Cells
from forecaster.files.keys import TimeKey
from forecaster.files.names import CALENDAR, STEP_NAMES, has_word
from forecaster.files.numbers import (
    MOST,
    Marks,
    is_code,
    is_missing,
    is_text,
    marker_note,
    to_numbers,
)
from forecaster.files.sources import Source

_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Roles:
    """Roles of columns that are known before a file is read.

    Args:
        numbers: columns that must hold numbers, such as targets.
        covariates: columns of numbers or texts.
        arguments: argument -> the columns that it names, which must be there.
        texts: columns that are texts whatever they look like.
        are_all: whether other columns are left out, because those to forecast were named.
        are_steps: whether the times are integers, or the rows in their order.
        targets: columns that a fit found; if the file has all of them, others are left out.
        keeps_texts: whether columns of texts that nothing names are kept.
        of_fit: whether the columns are those of a fit, so that the file may lack some.
        time: column of times of the fit, if the file has it.
        id: column of ids of the fit, if the file has it.
        has_ids: whether there may be ids.
        has_number_ids: whether ids are numbers.
    """

    numbers: tuple[Any, ...] = ()
    covariates: tuple[Any, ...] = ()
    arguments: Mapping[str, list[Any]] = field(default_factory=dict)
    texts: frozenset[Any] = frozenset()
    are_all: bool = False
    are_steps: bool = False
    targets: tuple[Any, ...] = ()
    keeps_texts: bool = False
    of_fit: bool = False
    time: Any = None
    id: Any = None
    has_ids: bool = True
    has_number_ids: bool = False


def reason_against(name: Any, position: int, values: pd.Series, key: TimeKey | None) -> str | None:
    """Return why a column of numbers is no data; None if it is."""
    if pd.api.types.is_bool_dtype(values.dtype) or is_text(values):
        return None
    if key is not None and repeats_time(name, values, key):
        return "repeats the times"
    if counts_rows(name, position, values):
        return "row counter"
    is_whole = (values.dropna() % 1 == 0).all()
    return "an id" if is_whole and has_word(name, ("id", "ids")) else None


def id_values(cells: Cells, name: Any, marks: Marks, roles: Roles) -> pd.Series:
    """Return ids as texts, unless those of the fit are numbers."""
    values = cells.frame[name]
    if not is_text(values):
        return values
    if roles.has_number_ids:
        numbers, bad, _ = to_numbers(values, marks)
        if not bad.any() and not numbers.isna().any():
            return numbers
    return values.mask(values == "")


def column_values(
    source: Source, cells: Cells, name: Any, marks: Marks, roles: Roles
) -> tuple[pd.Series | None, str | None]:
    """Return a column as numbers, booleans or texts, and a note; or None, and why it is no data."""
    values = cells.frame[name]
    is_covariate = name in roles.covariates
    if not is_text(values):
        is_number = pd.api.types.is_numeric_dtype(values.dtype) or values.dtype == object
        is_kept = is_number or is_covariate or name in roles.numbers
        return (values, None) if is_kept else (None, "no numbers")
    if name in roles.texts:
        return values.mask(values == ""), None
    missing = missing_cells(values)
    if missing.all():
        is_named = is_covariate or name in roles.numbers
        return (pd.Series(np.nan, values.index), None) if is_named else (None, "empty")
    if values[~missing].str.lower().isin(_BOOLEANS).all():
        flags = values.str.lower().map(_BOOLEANS)
        return flags.astype(float if missing.any() else bool), None
    numbers, bad, note = to_numbers(values, marks)
    share = 1 - bad.sum() / max(1, (~missing).sum())
    if not bad.any() and (name in roles.numbers or not is_code(values)):
        return numbers, note or marker_note(numbers)
    if bad.any() and (name in roles.numbers or (share >= MOST and not is_covariate)):
        few = shortlist([repr(text) for text in values[bad].unique()])
        raise source.refusal(
            f"no numbers in column {name!r}: {few} in {lines_of(cells, bad)}.",
            "Correct them, or leave the cells empty where a value is missing.",
        )
    if is_covariate:
        return values.mask(values == ""), None
    if roles.keeps_texts:
        return values.mask(values == ""), None
    if bad.any():
        return None, f"texts such as {shortlist([values[bad].iloc[0][:20]])}"
    return None, f"codes such as {values[values.str.fullmatch('0[0-9]+')].iloc[0]}"


def missing_cells(values: pd.Series) -> pd.Series:
    """Return which cells of a column hold nothing."""
    return is_missing(values) if is_text(values) else values.isna()


def lines_of(cells: Cells, rows: pd.Series) -> str:
    """Return the lines of the file of some rows."""
    positions = np.flatnonzero(rows.to_numpy())
    if len(cells.lines):
        numbers = cells.lines[positions]
        return f"{'line' if len(numbers) == 1 else 'lines'} {shortlist(numbers.tolist())}"
    return f"{'row' if len(positions) == 1 else 'rows'} {shortlist((positions + 1).tolist())}"


def repeats_time(name: Any, numbers: pd.Series, key: TimeKey) -> bool:
    """Return whether a column only repeats a part of the times, such as their year."""
    if not isinstance(key.values, pd.DatetimeIndex | pd.PeriodIndex):
        return False
    years = np.asarray(key.values.year)
    if (numbers % 1 != 0).any() and (np.floor(numbers) == years).all():
        return True  # years with decimals
    for part, names in CALENDAR.items():
        if part != "year" and str(name).strip().lower() not in names:
            continue
        own = np.asarray(
            key.values.isocalendar()["week"] if part == "week" else getattr(key.values, part)
        )
        starts = (0, 1) if part == "day_of_week" else (0,)
        if any((numbers.to_numpy(float) == own + start).all() for start in starts):
            return len(np.unique(own)) > 1 or str(name).strip().lower() in names
    return False


def counts_rows(name: Any, position: int, numbers: pd.Series) -> bool:
    """Return whether a column numbers the rows."""
    is_named = has_word(name, STEP_NAMES) or str(name).startswith(("Unnamed: ", "column "))
    if not (is_named or position == 0) or len(numbers) < 3 or numbers.isna().any():
        return False
    steps = np.diff(numbers.to_numpy(float))
    return bool(steps[0] > 0 and (steps == steps[0]).all() and (numbers % 1 == 0).all())
