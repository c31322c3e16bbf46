"""Times as users have them: read right, or refused with a line of Python that reads them right."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecaster.data.times import TimeSource, as_times, disguise_of, is_time
from tests.helpers.tables import days, ramp, read

DAYS = days(20)
IN_COLUMN = TimeSource(column="t")
DATES = [time.date() for time in DAYS]
HOURS = pd.date_range("2024-03-30 22:00", periods=5, freq="h", tz="Europe/Berlin")
FAR = np.array(["1500-01-01"], "M8[s]")


def arrow(times, kind):
    return pd.Index(pd.Series(times).astype(pd.ArrowDtype(kind)))


READ = {
    "dates": (pd.Index(DATES), DAYS),
    "timestamps": (pd.Index(list(HOURS), dtype=object), HOURS),
    "NumPy's": (pd.Index(list(DAYS.to_numpy()), dtype=object), DAYS),
    "periods": (pd.Index(list(DAYS.to_period("M")), dtype=object), DAYS.to_period("M")),
    "integers": (pd.Index([3, 1, 2], dtype=object), pd.Index([3, 1, 2])),
    "unsigned": (pd.Index([3, 1, 2], dtype="uint64"), pd.Index([3, 1, 2])),
    "Arrow": (arrow(DAYS, pa.timestamp("us")), DAYS),
    "Arrow in a zone": (arrow(HOURS, pa.timestamp("us", "Europe/Berlin")), HOURS),
    "dates of Arrow": (arrow(DAYS, pa.date32()), DAYS),
    "integers of Arrow": (arrow([3, 1, 2], pa.int64()), pd.Index([3, 1, 2])),
    "categories": (pd.CategoricalIndex(DAYS), DAYS),
    "texts as categories": (pd.CategoricalIndex(DAYS.astype(str)), DAYS),
    "texts": (pd.Index(DAYS.strftime("%Y-%m-%d")), DAYS),
    "texts without dashes": (pd.Index(DAYS.strftime("%Y%m%d")), DAYS),
    "years as texts": (pd.Index(["2001", "2002"]), pd.to_datetime(["2001-01-01", "2002-01-01"])),
    "texts in UTC": (pd.Index(["2024-01-01T00:00Z"]), pd.to_datetime(["2024-01-01T00:00Z"])),
    "two names of UTC": (
        pd.Index(["2024-01-01T00:00Z", "2024-01-01T01:00+00:00"]),
        pd.to_datetime(["2024-01-01T00:00Z", "2024-01-01T01:00Z"]),
    ),
    "far times": (pd.Index(FAR), pd.DatetimeIndex(FAR)),
}


@pytest.mark.parametrize("name", READ)
def test_times_of_many_types_are_read(name):
    values, times = READ[name]
    found = as_times(values, IN_COLUMN)
    assert found.tolist() == times.tolist()
    assert getattr(found, "tz", None) == getattr(times, "tz", None)
    assert found.dtype == np.int64 or is_time(found)


YEARS = np.arange(1949, 1953)
MONTHS = 1949 + np.arange(30) / 12
CONVERTED = {  # values, the times that they mean, a part of the message
    "day first": (DAYS.strftime("%d/%m/%Y"), DAYS, "format='%d/%m/%Y'"),
    "month first": (DAYS.strftime("%m/%d/%Y"), DAYS, "format='%m/%d/%Y'"),
    "two digits": (DAYS.strftime("%d.%m.%y"), DAYS, "format='%d.%m.%y'"),
    "with a clock": (DAYS.strftime("%d-%m-%Y %H:%M"), DAYS, "format='%d-%m-%Y %H:%M'"),
    "morning": (DAYS.strftime("%m/%d/%Y %I:%M %p"), DAYS, "%I:%M %p"),
    "months": (days(3).strftime("%Y%m"), pd.to_datetime(["2024-01-01"] * 3), "format='%Y%m'"),
    "names": (DAYS.strftime("%d %b %Y"), DAYS, "format='%d %b %Y'"),
    "quarters": (["2024Q1", "2024Q4"], pd.PeriodIndex(["2024Q1", "2024Q4"], freq="Q"), "Period"),
    "weeks": (["2024-W01", "2024-W02"], pd.to_datetime(["2024-01-01", "2024-01-08"]), "%G-W%V"),
    "whole years": (1.0 * YEARS, pd.to_datetime(YEARS.astype(str), format="%Y"), "format='%Y'"),
    "decimal months": (MONTHS, pd.period_range("1949-01", periods=30, freq="M"), "freq='M'"),
    "rounded": (MONTHS.round(2), pd.period_range("1949-01", periods=30, freq="M"), "freq='M'"),
    "mid-month": (MONTHS + 0.042, pd.period_range("1949-01", periods=30, freq="M"), "freq='M'"),
    "decimal quarters": (
        1949.75 + np.arange(9) / 4,
        pd.period_range("1949Q4", periods=9, freq="Q"),
        "freq='Q'",
    ),
    "mid-year": (YEARS + 0.5, pd.PeriodIndex(YEARS.astype(str), freq="Y"), "freq='Y'"),
    "mixed": ([2020, "2021"], pd.to_datetime(["2020-01-01", "2021-01-01"]), "ISO8601"),
    "months of Eurostat": (["2024M01"], days(1), "%YM%m"),
    "days of the year": (["2024-001", "2024-040"], days(40)[[0, 39]], "%Y-%j"),
    "seconds": ([1704067200.0], days(1), r"astype\('int64'\), unit='s'"),
    "day last": (days(40).strftime("%Y-%d-%m"), days(40), "format='%Y-%d-%m'"),
    "whole numbers": ([1.0, 2.0, 5.0], pd.Index([1, 2, 5]), "astype"),
    "durations": (
        pd.to_timedelta([0, 1, 2], unit="D"),
        pd.date_range("2024-01-01", periods=3),
        "Add a start",
    ),
    "over summer time": (
        [time.isoformat() for time in HOURS],
        HOURS,
        "same offset from UTC.*utc=True",
    ),
    "large": (np.array([2**63, 2**63 + 2], "uint64"), pd.Index([0, 2]), "within int64"),
}
PLACES = {
    "column": (lambda values: pd.DataFrame({"t": values}), IN_COLUMN),
    "index": (lambda values: pd.DataFrame({"y": 1.0}, index=pd.Index(values)), TimeSource()),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", CONVERTED)
def test_the_line_in_the_message_reads_the_times(name, place):
    values, times, message = CONVERTED[name]
    make, source = PLACES[place]
    frame = make(values)

    def times_in(frame):
        return pd.Index(frame["t"]) if place == "column" else frame.index

    with pytest.raises((TypeError, ValueError), match=message) as caught:
        as_times(times_in(frame), source)
    line = next(part for part in str(caught.value).split(". ") if " = " in part)
    line = line[line.index("frame") :].removesuffix(".").split(" or frame")[0].split(", or ")[0]
    exec(line, {"frame": frame, "pd": pd})
    found = as_times(times_in(frame), source)
    assert found.tolist() == times.tolist()


REFUSED = {
    "three readings": (["02-03-04"], r"'%d-%m-%y'\) or .*'%m-%d-%y'\) or .*'%y-%m-%d'\)\.$"),
    "two readings": (["01/02/2024", "03/04/2024"], r"'%d/%m/%Y'\) or .*'%m/%d/%Y'\)\.$"),
    "two forms": (["2024-01-31", "01/02/2024"], "Received: 01/02/2024. Write all in one form"),
    "hour 24": (["2024-01-01 23:00", "2024-01-01 24:00"], "24:00 as 00:00 of the next day"),
    "blank": (["2024-01-01", " "], "a time in every row. Received: none in column 't' at rows 1"),
    "offsets": (["2024-01-01T00:00+01:00", "2024-01-01 02:00"], "Write it in all, or in none"),
    "no time": ([True, False], "datetimes, periods or integers as times. Received: bool in col"),
    "clock": ([datetime.time(1), datetime.time(2)], "Put the date before each time of day"),
    "decimals": ([0.5, 1.25], "Received: float64 in column 't', e.g. 0.5, 1.25. Give datetimes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_times_that_are_refused(name):
    values, message = REFUSED[name]
    with pytest.raises((TypeError, ValueError), match=message):
        as_times(pd.Index(values), IN_COLUMN)


def test_a_line_for_a_level_of_the_index():
    frame = pd.concat({"x": ramp(days(3).strftime("%d.%m.%Y"))})
    with pytest.raises(
        TypeError, match=r"Convert them first, frame.index = frame.index.set_lev"
    ) as e:
        read(frame)
    exec(str(e.value).split("first, ")[1].removesuffix("."), {"frame": frame, "pd": pd})
    assert read(frame, freq="D").times(0, 0, 3).tolist() == days(3).tolist()


@pytest.mark.parametrize(
    ("numbers", "form"),
    [
        ([2019, 2020], "years"),
        ([202012, 202101], "%Y%m"),
        ([20240131, 20240201], "%Y%m%d"),
        ([2024013123, 2024020100], "%Y%m%d%H"),
        ([202401312345], "%Y%m%d%H%M"),
        ([20240131234559], "%Y%m%d%H%M%S"),
        ([20194, 20201], "years and quarters"),
        ([202052, 202053, 202101], "years and weeks"),
        ([1_700_000_000, 1_700_003_600], "seconds since 1970"),
        ([1_700_000_000_000], "milliseconds since 1970"),
        ([1_700_000_000_000_000], "microseconds since 1970"),
        ([1_700_000_000_000_000_000], "nanoseconds since 1970"),
    ],
)
def test_numbers_that_look_like_times(numbers, form):
    what, call = disguise_of(pd.Index(numbers))
    assert form in what
    times = eval(call.replace("{}", "numbers"), {"numbers": pd.Index(numbers), "pd": pd})
    assert ((times.year >= 2019) & (times.year <= 2024)).all()


@pytest.mark.parametrize(
    "numbers",
    [
        range(5),
        [202013],
        [20201, 20202],
        range(202_010, 202_030),
        range(20_210, 20_220),
        [20240132],
        [-5, 3],
        [123_456_789],
        [10**12 // 7, 2 * 10**12],
    ],
)
def test_plain_numbers(numbers):
    assert disguise_of(pd.Index(numbers)) is None
