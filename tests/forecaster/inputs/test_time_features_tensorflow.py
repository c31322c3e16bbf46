"""Features of time in TensorFlow: eagerly, in graphs, by XLA and in a SavedModel."""

from datetime import UTC, datetime, timedelta

import holidays
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.inputs.time_features import (
    as_time_features,
    unix_seconds,
)
from tests.helpers.calendars import (
    CYCLES,
    ZONES,
    assert_same,
    at,
    changes_of_clocks,
    from_pandas,
    from_python,
    of_zone,
    two_centuries,
)

SECONDS = tf.TensorSpec([None], tf.int64)
UTC_IN_A_GRAPH = tf.function(of_zone(None).of_seconds, input_signature=[SECONDS])


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_the_seconds_at_which_clocks_change_are_as_pandas_has_them(zone):
    seconds = changes_of_clocks(zone)
    found = of_zone(zone).of_seconds(tf.constant(seconds))
    assert_same(found, from_pandas(at(seconds, zone)))


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_two_centuries_are_the_same_inside_a_graph(zone):
    features, times = of_zone(zone, [*CYCLES, "holidays:US"]), two_centuries(zone)
    in_graph = tf.function(features.of_seconds, input_signature=[SECONDS])
    assert_same(in_graph(unix_seconds(times)), features.of(times))


@pytest.mark.parametrize("options", [{}, {"jit_compile": True}], ids=["graph", "XLA"])
def test_tensors_of_any_shape(options):
    features = of_zone("Europe/Berlin", ["holidays:DE", "hour", "week"])
    seconds = np.random.default_rng(0).integers(-(2**31), 2**32, (5, 4, 3))
    expected = features.of(at(seconds.ravel())).reshape(5, 4, 3, 5)
    in_graph = tf.function(features.of_seconds, **options)
    for part in [(), (0,), (0, 0), (0, 0, 0), slice(0)]:
        assert_same(in_graph(tf.constant(seconds[part])), expected[part])
        assert_same(features.of_seconds(tf.constant(seconds[part])), expected[part])


def test_the_shape_is_known_as_far_as_it_is_of_the_seconds():
    traced = tf.function(of_zone(None).of_seconds).get_concrete_function
    assert traced(tf.TensorSpec([None, 7], tf.int64)).output_shapes.as_list() == [None, 7, 12]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=1, max_size=9))
def test_every_day_that_python_knows(moments):
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    seconds = [(moment - epoch) // timedelta(seconds=1) for moment in moments]
    expected = np.stack([from_python(moment) for moment in moments])
    assert_same(UTC_IN_A_GRAPH(tf.constant(seconds, tf.int64)), expected)


def test_years_without_a_table_take_the_nearest_offset_and_have_no_holidays():
    names = ["hour", "holidays:US"]
    features = of_zone("America/New_York", names)
    times = pd.DatetimeIndex(["1890-01-01 12:00", "2150-07-04 12:00"], tz="UTC").as_unit("s")
    five_hours_behind = of_zone(None, ["hour"]).of(times - pd.Timedelta(hours=5))
    found = features.of_seconds(tf.constant(unix_seconds(times)))
    assert_same(found, np.column_stack([five_hours_behind, [0, 0]]))


@pytest.mark.parametrize("country", ["DE", "US", "JPN", "BV"])  # the last has no holidays at all
def test_holidays_are_those_of_the_package(country):
    zone = "Pacific/Auckland"  # far from UTC: its days are others
    days = pd.date_range("1950-01-01 03:00", "2050-12-31", freq="D", tz=zone)
    known = holidays.country_holidays(country, years=range(1950, 2051))
    expected = np.array([[day in known] for day in days.date], np.float32)
    features = of_zone(zone, f"holidays:{country}")
    np.testing.assert_array_equal(features.of_seconds(tf.constant(unix_seconds(days))), expected)


def test_a_saved_model_says_the_same(tmp_path):
    features = of_zone("Australia/Lord_Howe", [*CYCLES, "holidays:AU"])
    module = tf.Module()
    spec = tf.TensorSpec([None, None], tf.int64, name="past_time")
    module.serve = tf.function(features.of_seconds, input_signature=[spec])
    tf.saved_model.save(module, tmp_path, signatures={"serving_default": module.serve})
    loaded = tf.saved_model.load(tmp_path).signatures["serving_default"]
    seconds = np.random.default_rng(0).integers(-(2**31), 2**32, (50, 40))
    (numbers,) = loaded(past_time=tf.constant(seconds)).values()
    assert_same(numbers, features.of(at(seconds.ravel())).reshape(50, 40, 13))
    graph = loaded.graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    assert {"UpperBound", "Sin"} <= {node.op for node in nodes}
    assert not any("PyFunc" in node.op or "Xla" in node.op for node in nodes)


@pytest.mark.parametrize("value", [None, (), []])
def test_integers_have_no_features(value):
    features = as_time_features(value, pd.Index([1, 2, 3]))
    assert features.of_seconds(tf.zeros([4, 3], tf.int64)).shape == (4, 3, 0)
