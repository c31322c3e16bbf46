"""Readers of the published layouts: values, names and order of rows stay as they are."""

import io

import numpy as np
import pandas as pd

from forecaster.datasets.readers import read_beijing, read_dated, read_m4


def test_the_first_column_of_a_dated_file_is_the_index():
    content = b"when,b,a\n2020-01-31,1,2.5\n2020-02-29,3,4.5\n2020-03-31,5,6.5\n"
    frame = read_dated(io.BytesIO(content))
    ends = pd.DatetimeIndex(["2020-01-31", "2020-02-29", "2020-03-31"], freq="ME", name="when")
    expected = pd.DataFrame({"b": [1, 3, 5], "a": [2.5, 4.5, 6.5]}, index=ends)
    pd.testing.assert_frame_equal(frame, expected, check_index_type="equiv")


def test_a_dated_file_that_skips_a_step_has_no_frequency():
    content = b"when,y\n2020-01-01,1\n2020-01-02,2\n2020-01-04,3\n2020-01-05,4\n"
    assert read_dated(io.BytesIO(content)).index.freq is None


def test_beijing_joins_four_columns_to_a_time():
    content = (
        b"No,year,month,day,hour,pm2.5\n1,2010,12,31,22,NA\n2,2010,12,31,23,129\n3,2011,1,1,0,148\n"
    )
    frame = read_beijing(io.BytesIO(content))
    assert frame.index.name == "time"
    assert frame.index.freqstr == "h"
    assert frame.index[0] == pd.Timestamp("2010-12-31 22:00")
    assert "No" not in frame.columns
    np.testing.assert_array_equal(frame["pm2.5"], [np.nan, 129, 148])


def test_m4_series_are_joined_in_the_order_of_the_training_file():
    train = b'"V1","V2","V3","V4"\n"B",1,2,\n"A",5,6,7\n'
    test = b'"V1","V2","V3"\n"A",8,9\n"B",3,4\n'
    frame = read_m4(io.BytesIO(train), io.BytesIO(test))
    assert frame["unique_id"].to_list() == [*"BBBB", *"AAAAA"]
    assert frame["ds"].to_list() == [1, 2, 3, 4, 1, 2, 3, 4, 5]
    assert frame["y"].to_list() == [1, 2, 3, 4, 5, 6, 7, 8, 9]
