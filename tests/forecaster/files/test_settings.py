"""Options of reading a file are checked at once, and spelled as the user types them."""

import pytest

from forecaster.files.settings import FileOptions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"separator": "ab"}, "`separator` must be one character"),
        ({"separator": ""}, "`separator` must be one character"),
        ({"decimal": "point"}, "`decimal` must be a point or a comma"),
        ({"thousands": "_"}, "`thousands` must be a point, a comma, a blank or an apostrophe"),
        ({"thousands": "."} | {"decimal": "."}, "`thousands` must be another mark"),
        ({"encoding": "utf-9"}, "`encoding` must be one that Python knows"),
        ({"encoding": "utf-9", "on_command_line": True}, "--encoding must be"),
    ],
)
def test_an_option_out_of_its_range_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        FileOptions(**options)


def test_names_stand_for_marks():
    assert FileOptions(separator="tab").separator_mark == "\t"
    assert FileOptions(separator="~").separator_mark == "~"
    assert FileOptions().separator_mark is None
    assert FileOptions(thousands="point").decimal_mark == ","
    assert FileOptions(thousands="blank").decimal_mark is None


def test_options_are_spelled_for_python_and_for_the_command_line():
    python, typed = FileOptions(), FileOptions(on_command_line=True)
    assert python.spelled("time_format") == "`time_format`"
    assert python.spelled("decimal", ",") == "`decimal=','`"
    assert typed.spelled("time_format", "%d %m") == "--time-format '%d %m'"
    assert typed.spelled("time_column") == "--time"
    assert typed.spelled("header", False) == "--no-header"
