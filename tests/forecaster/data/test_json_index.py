"""Labels and times come back from JSON by value and by type, or are refused."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.json_index import (
    index_from_json,
    label_from_json,
    label_to_json,
    labels_to_json,
    times_from_json,
    times_to_json,
)
from forecaster.data.table_json import table_to_json
from forecaster.data.time_grid import as_freq
from tests.helpers.tables import days, ramp, read


@pytest.mark.parametrize("label", [pd.Timestamp("2024"), (1, pd.Timestamp("2024")), np.inf])
def test_layout_refuses_labels_that_json_cannot_hold(label):
    table = read(ramp(days(), pd.Index([label, "b"], tupleize_cols=False)))
    with pytest.raises(TypeError, match=r"Labels must be texts, .* `frame.rename\(columns=str\)`"):
        table_to_json(table)


def test_layout_refuses_a_time_zone_without_a_name():
    class Somewhere(datetime.tzinfo):
        def utcoffset(self, _time):
            return datetime.timedelta(hours=1)

        dst = utcoffset

        def __str__(self):
            return "somewhere"

    table = read(ramp(days(tz=Somewhere())))
    with pytest.raises(ValueError, match=r"time zone of `frame` must have a name.*: somewhere"):
        table_to_json(table)


numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
labels = st.recursive(
    st.none() | st.booleans() | st.text() | numbers,
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(labels)
def test_labels_come_back(label):
    again = label_from_json(json.loads(json.dumps(label_to_json(label))))
    assert again == label
    assert type(again) is type(label)


@pytest.mark.parametrize("label", [np.int32(3), np.float64(0.5), np.bool_(True)])
def test_labels_of_numpy_become_those_of_python(label):
    found = label_to_json((label,))[0]
    assert found == label
    assert type(found) is type(label.item())


@pytest.mark.parametrize("label", [float("nan"), b"a", {}, [1], np.datetime64("2024"), 1j])
def test_labels_that_json_cannot_hold_are_named(label):
    with pytest.raises(TypeError, match=r"^Labels must be texts, finite .* Received: .+ \(\w+\)\."):
        label_to_json(("a", label))


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(["b", "a"], name="k"),
        pd.Index([3, 1]),
        pd.Index([("a", 1), ("b", 2)], tupleize_cols=False, name=("n", 1)),
        pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", None]),
    ],
)
def test_an_index_comes_back(index):
    parts = json.loads(json.dumps([labels_to_json(index), labels_to_json(index.names)]))
    pd.testing.assert_index_equal(index_from_json(*parts), index)


@pytest.mark.parametrize(
    ("times", "freq"),
    [
        (pd.DatetimeIndex(["2024-03-01", "2024-01-01"], name="when").as_unit("s"), "MS"),
        (pd.DatetimeIndex(["2024-10-27 00:30", "2024-10-27 01:30"], tz="UTC").as_unit("us"), "h"),
        (
            # both passes of the hour after summer time
            pd.DatetimeIndex(["2024-10-27 00:30", "2024-10-27 01:30"], tz="UTC")
            .tz_convert("Europe/Berlin")
            .as_unit("ns"),
            "30min",
        ),
        (pd.PeriodIndex(["2024Q1", "2023Q4"], freq="Q-DEC", name="quarter"), "Q-DEC"),
        (pd.Index([4, -2], name=0), 2),
    ],
)
def test_times_come_back(times, freq):
    step = as_freq(freq, times)
    described = json.loads(json.dumps(times_to_json(times, step)))
    again, again_step = times_from_json(described, times.name)
    pd.testing.assert_index_equal(again, times)
    assert again_step == step
