"""Numbers in texts: decimal marks, marks of thousands, signs of money, missing values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.data.messages import shortlist
from forecaster.files.names import words
from forecaster.files.settings import FileOptions

MISSING = words(
    "na n/a n.a. #n/a #na <na> nan -nan nat null none nil - -- --- – — ? . .. ... missing "
    "#nv #value! #ref! #div/0! #num! #null!"
) | {""}
MARKERS = (-99, -999, -9999, -99999, -999.9, -99.9)  # that often stand for a missing value
_SAMPLE = 200  # cells of a column that show what it holds
MOST = 0.9  # share of the cells of a column that makes it one of numbers, or of times

_EXPONENT = r"(?:[eE][+-]?\d+)?"
_MONEY = r"[$€£¥₹]|EUR|USD|GBP|CHF|JPY"
_VALID = {  # decimal mark -> a number written with it, without its sign
    mark: rf"(?:(?:[1-9]\d{{0,2}}(?:{other}\d{{3}})+|[1-9]\d{{0,2}}(?:\s\d{{3}})+"
    rf"|[1-9]\d{{0,2}}(?:['’]\d{{3}})+|\d+)(?:{re.escape(mark)}\d*)?|{re.escape(mark)}\d+)"
    rf"{_EXPONENT}"
    for mark, other in ((".", ","), (",", r"\."))
}
_NUMBER = rf"(?:{_VALID['.']}|{_VALID[',']})"
_AFFIXED = re.compile(
    rf"(?P<open>\(?)\s*(?P<sign>[+-]?)\s*(?P<before>{_MONEY}|)\s*(?P<inner>[+-]?)"
    rf"(?P<number>{_NUMBER})\s*(?P<after>%|{_MONEY}|)\s*(?P<close>\)?)(?P<last>-?)"
)


@dataclass(frozen=True)
class Marks:
    """Marks in the numbers of a file.

    Args:
        decimal: "." or ",".
        note: what was understood, if it is worth saying.
    """

    decimal: str = "."
    note: str | None = None


def is_text(values: pd.Series) -> bool:
    """Return whether a column holds texts, and not values that its file knows the kind of."""
    return values.dtype != object and bool(pd.api.types.is_string_dtype(values.dtype))


def is_missing(texts: pd.Series) -> pd.Series:
    """Return which texts stand for a missing value."""
    return texts.str.lower().isin(MISSING)


def is_number(text: str) -> bool:
    """Return whether a text is a number, whatever its marks."""
    return _AFFIXED.fullmatch(text) is not None


def is_code(texts: pd.Series) -> bool:
    """Return whether some of the texts have digits that a number would lose, as 007."""
    return bool(texts.str.fullmatch(r"0\d+").any())


def is_whole(texts: pd.Series) -> bool:
    """Return whether all texts are integers."""
    return bool(texts.str.fullmatch(r"-?\d+").all())


def find_marks(columns: Iterable[pd.Series], separator: str, options: FileOptions) -> Marks:
    """Find the decimal mark of a file in all of its columns.

    Args:
        columns: texts, also of columns that are no numbers.
        separator: between the cells of a row.
        options: of the user.

    Raises:
        ValueError: if two columns contradict each other, or nothing decides.
    """
    if options.decimal_mark is not None:
        return Marks(options.decimal_mark)
    example: dict[str, str] = {}  # decimal mark that a column proves -> one of its texts
    doubts: list[tuple[pd.Series, bool]] = []
    for texts in columns:
        # A sample decides nearly always; what contradicts it is no number then, and told as such.
        for step in (max(1, len(texts) // _SAMPLE), 1):
            cores, are_all = _marked(texts.iloc[::step])
            proofs = {
                mark: ~cores.str.fullmatch(_VALID[other])
                for mark, other in ((".", ","), (",", "."))
            }
            valid = [mark for mark in proofs if not proofs[_other(mark)].any()]
            if len(valid) == 1 or step == 1:
                break
        if not len(cores):
            continue
        if len(valid) == 1:
            example.setdefault(valid[0], cores[proofs[valid[0]]].iloc[0])
        elif len(valid) == 2:
            doubts.append((cores, are_all))
        else:
            raise _contradiction([cores[proof].iloc[0] for proof in proofs.values()], options)
    if len(example) == 2:
        raise _contradiction(list(example.values()), options)
    if example:
        (mark, text), *_ = example.items()
        return Marks(mark, f"decimal comma, as in {text}" if mark == "," else None)
    marks = {_decided(cores, are_all, separator, options) for cores, are_all in doubts}
    if len(marks) > 1:
        raise _contradiction([cores.iloc[0] for cores, _ in doubts], options)
    return marks.pop() if marks else Marks()


def to_numbers(texts: pd.Series, marks: Marks) -> tuple[pd.Series, pd.Series, str | None]:
    """Convert texts to numbers.

    Returns:
        The numbers, NaN where missing; which texts are neither numbers nor missing; and a note.
    """
    missing = is_missing(texts)
    plain = texts
    if marks.decimal == "," and (missing | texts.str.fullmatch(r"[+-]?\d+(?:,\d+)?")).all():
        plain = texts.str.replace(",", ".")
    if marks.decimal == "." or plain is not texts:  # the others take ten times as long
        numbers = pd.to_numeric(plain.mask(missing), errors="coerce")
        if not (numbers.isna() & ~missing).any():
            return numbers, numbers.isna() & ~missing, None
    parts = texts.str.replace("−", "-").str.extract(rf"^{_AFFIXED.pattern}$")
    cores = parts["number"].fillna("")
    valid = cores.str.fullmatch(_VALID[marks.decimal])
    grouped = cores.str.replace(rf"[\s'’{_other(marks.decimal)}]", "", regex=True)
    numbers = pd.to_numeric(grouped.str.replace(",", ".").where(valid), errors="coerce")
    signs = (parts[["sign", "inner", "last"]] != "").sum(axis=1) + (parts["open"] == "(")
    numbers = numbers.where((signs <= 1) & ((parts["open"] == "(") == (parts["close"] == ")")))
    negative = (parts[["sign", "inner", "last"]] == "-").any(axis=1) | (parts["open"] == "(")
    numbers = numbers.where(~negative, -numbers)
    bad = numbers.isna() & ~missing
    units = sorted(({*parts["before"].dropna()} | {*parts["after"].dropna()}) - {""})
    if len(units) > 1:  # two currencies are two kinds of numbers
        return numbers, ~missing, None
    if "%" in units:  # 2 is not 2%
        bad |= (parts["after"] != "%") & ~missing
    notes = [f"without the sign {unit}" for unit in units]
    if marks.decimal == "." and (grouped != cores).any():
        example = cores[grouped != cores].iloc[0]
        plain = grouped[grouped != cores].iloc[0].replace(",", ".")
        notes.append(f"{example} as {plain}")
    return numbers, bad, ", ".join(notes) or None


def marker_note(numbers: pd.Series) -> str | None:
    """Return a note on a number that often stands for a missing value; nothing is replaced."""
    known = numbers.dropna()
    if len(known) < 3 or known.min() not in MARKERS:
        return None
    lowest, rest = known.min(), known[known > known.min()]
    count = len(known) - len(rest)
    if not len(rest) or rest.min() < lowest / 2:
        return None
    return f"holds {lowest:g} in {count} rows, taken as a number"


def _other(mark: str) -> str:
    return "," if mark == "." else "."


def _marked(texts: pd.Series) -> tuple[pd.Series, bool]:
    """Return the numbers of a column that have a point or a comma, and whether all of them do.

    There are none if the column is not one of numbers.
    """
    known = texts[~is_missing(texts)]
    sample = known.iloc[:: max(1, len(known) // _SAMPLE)]
    if not len(sample) or np.mean([is_number(text) for text in sample]) < MOST:
        return known.iloc[:0], False
    cores = known[known.str.contains("[.,]", regex=True)]
    if not cores.str.fullmatch(_NUMBER).all():
        cores = cores.str.extract(rf"^{_AFFIXED.pattern}$")["number"].dropna()
    return cores, len(cores) == len(known)


def _decided(cores: pd.Series, are_all: bool, separator: str, options: FileOptions) -> Marks:
    """Choose a mark where every number has two readings, by the habits of the separator."""
    text = cores.iloc[0]
    if separator == "," and "," in text:
        return Marks(".")
    if separator != ";" and "." in text and are_all:
        return Marks(".")
    whole, small = re.sub("[.,]", "", text), text.replace(",", ".")
    mark = "," if "," in text else "."
    raise ValueError(
        f"{options.spelled('decimal')} must be given where nothing in the file decides it. "
        f"Received: {shortlist(cores.unique()[:5])}, and {text} may be {whole} or {small}. Give "
        f"{options.spelled('decimal', _other(mark))} for {whole}, or "
        f"{options.spelled('decimal', mark)} for {small}."
    )


def _contradiction(texts: list[str], options: FileOptions) -> ValueError:
    return ValueError(
        f"{options.spelled('decimal')} must be the same in all numbers. Received: "
        f"{shortlist(texts)}. Give {options.spelled('decimal', '.')} or "
        f"{options.spelled('decimal', ',')}, or write the numbers anew."
    )
