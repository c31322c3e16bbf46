"""Columns that are no data."""

import pandas as pd
import pytest

from forecaster.files.columns import counts_rows, reason_against
from forecaster.files.keys import TimeKey


@pytest.mark.parametrize(
    ("name", "position", "values", "counts"),
    [
        ("No", 3, [1, 2, 3], True),
        ("x", 0, [0, 6, 12], True),
        ("x", 3, [1, 2, 3], False),
        ("No", 3, [1, 2, 4], False),
        ("No", 3, [3, 2, 1], False),
        ("No", 3, [0.5, 1.5, 2.5], False),
        ("No", 3, [1, 2], False),
    ],
)
def test_columns_that_number_the_rows(name, position, values, counts):
    assert counts_rows(name, position, pd.Series(values)) == counts


@pytest.mark.parametrize(
    ("name", "values", "repeats"),
    [
        ("y", [2020, 2020, 2021], True),
        ("month", [12, 12, 1], True),
        ("sold", [12, 12, 1], False),
        ("weekday", [2, 3, 4], True),
        ("dow", [3, 4, 5], True),
        ("day", [30, 31, 2], False),
    ],
)
def test_columns_that_repeat_the_times(name, values, repeats):
    key = TimeKey(("d",), pd.DatetimeIndex(["2020-12-30", "2020-12-31", "2021-01-01"]))
    assert (reason_against(name, 5, pd.Series(values), key) == "repeats the times") == repeats
