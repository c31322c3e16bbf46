"""Times of day, against pandas's own reading where it has one."""

import pandas as pd
import pytest

from forecaster.files.clocks import clock_of, split_clock


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("13:30", 13.5),
        ("1:30 PM", 13.5),
        ("12:00 am", 0),
        ("12:00 p.m.", 12),
        ("24:00", 24),
        ("0:00:36", 0.01),
        ("13h30", 13.5),
        ("1330", 13.5),
        ("7", 7),
    ],
)
def test_a_clock_is_read(text, hours):
    assert clock_of(pd.Series([text], dtype="str"))[0] == pd.Timedelta(hours * 3600, unit="s")


@pytest.mark.parametrize("text", ["north", "2575", "99:99:99:9", "-5"])
def test_what_is_no_clock(text):
    assert clock_of(pd.Series([text], dtype="str")) is None


def test_dates_clocks_and_offsets_are_split():
    texts = pd.Series(["2020-01-01T10:00:00.25+05:30", "2020-01-02"], dtype="str")
    dates, (spans, offsets), note = split_clock(texts)
    assert dates.to_list() == ["2020-01-01", "2020-01-02"] and note is None
    assert spans.to_list() == [pd.Timedelta("10:00:00.25"), pd.Timedelta(0)]
    assert offsets[0] == pd.Timedelta("5:30:00") and pd.isna(offsets[1])
    assert split_clock(pd.Series(["1/1/2020"], dtype="str"))[1] is None
