"""Columns that nobody named but that look like times, ids or counters."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest

from forecaster.data.frame_checks import FrameWarning
from forecaster.data.hints import looks_like_times
from forecaster.data.interop import as_library
from tests.helpers.tables import days, long_ramp, read

N = 24
MONTHS = pd.date_range("2020-01-01", periods=N, freq="MS")
SALES = np.sin(np.arange(N)) + 5


@pytest.mark.parametrize(
    "values",
    [
        MONTHS,
        MONTHS.tz_localize("UTC"),
        MONTHS.to_period("M"),
        MONTHS.date,
        MONTHS.astype(str),
        MONTHS.strftime("%d.%m.%Y"),
        MONTHS.strftime("%m/%d/%y %H:%M"),
        MONTHS.strftime("%Y-%m"),
        MONTHS.strftime("%Y%m%d"),
        MONTHS.strftime("%b %Y"),
        MONTHS.strftime("%d-%b-%y"),
        MONTHS.strftime("%B %d, %Y"),
        MONTHS.strftime("%Y-%m-%dT%H:%M:%SZ"),
        [f"{time.year}Q{time.quarter}" for time in MONTHS],
        pd.Categorical(MONTHS.astype(str)),
        np.array([None, *MONTHS.date], object),
    ],
)
def test_columns_that_look_like_times(values):
    assert looks_like_times(pd.Series(values))


@pytest.mark.parametrize(
    "values",
    [
        ["may", "june"],
        ["mon", "sun"],
        ["12.5", "13.5"],
        ["1,234", "2"],
        ["192.168.1.1", "10.0.0.1"],
        ["A-1", "A-2"],
        ["2024-01-01", "never"],
        ["1.2.3", "1.2.4"],
        [1, 2],
        [None, None],
        [],
        [[1], [2]],
        pd.to_timedelta([1, 2], unit="D"),
    ],
)
def test_columns_that_do_not(values):
    assert not looks_like_times(pd.Series(values, dtype=None if len(values) else object))


@pytest.mark.parametrize("name", ["ds", "Date", "when", ("a", 1), 7])
@pytest.mark.parametrize("times", [MONTHS, MONTHS.strftime("%d/%m/%Y"), MONTHS.to_period("M")])
def test_a_plain_index_beside_times_is_asked_about(name, times):
    frame = pd.DataFrame({"y": SALES})
    frame = frame.set_axis(pd.Index(["y"], dtype=object), axis=1)
    frame.insert(0, name, times)
    for options in ({}, {"freq": "MS"}, {"target": "y"}):
        with pytest.raises(
            ValueError, match=r"^`freq` must be a positive int for integer"
        ) as error:
            read(frame, **options)
        assert "took the index, 0, 1, 2, ..., for integer times" in str(error.value)
        assert f"{name!r} looks like times, e.g. " in str(error.value)
        assert f"`time_column={name!r}`. Name the column, or give `freq=1`" in str(error.value)
    with pytest.warns(FrameWarning, match="took the index, 0, 1, 2, .* looks like times"):
        read(frame, target="y", freq=1)


NUMBERED = {  # columns -> the times that the advice makes of them
    "years": ({"year": MONTHS.year[::12]}, [2020, 2021]),
    "dates": ({"date": MONTHS.strftime("%Y%m%d").astype(int)}, MONTHS),
    "seconds": ({"timestamp": MONTHS.as_unit("s").asi8}, MONTHS),
    "milliseconds": ({"time": MONTHS.as_unit("ms").asi8}, MONTHS),
    "nanoseconds": ({"ds": MONTHS.as_unit("ns").asi8}, MONTHS),
    "months": ({"Year": MONTHS.year, "Month": MONTHS.month}, MONTHS),
    "days": ({"year": MONTHS.year, "month": MONTHS.month, "day": MONTHS.day}, MONTHS),
}


@pytest.mark.parametrize("kind", NUMBERED)
def test_numbers_that_are_times_and_the_advice_for_them(kind):
    columns, expected = NUMBERED[kind]
    frame = pd.DataFrame({**columns, "y": SALES[: len(expected)]})
    with pytest.raises(ValueError, match=r"looks like times, e\.g\. .* Name the column") as caught:
        read(frame)
    *calls, arguments = re.findall("`([^`]*)`", str(caught.value).partition(" looks like")[2])[:-1]
    for call in calls:
        exec(call, {"frame": frame, "pd": pd})
    table = read(frame, target="y", **eval(f"dict({arguments})"))
    assert table.times(0, 0, len(expected)).tolist() == [*expected]


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_frames_of_other_libraries(library):
    frame = pd.DataFrame({"ds": MONTHS, "y": SALES, "x": [f"{n}.5" for n in range(N)]})
    frame = as_library(frame, library)
    with pytest.raises(
        ValueError, match=r"a frame of .* 'ds' looks like times: `time_column='ds'`"
    ):
        read(frame)
    with pytest.raises(TypeError, match="texts that look like numbers") as caught:
        read(frame, time_column="ds", target="y", past_covariates=["x"])
    assert caught.value.__notes__ == [
        "The calls are for pandas: `frame = frame.to_pandas()` goes first."
    ]


def test_an_index_with_a_name_is_meant():
    frame = pd.DataFrame({"y": SALES, "born": MONTHS}, index=pd.RangeIndex(N, name="week"))
    with pytest.raises(ValueError, match=r"^`freq` must be .* Received: freq=None\. Give `freq=1`"):
        read(frame, target="y")
    read(frame, target="y", freq=1)


def test_ids_are_named_with_the_times():
    frame = long_ramp({"a": 5, "b": 4}).rename(columns={"shop": "unique_id", "when": "ds"})
    with pytest.raises(ValueError, match="`time_column='ds', id_column='unique_id'`"):
        read(frame)
    with pytest.raises(ValueError, match=r"looks like times.*`time_column='ds'`\. Name"):
        read(frame, id_column="unique_id")
    assert read(frame, id_column="unique_id", time_column="ds").num_ids == 2


@pytest.mark.parametrize("ids", ["shop", "item_id", "store"])
@pytest.mark.parametrize("kind", [str, "category", "numbers"])
def test_repeated_times_name_the_column_of_ids(ids, kind):
    frame = long_ramp({"a": 5, "b": 4}).rename(columns={"shop": ids}).assign(colour="red")
    numbers = frame[ids].map({"a": 1, "b": 2})
    frame[ids] = numbers if kind == "numbers" else frame[ids].astype(kind)
    message = f"once. Received: 4 duplicated rows, .* `id_column`: `id_column='{ids}'`"
    with pytest.raises(ValueError, match=message):
        read(frame, time_column="when", target="sold")
    with pytest.raises(ValueError, match=message):
        read(frame.set_index("when"), target="sold")


@pytest.mark.parametrize(
    "options", [{"time_column": "t"}, {"time_column": "t", "id_column": "store"}]
)
@pytest.mark.parametrize("stores", [[1, 2], ["n", "s"]])
def test_two_columns_of_ids_are_joined(stores, options):
    frame = pd.DataFrame(
        {
            "colour": "red",
            "store": np.repeat(stores, 12),
            "item": [*np.repeat([1, 2], 6)] * 2,
            "t": [*MONTHS[:6]] * 4,
            "sold": SALES,
        }
    )
    with pytest.raises(ValueError, match="'store', 'item' tell them apart") as caught:
        read(frame, target="sold", **options)
    join, named = re.findall("`([^`]*)`", str(caught.value))[1:]
    exec(join, {"frame": frame})
    table = read(frame, target="sold", **options | eval(f"dict({named})"))
    assert table.ids.tolist() == [f"{store}/{item}" for store in stores for item in (1, 2)]
    assert table.values[0].tolist() == SALES.tolist()


def test_ids_in_the_index_beside_a_column_of_times():
    frame = long_ramp({"a": 5, "b": 4}).set_index("shop")
    with pytest.raises(
        TypeError, match=r"'when' looks like times.*`frame = frame\.reset_index\(\)`"
    ):
        read(frame, target="sold")
    read(frame.reset_index(), target="sold", time_column="when", id_column="shop")


def test_repeated_times_that_no_column_explains():
    frame = pd.DataFrame({"y": SALES, "colour": "red"}, index=MONTHS[[0, *range(N - 1)]])
    with pytest.raises(ValueError, match=r"duplicated rows, at 2020-01-01.* Join them"):
        read(frame, target="y")


COUNTERS = {
    "counts the rows": [
        np.arange(N),
        np.arange(1, N + 1),
        np.arange(N) + 45292,
        np.arange(N) * 1.0,
    ],
    "holds the year of each row": [MONTHS.year],
    "holds the month of each row": [MONTHS.month, MONTHS.month.astype("Int64")],
    "holds the date of each row": [MONTHS.strftime("%Y%m%d").astype(int)],
    "holds the month as number of each row": [MONTHS.strftime("%Y%m").astype(int)],
}


@pytest.mark.parametrize("what", COUNTERS)
@pytest.mark.parametrize("index", [MONTHS, MONTHS.to_period("M")])
def test_counters_are_no_series(what, index):
    for numbers in COUNTERS[what]:
        frame = pd.DataFrame({"Unnamed: 0": np.asarray(numbers), "y": SALES}, index=index)
        with pytest.warns(FrameWarning, match=rf"'Unnamed: 0' {what}\. .*`target=\['y'\]`") as seen:
            assert read(frame).num_targets == 2
        assert len(seen) == 1
        read(frame, target=["Unnamed: 0", "y"])  # the user said so
        with pytest.warns(FrameWarning, match=what):
            read(frame.sample(frac=1, random_state=0))


def test_stamps_that_repeat_the_index():
    frame = pd.DataFrame({"stamp": MONTHS.as_unit("s").asi8, "y": SALES}, index=MONTHS)
    with pytest.warns(FrameWarning, match="'stamp' holds the time of each row"):
        read(frame)


def test_days_of_the_week():
    frame = pd.DataFrame(
        {"d": days(N).day_of_week + 1, "h": days(N).day, "y": SALES}, index=days(N)
    )
    with pytest.warns(FrameWarning, match="'d' holds the day of week .*, 'h' holds the day of"):
        read(frame)


def test_parts_of_dates_on_an_index_of_integers():
    frame = pd.DataFrame({"year": MONTHS.year, "Month": MONTHS.month, "y": SALES})
    with pytest.warns(FrameWarning) as seen:
        read(frame, freq=1)
    assert "'year' looks like times, e.g. 2020: `frame['time'] = " in str(seen[0].message)
    assert "'year' is named as the year of a date, 'Month' is named as" in str(seen[1].message)
    frame = pd.DataFrame({"n": np.arange(3, N + 3), "y": SALES}, index=np.arange(3, N + 3))
    with pytest.warns(FrameWarning, match="'n' repeats the index"):
        read(frame, freq=1)


@pytest.mark.parametrize(
    "column",
    [
        np.arange(N) * 1.0,
        np.arange(N) * 2,
        np.arange(N)[::-1],
        np.arange(N) - 1,
        np.random.default_rng(0).integers(1, 13, N),
        pd.array([None, *range(N - 1)], dtype="Int64"),
    ],
)
def test_other_columns_are_series(column):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(pd.DataFrame({"x": column, "y": SALES}, index=MONTHS))
        read(pd.DataFrame({"x": np.arange(N)}, index=MONTHS))  # what else should be forecast?


def test_a_left_out_column_of_times_is_named():
    frame = pd.DataFrame({"y": SALES, "other": MONTHS}, index=MONTHS)
    with pytest.warns(FrameWarning, match="'other' looks like times: `time_column='other'`"):
        read(frame)
    with pytest.warns(FrameWarning) as seen:
        read(frame.assign(when=MONTHS), time_column="when")
    assert "looks like" not in str(seen[0].message)
    with pytest.raises(TypeError, match=r"'other' .* It looks like times: `time_column='other'`"):
        read(frame, target="other")
    with pytest.raises(TypeError, match="`target` must name others: leave 'other' out"):
        read(frame.assign(when=MONTHS), target="other", time_column="when")
