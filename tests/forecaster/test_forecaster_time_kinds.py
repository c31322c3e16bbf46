"""Kinds of times at the face of a Forecaster: converted and said, or refused with both named."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecaster.data.frame_checks import FrameWarning
from tests.helpers.serving_cases import random_forecaster
from tests.helpers.tiny import HORIZON, ROWS, waves

BERLIN, YORK = "Europe/Berlin", "America/New_York"
HOURS = pd.date_range("2024-03-29", periods=ROWS, freq="h", tz=BERLIN)
NAIVE = pd.date_range("2024-03-29", periods=ROWS, freq="h")
MONTHS = pd.period_range("2019-01", periods=ROWS, freq="M")
SAID = f"zone '{YORK}', the fit had '{BERLIN}'"


def random(frame, **parameters):
    """A forecaster that counts as fitted, to which local hours matter."""
    options = {"id_column": None, "time_column": None, "target": None, "time_features": ["hour"]}
    return random_forecaster(frame, **options | parameters)


@pytest.fixture(scope="module")
def fitted_on():
    """`fitted_on(times)`: a forecaster that counts as fitted on waves at these times."""
    known = {}

    def fit(times, **parameters):
        key = repr((times, parameters))
        if key not in known:
            known[key] = random(waves(times), **parameters)
        return known[key]

    return fit


def test_a_history_in_another_zone_has_the_same_forecasts_in_its_own(fitted_on):
    model = fitted_on(HOURS)
    expected = model.predict(waves(HOURS))
    with pytest.warns(FrameWarning, match=f"`history` has times in the {SAID}"):
        found = model.predict(waves(HOURS.tz_convert(YORK)))
    assert np.array_equal(found, expected)
    pd.testing.assert_index_equal(found.index, expected.index.tz_convert(YORK))
    with pytest.warns(FrameWarning, match="were converted"):
        frame = model.future_frame(waves(HOURS.tz_convert(YORK)))
    pd.testing.assert_index_equal(frame.index, found.index)


def test_a_column_of_times_in_another_zone():
    frame = waves(HOURS.rename("t")).reset_index()
    model = random(frame, time_column="t")
    york = frame.assign(t=frame["t"].dt.tz_convert(YORK))
    with pytest.warns(FrameWarning, match="were converted"):
        found = model.predict(york)
    assert found["t"].dtype == york["t"].dtype
    assert np.array_equal(found[["a", "b"]], model.predict(frame)[["a", "b"]])


@pytest.mark.slow
def test_an_update_in_another_zone(fitted_on):
    later = pd.date_range(HOURS[0], periods=ROWS + 5, freq="h")
    model, same = (copy.deepcopy(fitted_on(HOURS)) for _ in range(2))
    for each in (model, same):  # as artifacts without their history are
        each._fitted = replace(each._fitted, history=None)
    with pytest.warns(FrameWarning, match=f"`frame` has times in the {SAID}"):
        model.update(waves(later.tz_convert(YORK)))
    same.update(waves(later))
    assert str(model.predict().index.tz) == BERLIN  # the forecaster stays in the zone of its fit
    assert model.train_end_ == same.train_end_ == later[-1]
    pd.testing.assert_frame_equal(model.predict(), same.predict())


def test_a_backtest_in_another_zone_uses_the_weights(fitted_on, caplog):
    model = fitted_on(HOURS)
    later = waves(pd.date_range(HOURS[0], periods=ROWS + 9, freq="h"))
    expected = model.backtest(later, cutoffs=3).forecasts
    york = later.tz_convert(YORK)
    with pytest.warns(FrameWarning, match=f"`frame` has times in the {SAID}"):
        found = model.backtest(york, cutoffs=3).forecasts
    pd.testing.assert_frame_equal(found, expected)
    last = later.index[-1 - HORIZON].tz_convert(YORK)
    for cutoff in (last, last.tz_localize(None), str(last)):
        with pytest.warns(FrameWarning, match="were converted"):
            found = model.backtest(york, cutoffs=[cutoff]).forecasts
        assert (found["cutoff"] == last).all()
    assert "fresh clone" not in caplog.text


KINDS = {  # times of the fit, times of the frame, what the error names
    "naive for aware": (HOURS, NAIVE, f"had datetimes in the zone '{BERLIN}'.*without a zone"),
    "aware for naive": (NAIVE, HOURS, f"had datetimes without a zone.*in the zone '{BERLIN}'"),
    "periods for datetimes": (NAIVE, MONTHS, "had datetimes without.* has periods of 'M'"),
    "datetimes for periods": (MONTHS, MONTHS.to_timestamp(), "had periods of 'M'.* has datetimes"),
    "integers for datetimes": (NAIVE, pd.RangeIndex(ROWS), "had datetimes.* has integers"),
}
CALLS = {
    "history": [
        lambda model, frame: model.predict(frame),
        lambda model, frame: model.future_frame(frame),
        lambda model, frame: model.missing_future(frame),
    ],
    "frame": [
        lambda model, frame: model.update(frame),
        lambda model, frame: model.backtest(frame, cutoffs=2),
    ],
}


@pytest.mark.parametrize("kind", KINDS)
def test_another_kind_is_refused_by_every_call(kind, fitted_on):
    times, others, message = KINDS[kind]
    for argument, calls in CALLS.items():
        for call in calls:
            with pytest.raises(
                TypeError, match=f"^`{argument}` must have times.*the fit {message}"
            ):
                call(fitted_on(times), waves(others))


def test_a_backtest_that_fits_anew_takes_any_kind(fitted_on):
    frame = waves(pd.date_range("2024-01-01", periods=ROWS, freq="h", tz=YORK))
    result = fitted_on(NAIVE).backtest(frame, cutoffs=1, refit=True)
    assert str(result.forecasts["time"].dt.tz) == YORK


def test_a_future_in_another_zone_or_of_another_kind():
    frame = waves(HOURS).rename(columns={"b": "f"})
    model = random(frame, future_covariates=["f"])
    future = model.future_frame().assign(f=1.0)
    expected = model.predict(future=future)
    with pytest.warns(FrameWarning, match=f"`future` has .* '{YORK}', the history had '{BERLIN}'"):
        found = model.predict(future=future.tz_convert(YORK))
    pd.testing.assert_frame_equal(found, expected)
    with pytest.raises(TypeError, match=r"the history had .*`future` has .* without.*tz_localize"):
        model.predict(future=future.tz_localize(None))
    york = frame.tz_convert(YORK)
    with pytest.warns(FrameWarning, match="`history` has") as said:
        found = model.predict(york, future=future.tz_convert(YORK))
    assert len(said) == 1  # the future is in the zone of the history
    pd.testing.assert_frame_equal(found.tz_convert(BERLIN), expected)


def test_days_of_another_zone_are_no_days(fitted_on):
    days = pd.date_range("2024-03-01", periods=ROWS, freq="D", tz=BERLIN)
    model = fitted_on(days)
    with pytest.raises(ValueError, match="`history` must begin its steps at the hour of those"):
        model.predict(waves(pd.date_range("2024-03-01", periods=ROWS, freq="D", tz=YORK)))
    with pytest.warns(FrameWarning, match="were converted"):
        found = model.predict(waves(days.tz_convert(YORK)))
    assert found.index.tolist() == pd.date_range(days[-1], periods=4, freq="D")[1:].tolist()
