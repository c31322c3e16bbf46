"""The separator is the one by which lines fall into numbers and times."""

import csv

import pytest

from forecaster.files.separators import Row, find_separator, is_time, is_typed, split_rows, width_of


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("d,y\n2020-01-01 10:00,5\n2020-01-01 11:00,6", ","),
        ("d;y\n1.1.2020;1,5\n2.1.2020;2,5", ";"),
        ("2020-01-01;1,5;2,5\n2020-01-02;3,5;4,5", ";"),
        ("d\ty\n2020-01-01 10:00\t1,5\n2020-01-01 11:00\t1,5", "\t"),
        ("d y\n2020-01-01 5\n2020-01-02 6", " "),
        ("d|y|note\n2020-01-01|5|a, b; c\n2020-01-02|6|d, e; f", "|"),
        ("y\n1,5\n2,5", ""),
        ("y\n5\n6", ""),
        ('d,y\n"Jan 5, 2020",5\n"Jan 6, 2020",6', ","),
        ("Title; of, all\nd;y\n2020-01-01;1\n2020-01-02;2", ";"),
        ('d,y\n2020-01-01,"a ""b"" c"\n2020-01-02,"d"', ","),
    ],
)
def test_separators_are_found(text, separator):
    assert find_separator(text.split("\n")) == separator


def test_rows_know_their_lines():
    lines = ["# x", 'a, "b', 'c"', "", "1,2"]
    assert list(split_rows(lines, ",")) == [Row(3, ["a", "b\nc"]), Row(5, ["1", "2"])]
    assert list(split_rows([" 1  2 ", "# 3"], " ")) == [Row(1, ["1", "2"])]
    assert list(split_rows(['"1"', ""], "")) == [Row(1, ["1"])]
    with pytest.raises(csv.Error):
        list(split_rows(['"a', "b"], ","))
    assert width_of([Row(1, ["a"]), Row(2, ["a", "b"])]) == 2


@pytest.mark.parametrize(
    ("text", "time", "typed"),
    [
        ("2020-01-01", True, True),
        ("1/1/2020 10:00", True, True),
        ("10:00", True, True),
        ("1949Q1", True, True),
        ("Jan 2020", True, True),
        ("2020", False, True),
        ("1.5", False, True),
        ("-$1,000.50", False, True),
        ("north", False, False),
        ("N0001", False, False),
        ("198 m", False, False),
    ],
)
def test_cells_that_look_like_values(text, time, typed):
    assert (is_time(text), is_typed(text)) == (time, typed)
