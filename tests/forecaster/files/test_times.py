"""Readings of times; tests of whole files have most of them."""

import pandas as pd
import pytest

from forecaster.files.settings import FileOptions
from forecaster.files.times import join_parts, parse_times, regularity


def texts(*values):
    return pd.Series(values, dtype="str")


@pytest.mark.parametrize(
    ("values", "first"),
    [
        (("Mon, 6 January 2020", "Tue, 7 January 2020"), "2020-01-06"),
        (("2020.01.13", "2020.01.14"), "2020-01-13"),
        (("Q1 2020", "Q2 2020"), "2020-01-01"),
        (("1Q20", "2Q20"), None),
        (tuple(f"{month:02}/20" for month in range(1, 13)), "2020-01-01"),
        (tuple(f"{month:02}-20" for month in range(1, 13)), "2020-01-01"),
        (("2020W1", "2020W2"), "2019-12-30"),
        (("1950.0", "1951.0", "1952.0"), "1950-01-01"),
        (("20200101 00:30", "20200101 01:00"), "2020-01-01 00:30"),
        (("1949.01", "1949.02", "1949.12"), "1949-01-01"),
        (("north", "south"), None),
        (("5.5", "6.5"), None),
        (("1-01", "7-11"), None),
        (("2020-01-01 00:00:00.123456",), "2020-01-01 00:00:00.123456"),
        (("0001-01-01", "0001-01-02"), "0001-01-01"),
    ],
)
def test_times_are_read(values, first):
    found = parse_times(texts(*values), "day", FileOptions(), is_named=False)
    assert (None if found is None else found.values[0]) == (first and pd.Timestamp(first))


def test_columns_are_joined():
    found = join_parts([texts("13/01/2020"), texts("24:00")], ["d", "t"], FileOptions())
    assert found.values.to_list() == [pd.Timestamp("2020-01-14")]
    hours = [texts("2020"), texts("12"), texts("31"), texts("24")]
    assert join_parts(hours, [*"abcd"], FileOptions()).values[0] == pd.Timestamp("2021-01-01")
    assert join_parts([texts("a"), texts("b")], ["x", "y"], FileOptions()) is None


@pytest.mark.parametrize(
    ("columns", "values", "time"),
    [
        (["year", "day", "month"], ["2020", "13", "2"], "2020-02-13"),
        (["month", "year"], ["2", "2020"], "2020-02-01"),
        (["jahr", "kw"], ["2020", "2"], "2020-01-06"),
        (["Year", "Quarter"], ["2020", "2"], "2020-04-01"),
        (["year", "month", "day"], ["2020", "13", "1"], None),
    ],
)
def test_the_names_of_columns_say_their_part(columns, values, time):
    found = join_parts([texts(value) for value in values], columns, FileOptions())
    assert (found and found.values[0]) == (time and pd.Timestamp(time))


@pytest.mark.parametrize(
    ("times", "share"),
    [
        (pd.date_range("2020-01-01", periods=9), 1),
        (pd.date_range("2020-01-31", periods=9, freq="ME"), 1),
        (pd.date_range("2020-01-01", periods=9, freq="QS"), 1),
        (pd.date_range("2020-01-06", periods=11, freq="B"), 0.8),
        (pd.DatetimeIndex(["2020-01-01", "2020-01-02"]), 0),
    ],
)
def test_the_share_of_regular_steps(times, share):
    assert regularity(times) == share
