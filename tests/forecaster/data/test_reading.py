"""Wide frames: ramps, so that every value names its own row."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.frame_checks import FrameWarning
from tests.helpers.tables import FREQS, check_table, days, ramp, read

ROWS = 40


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(FREQS), st.permutations(range(ROWS)))
def test_order_of_rows_makes_no_difference(freq, order):
    frame = ramp(pd.date_range("2024-02-25", periods=ROWS, freq=freq))
    table = check_table(frame.iloc[order])
    np.testing.assert_array_equal(table.values, frame.to_numpy().T)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(FREQS), st.sets(st.integers(1, ROWS - 2), min_size=1))
def test_rows_that_are_missing_are_nan_and_counted(freq, dropped):
    dropped = sorted(dropped)
    frame = ramp(pd.date_range("2024-02-25", periods=ROWS, freq=freq))
    with pytest.warns(
        FrameWarning, match=f"`frame` has gaps: {len(dropped)} of {ROWS} timestamps"
    ) as caught:
        table = read(frame.drop(frame.index[dropped]), freq=freq)
    assert len(caught) == 1
    frame.iloc[dropped] = np.nan
    np.testing.assert_array_equal(table.values, frame.to_numpy().T)


def test_kinds_of_numbers():
    frame = pd.DataFrame(
        {
            "int": [1, 2, 3],
            "bool": [True, False, True],
            "float32": np.float32([1, np.nan, 3]),
            "Int64": pd.array([1, None, 3], dtype="Int64"),
            "Float64": pd.array([1, None, 3], dtype="Float64"),
            "boolean": pd.array([True, None, False], dtype="boolean"),
        },
        index=days(3),
    )
    one, gap = [1, 2, 3], [1, np.nan, 3]
    np.testing.assert_array_equal(
        check_table(frame).values, [one, [1, 0, 1], gap, gap, gap, [1, np.nan, 0]]
    )


def test_targets():
    frame = ramp(days(), ["a", "b", ("c", 1), 4])
    assert check_table(frame, target="b").values[0, 0] == 1000
    assert check_table(frame, target=("c", 1)).values[0, 0] == 2000
    assert check_table(frame, target=[4, "a"]).values[:, 0].tolist() == [3000, 0]
    assert check_table(frame, target=[4, "a"]).targets.tolist() == [4, "a"]
    with pytest.warns(FrameWarning, match="not numeric and are left out: 'when', 'c'|'c' \\("):
        table = read(frame[["a", "b"]].assign(c="x"))
    assert table.targets.tolist() == ["a", "b"]


def test_big_regular_frame_is_not_copied():
    values = np.arange(40.0).reshape(20, 2)
    frame = pd.DataFrame(values, index=days(20), copy=False)
    table = read(frame)
    assert np.shares_memory(table.values, values)
    assert np.shares_memory(table.until(5).values, values)
    assert not np.shares_memory(table.tail(5).values, values)
    assert np.shares_memory(read(frame, target=1).values, values)


def test_reading_a_big_regular_frame_takes_no_memory_of_its_size():
    values = np.arange(2.0 * 10**6).reshape(-1, 2)
    seconds = pd.date_range("2024", periods=len(values), freq="s")
    frame = pd.DataFrame(values, index=pd.DatetimeIndex(seconds, freq=None))
    tracemalloc.start()
    read(frame)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < values.nbytes / 4
