"""Columns of times and ids among others."""

import pandas as pd
import pytest

from forecaster.files.keys import columns_of, find_id, find_time, named_time
from forecaster.files.settings import FileOptions


def frame(**columns):
    return pd.DataFrame(columns, dtype="str")


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"y": ["5", "6", "7"], "d": ["2020-01-01", "2020-01-02", "2020-01-03"]}, ("d",)),
        (
            {"year": ["2001", "2002", "2003"], "y": ["5", "7", "1"]},
            ("year",),
        ),
        ({"no": ["1", "2", "3"], "y": ["5", "7", "1"]}, ("no",)),
        ({"y": ["5", "7", "1"], "x": ["1", "2", "3"]}, None),
        ({"y": ["1", "2", "3"]}, None),
        ({"sold": ["1999", "1700", "1812"], "x": ["1", "1", "3"]}, None),
        ({"y": ["202", "150", "300"], "m": ["194901", "194902", "194903"]}, ("m",)),
    ],
)
def test_times_are_found(columns, found):
    key = find_time(frame(**columns), (), FileOptions())
    assert (None if key is None else key.columns) == found


def test_a_column_with_a_role_is_no_time():
    columns = frame(d=["2020-01-01", "2020-01-02"], e=["2021-01-01", "2021-01-02"])
    assert find_time(columns, ("d",), FileOptions()).columns == ("e",)


def test_joined_names_are_found_again():
    assert columns_of("date time", ["y", "time", "date"]) == ("date", "time")
    assert columns_of("day", ["y"]) == ("day",)
    assert columns_of("a b c", ["c", "a b"]) == ("a b", "c")


def test_ids_by_number_need_a_name():
    times = ["2020-01-01", "2020-01-02"] * 2
    table = frame(d=times, store=["1", "1", "2", "2"], sold=["5", "6", "7", "8"])
    key = named_time(table, ("d",), FileOptions(), are_steps=False)
    assert find_id(table, key, (), FileOptions()) == "store"
    other = table.rename(columns={"store": "x"})
    with pytest.raises(ValueError, match=r"told apart by 'x'\. Name one"):
        find_id(other, key, (), FileOptions())
