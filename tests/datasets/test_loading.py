"""The public calls, on the bundled data and on small files in the published layouts."""

import dataclasses
import doctest

import numpy as np
import pandas as pd
import pytest

from forecaster.datasets import list_datasets, load_dataset, loading
from forecaster.datasets.catalog import CATALOG

# Added up from another copy of the series than the one that is bundled.
TOTALS_1949_TO_1960 = [
    *[1520, 1676, 2042, 2364, 2700, 2867],
    *[3408, 3939, 4421, 4572, 5140, 5714],
]


@pytest.fixture
def publish(publisher, monkeypatch):
    """Put other content in the place of a dataset's files."""

    def publish(name, *contents):
        dataset = CATALOG[name]
        files = tuple(
            publisher.publish(file.name, content)
            for file, content in zip(dataset.files, contents, strict=True)
        )
        monkeypatch.setitem(CATALOG, name, dataclasses.replace(dataset, files=files))

    return publish


def test_air_passengers_are_the_monthly_totals_of_box_and_jenkins():
    air = load_dataset("air_passengers")
    months = pd.date_range("1949-01", "1960-12", freq="MS", name="month")
    pd.testing.assert_index_equal(air.index, months, exact="equiv", check_names=True)
    assert air.index.freqstr == "MS"
    assert air.columns.to_list() == ["passengers"]
    assert air["passengers"].dtype == np.int64
    assert air["passengers"].iloc[[0, 1, -2, -1]].to_list() == [112, 118, 390, 432]
    totals = air["passengers"].groupby(air.index.year).sum()  # every value counts in one of them
    assert totals.to_list() == TOTALS_1949_TO_1960


def test_every_call_gives_a_frame_of_its_own():
    air = load_dataset("air_passengers")
    air.iloc[:] = 0
    assert load_dataset("air_passengers")["passengers"].min() == 104


def test_ett_is_a_wide_frame_of_floats(publish):
    publish(
        "ett_m1",
        b"date,HUFL,HULL,MUFL,MULL,LUFL,LULL,OT\n"
        b"2016-07-01 00:00:00,1.5,2.5,3.5,4.5,5.5,6.5,7.5\n"
        b"2016-07-01 00:15:00,11,12,13,14,15,16,17\n"
        b"2016-07-01 00:30:00,21,22,23,24,25,26,27.5\n",
    )
    ett = load_dataset("ett_m1")
    assert ett.index.name == "date"
    assert ett.index.freqstr == "15min"
    assert ett.columns.to_list() == ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"]
    assert (ett.dtypes == np.float64).all()
    assert ett.loc["2016-07-01 00:30", "OT"] == 27.5


def test_beijing_gets_its_times_from_four_columns_and_keeps_missing_values(publish):
    publish(
        "beijing_pm25",
        b"No,year,month,day,hour,pm2.5,DEWP,TEMP,PRES,cbwd,Iws,Is,Ir\n"
        b"1,2010,1,1,22,NA,-21,-11,1021,NW,1.79,0,0\n"
        b"2,2010,1,1,23,129,-16,-4,1020,SE,1.79,0,0\n"
        b"3,2010,1,2,0,148,-15,-4,1020,cv,2.68,0,0\n",
    )
    beijing = load_dataset("beijing_pm25")
    assert beijing.index.name == "time"
    assert beijing.index.freqstr == "h"
    assert beijing.index[-1] == pd.Timestamp("2010-01-02 00:00")
    assert beijing.columns[0] == "pm2.5"
    np.testing.assert_array_equal(beijing["pm2.5"], [np.nan, 129, 148])
    assert beijing["cbwd"].to_list() == ["NW", "SE", "cv"]
    assert not {"No", "year", "month", "day", "hour"} & {*beijing.columns}


def test_the_quoted_files_with_windows_line_ends_are_read(publish):
    publish("sunspots", b'"Month","Sunspots"\r\n' + b'"1749-01",58.0\r\n"1749-02",62.6\r\n')
    assert load_dataset("sunspots")["Sunspots"].to_list() == [58.0, 62.6]
    skips_leap_day = (
        b'"Date","Temp"\r\n"1984-12-29",1.0\r\n"1984-12-30",2.0\r\n"1985-01-01",3.0\r\n'
    )
    publish("min_temperatures", skips_leap_day)
    temperatures = load_dataset("min_temperatures")
    assert temperatures.index.freq is None  # a row that is not there is not invented
    assert temperatures["Temp"].to_list() == [1.0, 2.0, 3.0]


