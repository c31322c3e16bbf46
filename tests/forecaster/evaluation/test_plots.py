"""Pictures hold the data they are given and change nothing; matplotlib loads only when needed."""

import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from forecaster.evaluation.plots import _spread, plot_forecast

MONTHS = pd.date_range("2029-01-01", periods=30, freq="MS")
LEVELS = [0.05, 0.1, 0.5, 0.9, 0.95]


@pytest.fixture(autouse=True)
def _close_pictures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture
def history():
    values = 10 + np.sin(np.arange(24.0))
    values[5] = np.nan
    return pd.DataFrame({"load": values}, MONTHS[:24])


@pytest.fixture
def forecast():
    """As `predict` gives quantiles: the level k at step h is 10 h + k."""
    values = 10 * np.arange(1.0, 7)[:, None] + np.arange(5)
    return pd.DataFrame(values, MONTHS[24:], pd.MultiIndex.from_product([["load"], LEVELS]))


def drawn(ax):
    """What the picture holds, by label: the heights of the lines, the outlines of the bands."""
    ax.figure.canvas.draw()
    return [line.get_ydata() for line in ax.get_lines()]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_history_median_bands_actual_and_naive(history, forecast):
    actual = pd.Series(np.arange(6.0), MONTHS[24:])
    naive = pd.DataFrame({"load": 5 - np.arange(6.0)}, MONTHS[24:])
    ax = plot_forecast(history, forecast, actual=actual, naive=naive)
    past, median, happened, repeated, _ = drawn(ax)
    last = history["load"].iloc[-1]
    np.testing.assert_array_equal(past, history["load"])
    np.testing.assert_array_equal(median, [last, *forecast["load", 0.5]])
    np.testing.assert_array_equal(happened, [last, *actual])
    np.testing.assert_array_equal(repeated, [last, *naive["load"]])
    assert texts(ax) == ["90 %", "80 %", "forecast", "actual", "seasonal naive"]
    assert ax.get_title(loc="left") == "load"
    for band, (low, high) in zip(ax.collections, [(0.05, 0.95), (0.1, 0.9)], strict=True):
        heights = set(band.get_paths()[0].vertices[:, 1])
        assert heights == {last, *forecast["load", low], *forecast["load", high]}


def test_lines_start_from_the_last_value_observed(history, forecast):
    history.iloc[-2:] = np.nan
    ax = plot_forecast(history, forecast["load"][[0.5]])
    _, median, _ = ax.get_lines()
    np.testing.assert_array_equal(median.get_xdata(), MONTHS[[21, *range(24, 30)]])
    assert median.get_ydata()[0] == history["load"].iloc[21]


@pytest.mark.parametrize(
    ("levels", "labels"),
    [
        (None, ["90 %", "80 %", "forecast"]),
        ([0.1, 0.5, 0.9], ["80 %", "forecast"]),
        ([0.05, 0.95], ["90 %"]),
        ([0.5, 0.9], ["quantile 0.9", "forecast"]),
    ],
)
def test_levels_choose_the_quantiles(history, forecast, levels, labels):
    for columns in (forecast, forecast["load"]):
        assert texts(plot_forecast(history, columns, levels=levels)) == labels


def test_point_forecasts(history, forecast):
    point = forecast["load"][[0.5]].set_axis(["load"], axis=1)
    for given_as in (point, point["load"]):
        _, line, _ = drawn(plot_forecast(history, given_as))
        np.testing.assert_array_equal(line[1:], point["load"])


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(30),
        pd.period_range("2029-01", periods=30, freq="M"),
        pd.date_range("2029-03-24", periods=30, freq="h", tz="Europe/Berlin"),
        pd.date_range("2029-01-31", periods=30, freq="YE", unit="s"),
    ],
    ids=["integers", "periods", "zone", "years"],
)
def test_every_kind_of_time(history, forecast, index):
    history.index, forecast.index = index[:24], index[24:]
    past, *_ = drawn(plot_forecast(history, forecast))
    np.testing.assert_array_equal(past, history["load"])


def test_one_step_and_no_history_can_be_seen(history, forecast):
    ax = plot_forecast(history * np.nan, forecast["load"].iloc[:1])
    assert ax.get_lines()[1].get_marker() == "o"
    drawn(ax)


def test_what_is_given_stays_as_it_is(history, forecast):
    settings = dict(matplotlib.rcParams)
    before = history.copy(), forecast.copy()
    drawn(plot_forecast(history, forecast, actual=forecast["load"][0.9], naive=history[-6:]))
    pd.testing.assert_frame_equal(history, before[0])
    pd.testing.assert_frame_equal(forecast, before[1])
    assert dict(matplotlib.rcParams) == settings


def test_draws_where_it_is_told(history, forecast):
    ax = Figure().subplots()
    assert plot_forecast(history, forecast, ax=ax, title="Load in MW") is ax
    assert ax.get_title(loc="left") == "Load in MW"
    assert not plt.get_fignums()


def test_one_series_a_picture(history, forecast):
    two = pd.concat([history, history.add_prefix("other ")], axis=1)
    message = r"`history` must hold one series. Received: 2 columns: load, other load. Choose one"
    with pytest.raises(ValueError, match=message):
        plot_forecast(two, forecast)
    two = pd.concat([forecast, forecast.rename(columns={"load": "other"})], axis=1)
    with pytest.raises(ValueError, match=r"`forecast` must hold one series. Received: 10 columns"):
        plot_forecast(history, two)


def test_missing_levels_are_named(history, forecast):
    with pytest.raises(ValueError, match=r"`levels` must be columns .* Received: levels=\[0.2\]"):
        plot_forecast(history, forecast, levels=[0.2])


@given(st.lists(st.floats(-500, 500), min_size=1, max_size=6))
def test_labels_are_moved_apart_and_no_further(heights):
    heights = np.array(heights)
    spread = _spread(heights, gap=10.0)
    order = np.argsort(heights, kind="stable")
    assert (np.diff(spread[order]) > 10 - 1e-6).all()
    np.testing.assert_allclose(spread.sum(), heights.sum(), atol=1e-6)
    if (np.diff(heights[order]) >= 10).all():
        np.testing.assert_allclose(spread, heights, atol=1e-9)


def test_matplotlib_waits_until_something_is_drawn():
    code = (
        "import sys, forecaster.evaluation.backtest_result\n"
        "heavy = {'matplotlib', 'tensorflow', 'keras'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
