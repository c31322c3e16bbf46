"""Times that a serving graph takes, and those that it refuses, also where no Python runs."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from forecaster.inputs.time_features import as_time_features, unix_seconds
from forecaster.saving.time_checks import checked_times
from tests.helpers.tables import ramp, read

STEPS = {
    "h": {"start": "2024-03-30 22:00", "tz": "Europe/Berlin"},
    "15min": {"start": "2024-11-02 22:00", "tz": "America/New_York"},
    "500ms": {"start": "2024-01-01"},
    "D": {"start": "2024-03-28 02:30", "tz": "Europe/Berlin"},
    "2D": {"start": "1960-01-01"},
    "W-WED": {"start": "2024-02-07", "tz": "UTC"},
    "B": {"start": "2024-03-28 09:30", "tz": "America/New_York"},
    "MS": {"start": "2024-01-01", "tz": "Europe/Berlin"},
    "2ME": {"start": "1951-01-31"},
    "SMS": {"start": "2024-01-01", "tz": "Asia/Kolkata"},
    "QS-FEB": {"start": "2024-02-01 06:00"},
    "YE": {"start": "2001-12-31"},
    "bh": {"start": "2024-01-01 09:00", "tz": "Europe/Berlin"},
}
COUNT = 30


def grid(freq, **more):
    options = STEPS[freq] | more
    if options["start"].endswith("02:30"):  # skipped on one of the days
        times = pd.date_range(**(options | {"tz": None}), periods=COUNT, freq=freq)
        return times.tz_localize(options["tz"], nonexistent="shift_forward")
    return pd.date_range(**options, periods=COUNT, freq=freq)


def checker(times, freq):
    """The check with the features and the step of a fit on these times."""
    table = read(ramp(times), freq=freq)
    features = as_time_features(["hour"], table.starts)
    return lambda seconds: checked_times(seconds, features, table.freq, table.starts)


def check(times, freq, seconds):
    return checker(times, freq)(tf.constant(seconds))


@pytest.mark.parametrize("freq", STEPS)
def test_times_on_the_grid_are_taken(freq):
    seconds = unix_seconds(grid(freq))
    seconds = np.stack([seconds[:-9], seconds[9:]])
    assert np.array_equal(check(grid(freq), freq, seconds), seconds)


@pytest.mark.parametrize("freq", [freq for freq in STEPS if freq not in ("500ms", "bh")])
def test_another_hour_and_another_year_are_taken(freq):
    times = grid(freq)
    if freq in ("h", "15min"):
        others = times + pd.Timedelta(minutes=7)
    else:
        local = times.tz_localize(None).normalize() + pd.Timedelta("7h")
        others = local.tz_localize(times.tz)
    check(times, freq, unix_seconds(others)[None])
    if freq in ("MS", "D", "h"):  # before the calendar of the graph begins
        for year in ("1749-01-01", "1899-11-01", "2098-12-01", "2200-01-01"):
            far = pd.date_range(year, periods=40, freq=freq, unit="s").tz_localize("UTC")
            check(grid(freq, tz="UTC"), freq, unix_seconds(far)[None])


WRONG = {
    "a gap": lambda s: np.delete(s, 5),
    "repeated": lambda s: np.insert(s, 5, s[5]),
    "falling": lambda s: s[::-1],
    "swapped": lambda s: s[[*range(5), 6, 5, *range(7, len(s))]],
    "off the grid": lambda s: np.where(np.arange(len(s)) == 5, s[5] + 5 * (s[6] - s[5]) // 8, s),
    "a gap before the horizon": lambda s: np.delete(s, -2),
    "minutes": lambda s: s // 60,
    "zero": lambda s: s * 0,
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("freq", ["h", "D", "W-WED", "B", "MS", "2ME", "bh"])
def test_times_off_the_grid_are_refused(freq, wrong):
    seconds = WRONG[wrong](unix_seconds(grid(freq)))
    message = (
        rf"`past_time` must hold times one step of freq={read(ramp(grid(freq))).freq.freqstr} "
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        check(grid(freq), freq, seconds[None])


@pytest.mark.parametrize("factor", [10**3, 10**6, 10**9])
@pytest.mark.parametrize("freq", ["h", "D", "MS"])
def test_parts_of_seconds_are_refused(freq, factor):
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"must hold seconds since.*1677 to 2262"
    ):
        check(grid(freq), freq, unix_seconds(grid(freq))[None] * factor)


def test_a_graph_checks_as_eager_calls_do():
    times = grid("MS")
    serve = tf.function(checker(times, "MS"), autograph=False)  # as Keras exports
    right = unix_seconds(times)[None]
    assert np.array_equal(serve(tf.constant(right)), right)
    with pytest.raises(tf.errors.InvalidArgumentError, match="one step of freq=MS after another"):
        serve(tf.constant(right[:, ::2]))


def test_a_saved_graph_checks_without_python(tmp_path):
    times = grid("h")
    right, checked = unix_seconds(times)[None], checker(times, "h")
    module = tf.Module()
    module.serve = tf.function(
        lambda seconds: {"times": checked(seconds)},
        input_signature=[tf.TensorSpec((None, None), tf.int64, "times")],
        autograph=False,
    )
    tf.saved_model.save(module, str(tmp_path), signatures=module.serve)
    serve = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    assert np.array_equal(serve(tf.constant(right))["times"], right)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must hold seconds since 1970"):
        serve(tf.constant(right * 1000))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:  # as TensorFlow Serving does
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(tmp_path))
        signature = loaded.signature_def["serving_default"]
        (given,), (answer,) = signature.inputs.values(), signature.outputs.values()
        assert np.array_equal(session.run(answer.name, {given.name: right}), right)
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="one step of freq=h after another"
        ):
            session.run(answer.name, {given.name: right[:, ::2]})
