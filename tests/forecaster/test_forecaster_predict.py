"""Forecasts: the equation of the network, of any history, and of series that say little."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forecaster import Quantiles
from forecaster.data.frame_checks import FrameWarning
from tests.helpers.comparisons import assert_close
from tests.helpers.tiny import (
    HORIZON,
    LENGTH,
    ROWS,
    TRAINING,
    days,
    equation,
    tiny,
    waves,
    with_random_weights,
)

LEVELS = [0.1, 0.5, 0.9]
SPREADS = waves()[: -TRAINING.validation_rows(ROWS, HORIZON)].std(ddof=0)  # of rows that train


def test_the_answer_is_the_equation(fitted):
    for label, column in waves().items():
        expected = equation(fitted(), column.to_numpy()[-LENGTH:])
        assert_close(fitted().predict()[label], expected)


VALUES = st.floats(-100, 100).map(lambda value: round(value, 1)) | st.just(np.nan)


@given(hnp.arrays(float, st.integers(1, 20), elements=VALUES))
@settings(max_examples=40, deadline=None)
def test_any_history_is_answered_by_the_equation(fitted, values):
    values[0] = 1.0  # a frame without any value is refused
    with np.errstate(all="ignore"):
        window = values[-LENGTH:]
        history = pd.DataFrame({"x": values}, index=days(len(values)))
        if np.isnan(window).all():
            with pytest.warns(FrameWarning, match=r"forecasts of x are NaN.* newest 7 rows"):
                assert fitted().predict(history).isna().all(axis=None)
        else:
            expected = equation(fitted(), window, own=SPREADS.median())  # like the others
            error = np.abs(fitted().predict(history)["x"] - expected).max()
            assert error <= 1e-5 * max(1, np.abs(expected).max(), np.nanmax(np.abs(window)))


def test_only_the_newest_window_is_read(fitted):
    history = waves()
    history.iloc[:-LENGTH] = -7.0
    assert np.array_equal(fitted().predict(history), fitted().predict())


def test_a_history_of_one_row(fitted):
    """It does not vary, so that the spread of the series counts."""
    history = waves().iloc[[-1]]
    forecast = fitted().predict(history)
    for label, column in waves().items():
        expected = equation(fitted(), column.to_numpy()[-1:], own=SPREADS[label])
        assert_close(forecast[label], expected)


@pytest.mark.parametrize("parameters", [{}, {"network": "gru", "output": Quantiles(LEVELS)}])
def test_a_series_never_seen_has_a_scale_of_its_own(parameters):
    model = with_random_weights(waves(), **parameters)
    other = 1000 * waves().rename(columns=str.upper) + 50_000
    assert_close(model.predict(other), 1000 * model.predict() + 50_000)


def test_a_column_does_not_depend_on_the_others(fitted):
    model, alone, other = fitted(), waves()[["a"]], waves().assign(b=np.nan)
    assert_close(model.predict(alone), model.predict()[["a"]])
    with pytest.warns(FrameWarning, match=r"forecasts of b are NaN"):
        assert np.array_equal(model.predict(other)["a"], model.predict()["a"])
    swapped = model.predict(waves()[["b", "a"]])
    pd.testing.assert_frame_equal(swapped[["a", "b"]], model.predict(), check_exact=True)


def test_joint_channels_see_each_other(fitted):
    model = fitted(channels="joint")
    assert model.predict().columns.tolist() == ["a", "b"]
    frame = waves()
    frame.iloc[-3, 1] += 5
    assert not np.isclose(model.predict(frame)["a"], model.predict()["a"]).any()
    # By name, not by position; what is not needed may be there.
    shuffled = waves()[["b", "a"]].assign(c=1.0)
    assert np.array_equal(model.predict(shuffled), model.predict())
    with pytest.raises(
        ValueError, match=r"unknown b\. The columns are a\.\sThe fit was on a, b in"
    ):
        model.predict(waves()[["a"]])


@pytest.mark.parametrize(("target", "labels"), [("b", ["b"]), (["b", "a"], ["b", "a"])])
def test_only_the_target_is_read(target, labels):
    frame = waves().assign(c=-1.0, d="text")
    model = with_random_weights(frame, target=target)
    assert model.predict().columns.tolist() == labels
    assert np.array_equal(model.predict(frame), model.predict())


def test_quantiles(fitted):
    model = fitted(output=Quantiles([0.9, 0.1]))
    point, forecast = model.predict(), model.predict(quantiles=LEVELS)
    assert forecast.columns.tolist() == [(label, level) for label in "ab" for level in LEVELS]
    for label in "ab":
        assert (forecast[label].diff(axis=1).iloc[:, 1:] > 0).all(axis=None)
        assert np.array_equal(forecast[label][0.5], point[label])
    pd.testing.assert_frame_equal(
        model.predict(quantiles=np.array([0.9, 0.1])),
        forecast[[(label, level) for label in "ab" for level in (0.9, 0.1)]],
    )
    pd.testing.assert_frame_equal(
        model.predict(waves(), quantiles=0.1), forecast[[("a", 0.1), ("b", 0.1)]]
    )


# Series that say little


@pytest.mark.parametrize("normalization", ["last", "standard"])
def test_a_constant_series_is_forecast_as_it_is(normalization):
    frame = waves().assign(b=0.1, c=-12345.678)
    model = tiny(normalization=normalization)
    with pytest.warns(FrameWarning, match=r"one value only.*: b, c\.$"):
        model.fit(frame, verbose=0)
    forecast = model.predict()
    assert (forecast[["b", "c"]] == [0.1, -12345.678]).all(axis=None)
    assert not forecast.isna().any(axis=None)


@pytest.mark.parametrize("channels", ["independent", "joint"])
def test_a_series_without_a_value(channels):
    model = tiny(channels=channels)
    with pytest.warns(FrameWarning, match=r"no value at all.*: b\.$"):
        model.fit(waves().assign(b=np.nan), verbose=0)
    assert np.isfinite(model.history_.loss).all()
    with pytest.warns(FrameWarning, match=r"forecasts of b are NaN, because their newest 7 rows"):
        forecast = model.predict()
    assert forecast["b"].isna().all()
    assert forecast["a"].notna().all()


def test_gaps_longer_than_a_window():
    frame = waves()
    frame.iloc[15:40, 1] = np.nan
    model = tiny().fit(frame, verbose=0)
    assert np.isfinite(model.history_.loss).all()
    assert model.predict().notna().all(axis=None)


def test_missing_rows_are_missing_values(fitted):
    frame = waves()
    frame.iloc[[-3, -5]] = np.nan
    with pytest.warns(FrameWarning, match="has gaps: 2 of 60 timestamps"):
        forecast = fitted().predict(frame.dropna())
    assert np.array_equal(forecast, fitted().predict(frame))
