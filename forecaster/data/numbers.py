"""Numbers by content: in object columns of databases too, and texts that only look like numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from decimal import Decimal
from numbers import Complex, Real
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.messages import shortlist

NUMBERS = (Real, Decimal, np.bool_)
_SAMPLE = 10_000  # rows of a column of texts that are looked at
# Fractions of the distinct texts, but for marks of missing values, that make a column one of
# numbers: "36", "38" and "XL" are sizes, "3.5", "4.25" and "closed" are not.
_SHARE_OF_INTEGERS, _SHARE_OF_OTHERS = 0.9, 0.5
# "12", "-1,234.5", "12,5", "1 234", "5e-3", "$3", "40 %"; not "1.2.3", dates or "3 kg".
_NUMBER = re.compile(
    r"""\s*[-+\u2212]?\s*[$€£¥]?\s*
    (?:[0-9]{1,3}(?:[ ,.'\u2019\u00a0\u202f][0-9]{3})+|[0-9]+|(?=[.,][0-9]))
    (?:[.,][0-9]*)?(?:[eE][-+]?[0-9]+)?\s*[%$€£¥]?\s*""",
    re.VERBOSE,
)
_MISSING = re.compile(
    r"\W*|n\W?a\W?n?|#[a-z/0!]*|null|none|nil|missing|unknown|[-+]?inf(inity)?", re.IGNORECASE
)
_INFINITE = re.compile(r"\s*[-+]?inf(inity)?\s*", re.IGNORECASE)  # pandas parses them
_BLANKS = " \t\r\n"  # around a number, pandas ignores them
_CODE = re.compile(r"0\d+")  # "007" and postal codes are names
_COMMA_IS_MARK = re.compile(r",\d{1,2}(?!\d)|,\d{4}|\d{4},|\..*,|^\D*0+,")
_COMMA_IS_GROUP = re.compile(r",.*\.|,\d+,")


def is_numeric(dtype: Any) -> bool:
    """Return whether a column of this dtype holds real numbers or booleans."""
    is_complex = pd.api.types.is_complex_dtype(dtype)
    return pd.api.types.is_numeric_dtype(dtype) and not is_complex


def as_numbers_if(values: pd.Series) -> pd.Series | None:
    """Return a column of numbers in a numeric dtype, None where it holds anything else.

    Numbers are real numbers and booleans of any type, also as objects: `Decimal`, `Fraction`,
    NumPy's scalars; None, NaN, NaT and NA are missing. The dtype "category" says that the
    values are names.

    Args:
        values: (N,) a column; one that is numeric already is returned as it is.

    Returns:
        The column; float64 where it was not numeric. None also where every value is missing and
        the dtype is not numeric, because such a column has no kind.
    """
    if is_numeric(values.dtype):
        return values
    if not _may_hold_numbers(values.dtype):
        return None
    values = values.astype(object)
    present = values.notna().to_numpy()
    known = values[present].tolist()
    if not known or not all(issubclass(kind, NUMBERS) for kind in set(map(type, known))):
        return None
    numbers = np.full(len(values), np.nan)
    numbers[present] = [_as_float(number) for number in known]
    return pd.Series(numbers, index=values.index, name=values.name)


def number_texts(values: pd.Series) -> list[str]:
    """Return some texts of a column that look like numbers, if enough do; else none.

    Texts like "007" show that the others are names too, and the dtype "category" says so.
    """
    if isinstance(values.dtype, pd.CategoricalDtype) or values.dtype.kind not in "OU":
        return []
    few = values.iloc[:: len(values) // _SAMPLE + 1]  # all of a short column
    if pd.api.types.infer_dtype(few, skipna=True) != "string":
        return []
    texts = [text.strip() for text in pd.unique(few.dropna()).tolist()]
    found = [text for text in texts if _NUMBER.fullmatch(text)]
    words = [t for t in texts if not _NUMBER.fullmatch(t) and not _MISSING.fullmatch(t)]
    share = _SHARE_OF_INTEGERS if all(map(str.isdigit, found)) else _SHARE_OF_OTHERS
    if not found or len(found) < share * (len(found) + len(words)):
        return []
    return [] if any(map(_CODE.fullmatch, found)) else found


def received(values: pd.Series, texts: Collection[str] = ()) -> str:
    """Describe a column by its label, dtype and some values, for errors.

    Args:
        values: the column.
        texts: those that look like numbers.
    """
    name = f"{values.name!r} ({values.dtype})"
    if texts:
        return f"{name}, texts that look like numbers, e.g. {shortlist(_shown(texts))}"
    known = values.dropna().head(_SAMPLE).tolist()
    if are_mixed(known):
        is_text = [isinstance(value, str) for value in known]
        first = sorted(is_text.index(kind) for kind in (False, True))
        return f"{name}, e.g. {shortlist([known[row] for row in first])}"
    return f"{name}, e.g. {shortlist(_shown(known[:2]))}" if known else f"{name} without a value"


def advice(values: pd.Series, argument: str = "frame", *, names_allowed: bool = True) -> str:
    """Name the call that makes numbers, or names, of a column that is neither as it is.

    Args:
        values: the column.
        argument: name of the user's argument that holds it.
        names_allowed: whether the column may hold names, as that of a covariate.
    """
    column = f"{argument}[{values.name!r}]"
    as_names = f" Where they are names: `{column} = {column}.astype('category')`."
    known = values.dropna().tolist()
    what, texts = "it", column
    if are_mixed(known):
        what, texts = "it, numbers beside texts", f"{column}.astype(str)"
        as_names = f" Where they are names: `{column} = {texts}.astype('category')`."
    if texts != column or number_texts(values):
        how = _parsing(column, texts, list(dict.fromkeys(map(str, known))))
        return f"Convert {what}: {how}.{as_names if names_allowed else ''}"
    return _other_advice(values, known, column, names_allowed)


def _other_advice(values: pd.Series, known: list[Any], column: str, names_allowed: bool) -> str:
    """Name the call for a column that holds no numbers and no texts of numbers."""
    dtype, first = values.dtype, known[0] if known else None
    if isinstance(first, bytes):
        return f"Convert it: `{column} = {column}.str.decode('utf-8')`."
    if isinstance(first, Complex) and not isinstance(first, Real):
        return f"Convert it: `{column} = np.real({column}.to_numpy(complex))`."
    if pd.api.types.is_timedelta64_dtype(dtype):
        return f"Convert it: `{column} = {column}.dt.total_seconds()`."
    if isinstance(dtype, pd.CategoricalDtype) and is_numeric(dtype.categories.dtype):
        return f"Convert it: `{column} = {column}.astype(float)`."
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return f"Convert it: `{column} = ({column} - {column}.min()).dt.days`."
    if isinstance(first, list | tuple | set | dict | np.ndarray):
        return "Give every row one value in this column, or leave the column out."
    if names_allowed:
        return f"Convert it: `{column} = {column}.astype(str).astype('category')`."
    if not isinstance(first, str):
        return "Name other columns."
    return (
        f"Name other columns, or give its texts numbers: `{column} = "
        f"{column}.map({{{shortlist(_shown(known[:1]))}: 1}}).astype(float)`."
    )


def _parsing(column: str, texts_of: str, everything: list[str]) -> str:
    """Name the call that parses the texts of numbers among some texts, by the marks in them."""
    texts = [text.strip(_BLANKS) for text in everything if _NUMBER.fullmatch(text)]
    others = [t for t in everything if not _NUMBER.fullmatch(t) and not _INFINITE.fullmatch(t)]
    cleaned = texts_of
    if any("\u2212" in text for text in texts):
        cleaned += ".str.replace('\u2212', '-')"
    if any(re.search(r"[^-+\u2212\d.,eE]", text) for text in texts):
        cleaned += ".str.replace(r'[^-+0-9.,eE]', '', regex=True)"
    coerce = ", errors='coerce'" if others else ""
    end = f"{coerce})`"
    after = f" (missing then: {shortlist(_shown(others[:3]), len(others))})" if others else ""
    begin = f"`{column} = pd.to_numeric({cleaned}"
    with_comma = [text for text in texts if "," in text]
    is_mark = any(map(_COMMA_IS_MARK.search, with_comma))
    is_group = any(map(_COMMA_IS_GROUP.search, with_comma))
    no_dots = ".str.replace('.', '')"
    mark, group = ".str.replace(',', '.')", ".str.replace(',', '')"
    if not with_comma:
        has_groups = any(text.count(".") > 1 for text in texts)
        return f"{begin}{no_dots if has_groups else ''}{end}{after}"
    if is_group and not is_mark:
        return f"{begin}{group}{end}{after}"
    if is_mark and not is_group:
        dots = no_dots if any("." in text for text in texts) else ""
        return f"{begin}{dots}{mark}{end}{after}"
    return (
        f"{begin}{group}{end} where a comma separates thousands, {begin}{mark}{end} where it is "
        f"the decimal mark{after}"
    )


def _shown(values: Collection[Any]) -> list[str]:
    """Return values as texts, in quotes if they are texts themselves."""
    return [repr(value) if isinstance(value, str | bytes) else str(value) for value in values]


def _may_hold_numbers(dtype: Any) -> bool:
    """Return whether values of this dtype must be looked at: objects, and Arrow's own types."""
    is_object = pd.api.types.is_object_dtype(dtype)
    return is_object or (isinstance(dtype, pd.ArrowDtype) and dtype.kind in "bO")


def are_mixed(values: Iterable[Any]) -> bool:
    """Return whether values, none of them missing, are texts and numbers side by side."""
    kinds = set(map(type, values))
    is_text = [issubclass(kind, str) for kind in kinds]
    are_numbers = [issubclass(kind, NUMBERS) for kind in kinds]
    return any(is_text) and any(are_numbers) and sum(is_text) + sum(are_numbers) == len(kinds)


def _as_float(number: Any) -> float:
    """Convert a real number; one beyond all floats becomes infinite."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