LENGTHS = {"Y1": 5, "Y2": 2, "Y3": 8}
HORIZON = 6  # of the yearly series


def m4_csv(lengths, first_steps, width, order):
    """The published layout. A value is 100 times its series' number plus its step."""
    lines = [",".join(f'"V{i + 1}"' for i in range(width + 1))]
    for name in order:
        first = first_steps[name]
        steps = range(first, first + lengths[name])
        cells = [f'"{100 * int(name[1:]) + step}"' for step in steps]
        lines.append(",".join([f'"{name}"', *cells, *[""] * (width - len(cells))]))
    return "\n".join(lines).encode()


@pytest.fixture
def m4(publish):
    train = m4_csv(LENGTHS, dict.fromkeys(LENGTHS, 1), width=8, order=["Y1", "Y2", "Y3"])
    after_train = {name: length + 1 for name, length in LENGTHS.items()}
    test = m4_csv(dict.fromkeys(LENGTHS, HORIZON), after_train, HORIZON, order=["Y3", "Y1", "Y2"])
    publish("m4_yearly", train, test)


@pytest.mark.parametrize(
    ("split", "steps"),
    [
        ("train", {name: range(1, n + 1) for name, n in LENGTHS.items()}),
        ("test", {name: range(n + 1, n + 1 + HORIZON) for name, n in LENGTHS.items()}),
        (None, {name: range(1, n + 1 + HORIZON) for name, n in LENGTHS.items()}),
    ],
)
def test_m4_is_a_long_frame_whose_test_goes_on_where_train_ends(m4, split, steps):
    rows = [(name, step, 100.0 * int(name[1:]) + step) for name in steps for step in steps[name]]
    expected = pd.DataFrame(rows, columns=["unique_id", "ds", "y"])
    pd.testing.assert_frame_equal(load_dataset("m4_yearly", split), expected, check_exact=True)


def test_train_and_test_together_are_the_whole(m4):
    parts = pd.concat([load_dataset("m4_yearly", split="train"), load_dataset("m4_yearly", "test")])
    whole = parts.sort_values(["unique_id", "ds"], ignore_index=True)
    pd.testing.assert_frame_equal(load_dataset("m4_yearly"), whole)


def test_an_unknown_name_gets_the_names_most_like_it():
    expected = (
        r"^`name` must be a known dataset: 'm4_hourly', .*and \d+ more\. "
        r"Received: name='m4_hurly'\. Call `list_datasets\(\)` for all of them\.$"
    )
    with pytest.raises(ValueError, match=expected):
        load_dataset("m4_hurly")


@pytest.mark.parametrize("name", [None, 3, ["air_passengers"]])
def test_a_name_that_is_no_string_is_a_type_error(name):
    with pytest.raises(TypeError, match=r"^`name` must be a string\. Received: name="):
        load_dataset(name)


@pytest.mark.parametrize("split", ["valid", "TRAIN", "", 0, ["train"]])
def test_an_unknown_split_is_refused_before_anything_is_downloaded(split):
    expected = r"^`split` must be 'train', 'test' or None\. Received: split="
    with pytest.raises(ValueError, match=expected):
        load_dataset("m4_hourly", split)


def test_a_split_of_a_dataset_without_one_is_refused():
    expected = r"^`split` must be None for 'air_passengers', .*Received: split='train'\. Cut"
    with pytest.raises(ValueError, match=expected):
        load_dataset("air_passengers", split="train")


def test_the_list_names_every_dataset_and_what_it_may_be_used_for():
    known = list_datasets()
    assert known["name"].to_list() == list(CATALOG)
    assert known["name"].is_unique
    assert {"description", "size", "freq", "licence", "url", "bundled"} <= {*known.columns}
    assert known.notna().all(axis=None)
    for row in known.itertuples():
        assert row.description and row.licence
        assert row.bundled == (row.url == "")
        assert row.bundled or row.url.startswith("https://")
        assert row.freq == 1 or pd.tseries.frequencies.to_offset(row.freq).freqstr == row.freq
    assert known.set_index("name").loc["m4_hourly", "url"].split() == [
        "https://raw.githubusercontent.com/Mcompetitions/M4-methods/master/Dataset/Train/Hourly-train.csv",
        "https://raw.githubusercontent.com/Mcompetitions/M4-methods/master/Dataset/Test/Hourly-test.csv",
    ]


def test_the_examples_of_the_docstrings_run():
    assert doctest.testmod(loading) == (0, 4)  # failed, tried
