"""What a serving graph makes of a history before its model sees it: steps and times before it."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from forecaster.inputs.covariate_coder import CovariateCoder
from forecaster.inputs.spec import WindowSpec
from forecaster.inputs.time_features import as_time_features, unix_seconds
from forecaster.network.heads import Point
from forecaster.saving.serving import Serving
from tests.helpers.tables import read
from tests.helpers.tiny import LENGTH


def serving_of(times, names):
    """For one series at these times, from which the next step of each is forecast."""
    table = read(pd.DataFrame({"value": np.arange(len(times))}, index=times))
    features = as_time_features(names, table.starts)
    coder = CovariateCoder(time_features=features)
    return Serving(WindowSpec(LENGTH, horizon=1), coder, Point(), table)


@pytest.mark.parametrize("known", [1, LENGTH - 2, LENGTH + 1])
@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2024-03-30 22:00", periods=30, freq="h", tz="Europe/Berlin"),
        pd.date_range("2024-11-02 22:00", periods=30, freq="15min", tz="America/New_York"),
        pd.date_range("2024-02-25", periods=30, freq="D"),
        pd.date_range("2024-03-28 05:00", periods=30, freq="D", tz="Europe/Berlin"),
        pd.date_range("2024-10-26", periods=30, freq="D", tz="Europe/Berlin"),
        pd.date_range("2024-10-01", periods=30, freq="2D", tz="Europe/Berlin"),
        pd.date_range("2024-02-07", periods=30, freq="W-WED", tz="Europe/Berlin"),
        pd.date_range("2024-02-07", periods=30, freq="2W", tz="UTC"),
        pd.date_range("2023-11-01", periods=30, freq="MS", tz="Europe/Berlin"),
        pd.date_range("1900-01-31", periods=30, freq="2ME"),
        pd.date_range("1949-01-01", periods=30, freq="QS", tz="UTC"),
        pd.date_range("1749-01-01", periods=30, freq="MS", unit="s"),
        pd.date_range("2024-03-28 09:30", periods=30, freq="B", tz="America/New_York"),
        pd.date_range("2070-01-01", periods=30, freq="YE"),
        pd.period_range("2023-11", periods=30, freq="M"),
        pd.period_range("2023", periods=30, freq="Q-NOV"),
        pd.period_range("2024-01-01", periods=30, freq="W-TUE"),
        pd.period_range("2024-02-25", periods=30, freq="D"),
    ],
    ids=lambda times: f"{times.freqstr} {getattr(times, 'tz', '')}",
)
def test_times_before_a_short_history_lie_on_its_grid(times, known):
    names = ["hour", "day_of_week", "day_of_month", "day_of_year", "week", "month"]
    serving, seconds = serving_of(times, names), unix_seconds(times)
    ends = range(LENGTH + 1, 30, 5)
    inputs = serving.windows(
        {
            "past_values": tf.zeros((len(ends), known, 1)),
            "past_time": tf.constant(np.stack([seconds[end - known : end] for end in ends])),
            "future_time": tf.constant(seconds[ends][:, None]),
        }
    )
    found = tf.concat([inputs["past_covariates"], inputs["future_covariates"]], 1)
    features = serving.coder.time_features
    expected = np.stack([features.of(times[end - LENGTH : end + 1]) for end in ends])
    assert np.abs(found - expected).max() <= 1e-6


def test_the_newest_steps_of_all_inputs_belong_together():
    times = pd.date_range("2024-01-01", periods=30, freq="h")
    serving, seconds = serving_of(times, ["hour"]), unix_seconds(times)
    future = tf.constant(seconds[None, 20:21])
    whole, parts = (
        serving.windows(
            {
                "past_values": tf.range(20 - rows, 20, dtype=tf.float32)[None, :, None],
                "past_time": tf.constant(seconds[None, 20 - times : 20]),
                "future_time": future,
            }
        )
        for rows, times in ((20, 20), (3, 9))
    )
    assert np.array_equal(whole["past_covariates"], parts["past_covariates"])
    assert np.isnan(parts["past_values"][0, :-3]).all()
    assert np.array_equal(whole["past_values"][:, -3:], parts["past_values"][:, -3:])
