"""Long frames: every value names its id and its row."""

import numpy as np
import pandas as pd
import pytest

from forecaster.data.frame_checks import FrameWarning
from forecaster.data.writing import forecast_frame
from tests.helpers.tables import LAYOUTS, check_table, days, laid_out, long_ramp, ramp, read

LENGTHS = {"b": 30, "a": 25, "c": 21}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("freq", ["h", "D", "MS", "B"])
def test_wide_and_long_give_the_same_values(freq, layout):
    wide = ramp(pd.date_range("2024-01-01", periods=40, freq=freq, name="when"), ["x", "y", "z"])
    wide.iloc[[0, 5, 39], [0, 1, 2]] += 0.5
    long = wide.reset_index().melt("when", var_name="shop", value_name="sold")
    table = check_table(laid_out(long, layout), **LAYOUTS[layout])
    assert table.freq == read(wide).freq
    np.testing.assert_array_equal(table.values.reshape(3, 40), read(wide).values)


def test_series_with_two_levels():
    series = long_ramp(LENGTHS, layout="index")["sold"]
    table = check_table(series)
    assert (table.targets.tolist(), table.ids.tolist()) == (["sold"], ["a", "b", "c"])
    assert check_table(series.rename(None)).targets.tolist() == ["value"]


def test_grids_of_their_own():
    odd = pd.date_range("2024-01-01 01:00", periods=9, freq="2h")
    even = pd.date_range("2024-01-01 04:00", periods=5, freq="2h")
    noon = pd.date_range("2024-03-30 12:00", periods=9, freq="D", tz="Europe/Berlin")
    night = pd.date_range("2024-03-30 23:00", periods=4, freq="D", tz="Europe/Berlin")
    sundays = pd.date_range("2024-01-07", periods=6, freq="W-SUN")
    mondays = pd.date_range("2024-01-15", periods=6, freq="W-MON")
    ends = pd.date_range("2024-01-31", periods=6, freq="2ME")
    other_ends = pd.date_range("2024-02-29", periods=6, freq="2ME")
    for first, second, freq in (
        (odd, even, "2h"),
        (noon, night, "D"),
        (sundays, mondays, "7D"),
        (ends, other_ends, "2ME"),
    ):
        frame = pd.concat([ramp(times, ["sold"]) for times in (first, second)], keys=[1, 2])
        table = check_table(frame)
        assert table.freq.freqstr == freq
        assert table.starts.tolist() == [first[0], second[0]]
        assert table.values[0].tolist() == [*range(len(first)), *range(len(second))]


def test_missing_rows_are_counted_together_and_five_are_named():
    frame = long_ramp({"b": 9, "a": 9})
    with pytest.warns(FrameWarning) as caught:
        table = read(frame.drop([1, 2, 3, 4, 12, 13, 14]), freq="D", **LAYOUTS["columns"])
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "`frame` has gaps: 7 of 18 timestamps at freq='D' are missing" in message
    assert "and were filled with NaN: ('a', 2024-02-29" in message
    assert message.endswith("('b', 2024-02-27 00:00:00) and 2 more.")
    assert np.isnan(table.values[0, [3, 4, 5, 10, 11, 12, 13]]).all()
    assert np.isfinite(table.values[0]).sum() == 11


def test_ids_of_any_kind():
    labels = [
        pd.Series(["x", "y"]),
        pd.Series([2, 1]),
        pd.Series([0.5, -1]),
        pd.Series(["x", "y"], dtype="category"),
        pd.Series(pd.Categorical([5, 3], categories=[5, 4, 3], ordered=True)),
        pd.Series(pd.to_datetime(["2024-01-01", "2023-01-01"])),
        pd.Series([("b", 1), ("a", 2)]),
    ]
    for ids in labels:
        frame = ramp(days(6).repeat(2)).assign(k=ids.iloc[[0, 1] * 6].to_numpy())
        frame["k"] = frame["k"].astype(ids.dtype)
        table = read(frame.reset_index(), target="a", id_column="k", time_column="index")
        assert table.ids.tolist() == sorted(ids.tolist())
        first = ids.tolist().index(table.ids.tolist()[0])
        assert table.values[0, :6].tolist() == list(range(first, 12, 2))
        forecast = forecast_frame(table, np.zeros((2, 1, 1)))
        assert forecast["k"].tolist() == sorted(ids.tolist())


def test_regular_sorted_frame_is_not_copied():
    values = np.arange(40.0)
    frame = pd.DataFrame({"sold": values}, copy=False)
    frame.index = pd.MultiIndex.from_product([["a", "b"], days(20)])
    assert np.shares_memory(read(frame).values, values)


def test_column_of_times_in_a_zone_and_of_texts():
    frame = long_ramp(LENGTHS)
    texts = frame.assign(when=frame["when"].dt.strftime("%Y-%m-%d"))
    assert check_table(texts, **LAYOUTS["columns"]).starts.dtype.kind == "M"
    local = frame.assign(when=frame["when"].dt.tz_localize("Asia/Tokyo"))
    assert str(check_table(local, **LAYOUTS["columns"]).starts.tz) == "Asia/Tokyo"
