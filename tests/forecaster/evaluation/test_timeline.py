"""Steps that ids which begin at different times have in common: counted on their frames."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.evaluation.timeline import Timeline
from tests.helpers.tables import LAYOUTS, long_ramp, read, shops


def at_odds(begins, lengths):
    """Ids in steps of 2 hours, with first rows hours apart: their times need not be shared."""
    parts = [
        pd.DataFrame(
            {
                "shop": i,
                "when": pd.date_range("2024-01-01", periods=n, freq="2h") + pd.Timedelta(hours=b),
                "sold": np.arange(float(n)),
            }
        )
        for i, (b, n) in enumerate(zip(begins, lengths, strict=True))
    ]
    return pd.concat(parts)


def test_ids_that_begin_on_different_days():
    timeline = Timeline(shops())  # a from the 26th to the 28th, b from the 25th, c from the 27th on
    assert timeline.first_steps.tolist() == [1, 0, 2]
    assert timeline.num_steps == 10
    assert timeline.time_at(0) == pd.Timestamp("2024-02-25")
    assert timeline.time_at(-2) == pd.Timestamp("2024-02-23")
    assert timeline.rows_known(3).tolist() == [2, 3, 1]
    assert timeline.rows_known(np.array([[0], [3], [99]])).tolist() == [
        [0, 0, 0],
        [2, 3, 1],
        [3, 5, 8],
    ]
    assert [timeline.step_of(timeline.time_at(step)) for step in range(12)] == [*range(12)]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9)), min_size=1, max_size=4))
def test_known_rows_are_those_at_or_before_the_time_of_the_step(ids):
    frame = at_odds(*zip(*ids, strict=True))
    timeline = Timeline(read(frame, freq="2h", **LAYOUTS["columns"]))
    assert timeline.time_at(timeline.num_steps) > frame["when"].max()
    assert timeline.time_at(timeline.num_steps - 1) <= frame["when"].max()
    for steps in range(timeline.num_steps + 2):
        last = timeline.time_at(steps - 1)  # of the first `steps`
        known = frame[frame["when"] <= last].groupby("shop").size()
        expected = known.reindex(range(len(ids)), fill_value=0).tolist()
        assert timeline.rows_known(steps).tolist() == expected


@pytest.mark.parametrize("time", ["2024-02-24", "2024-02-26 12:00", "soon"])
def test_times_off_the_grid_are_named(time):
    with pytest.raises(ValueError, match=f"must be on the grid of the data.*time='{time}'"):
        Timeline(shops()).step_of(time)


def test_periods():
    frame = long_ramp({"b": 3, "a": 2}, freq="MS")
    frame["when"] = frame["when"].dt.to_period("M")
    timeline = Timeline(read(frame, **LAYOUTS["columns"]))
    assert timeline.first_steps.tolist() == [1, 0]
    assert timeline.step_of("2024-05") == 2
