"""Numbers in texts, against the values that they mean."""

import numpy as np
import pandas as pd
import pytest

from forecaster.files.numbers import (
    Marks,
    find_marks,
    is_code,
    is_missing,
    is_number,
    is_text,
    marker_note,
    to_numbers,
)
from forecaster.files.settings import FileOptions


def texts(*values):
    return pd.Series(values, dtype="str")


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("1,234.5", ".", 1234.5),
        ("1.234,5", ",", 1234.5),
        ("1 234 567,8", ",", 1234567.8),
        ("1\u202f234", ".", 1234),
        ("1'234'567", ".", 1234567),
        ("−5", ".", -5),
        ("5-", ".", -5),
        ("(5)", ".", -5),
        ("$ -5", ".", -5),
        ("-5 EUR", ".", -5),
        ("12 %", ".", 12),
        (",5", ",", 0.5),
        (".5", ".", 0.5),
        ("5,", ",", 5),
        ("1e-3", ",", 0.001),
        ("1,23", ".", None),
        ("12,34,567", ".", None),
        ("1.2.3", ".", None),
        ("--5", ".", None),
        ("-(5)", ".", None),
        ("5)", ".", None),
        ("5 apples", ".", None),
        ("0x10", ".", None),
    ],
)
def test_a_number_is_read(text, decimal, value):
    numbers, bad, _ = to_numbers(texts(text), Marks(decimal))
    assert bad[0] == (value is None)
    assert value is None or numbers[0] == value


def test_two_currencies_are_no_column_of_numbers():
    assert to_numbers(texts("5 $", "5 €"), Marks())[1].all()


@pytest.mark.parametrize(
    ("columns", "separator", "decimal"),
    [
        ([("1.5", "2")], ",", "."),
        ([("1,5", "2")], ";", ","),
        ([("0.123", "0.456")], ";", "."),
        ([("0,123", "0,456")], ";", ","),
        ([("1.234", "2.345")], "\t", "."),
        ([("1,234", "950")], ",", "."),
        ([("1.234", "950"), ("1,5", "2")], ";", ","),
        ([("1.234.567",), ("1.234",)], ";", ","),
        ([("north", "a,b")], ";", "."),
        ([("5", "6")], ";", "."),
    ],
)
def test_the_decimal_mark_of_a_file(columns, separator, decimal):
    found = find_marks([texts(*column) for column in columns], separator, FileOptions())
    assert found.decimal == decimal


def test_the_mark_is_sought_in_all_rows_if_a_sample_does_not_decide():
    values = ["1,234"] * 5000
    values[4321] = "1,5"
    assert find_marks([texts(*values)], ";", FileOptions()).decimal == ","


def test_kinds_of_texts():
    assert is_missing(texts("NA", "n/a", "0", "", "-")).tolist() == [True, True, False, True, True]
    assert is_number("1.234,5") and not is_number("1.1.2020")
    assert is_code(texts("007", "8")) and not is_code(texts("0", "0.5"))
    assert is_text(texts("a")) and not is_text(pd.Series([1])) and not is_text(pd.Series([None, 1]))


def test_a_marker_of_missing_values_is_said_and_kept():
    assert marker_note(pd.Series([1.0, -999, -999, 3])) == "holds -999 in 2 rows, taken as a number"
    assert marker_note(pd.Series([1.0, -99, -98, 3])) is None
    assert marker_note(pd.Series([1.0, np.nan, 3])) is None
