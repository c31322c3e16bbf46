"""Updates of a fitted Forecaster: from the weights at hand, on the new rows."""

import copy

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster
from tests.helpers.comparisons import assert_close, assert_unchanged
from tests.helpers.tiny import LENGTH, ROWS, days, waves

NEW = waves(days(ROWS + 5))


def test_an_update_goes_on_from_the_weights_at_hand(fitted):
    model, before = copy.deepcopy(fitted()), NEW.copy(deep=True)
    assert model.update(NEW) is model
    assert_unchanged(NEW, before)
    assert model.train_end_ == NEW.index[-1]
    old, new = fitted().model_.get_weights()[0], model.model_.get_weights()[0]
    assert not np.array_equal(old, new)
    assert np.abs(old - new).max() < 0.1
    forecast = model.predict()
    assert forecast.index[0] == NEW.index[-1] + pd.Timedelta(days=1)
    assert np.array_equal(forecast, model.predict(NEW))


@pytest.mark.slow
def test_the_new_rows_alone_are_the_same_update(fitted, tmp_path):
    fitted().save(tmp_path / "artifact")
    models = [
        copy.deepcopy(fitted()),
        copy.deepcopy(fitted()),
        Forecaster.load(tmp_path / "artifact"),
    ]
    new = NEW.iloc[ROWS:]
    frames = [new, NEW.iloc[ROWS - LENGTH :][["b", "a"]].assign(c=1.0), new]
    forecasts = [model.update(frame).predict() for model, frame in zip(models, frames, strict=True)]
    for forecast in forecasts[1:]:
        pd.testing.assert_frame_equal(forecast, forecasts[0], check_exact=True)
    # All rows are the same too, but for the units of errors, which they estimate more closely.
    assert_close(copy.deepcopy(fitted()).update(NEW).predict(), forecasts[0], 1e-3)


def test_known_rows_are_replaced_by_an_update(fitted):
    model, frame = copy.deepcopy(fitted()), NEW.copy()
    frame.iloc[ROWS - 1] *= 2
    model.update(frame.iloc[ROWS - 1 :])
    assert np.array_equal(model.predict(), model.predict(frame))


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (waves(), ValueError, r"rows after 2024-02-29 .*Received: a frame that ends at 2024-02-29"),
        (NEW[["a"]], ValueError, r"(?s)unknown b\..*\sThe fit was on a, b in steps of 'D'"),
        (NEW.tz_localize("UTC"), TypeError, r"fit had datetimes without.*`frame` has .* 'UTC'"),
        (
            NEW.reset_index(drop=True),
            TypeError,
            r"(?s)fit had datetimes.*has integers.*\sThe fit was on a, b in steps",
        ),
        ([1, 2], TypeError, "must be a pandas DataFrame"),
    ],
)
def test_updates_that_are_refused(frame, error, message, fitted):
    with pytest.raises(error, match=message):
        fitted().update(frame)


def test_an_update_that_fails_leaves_the_weights(fitted, monkeypatch):
    def half(model, *args, **kwargs):
        model.set_weights([weight + 1 for weight in model.get_weights()])
        raise KeyboardInterrupt

    model = copy.deepcopy(fitted())
    monkeypatch.setattr(type(model.model_), "fit", half)
    with pytest.raises(KeyboardInterrupt):
        model.update(NEW)
    assert np.array_equal(model.predict(), fitted().predict())
    assert model.train_end_ == days()[-1]


@pytest.mark.slow
def test_an_update_without_kept_history_needs_more_than_a_horizon(fitted, tmp_path):
    fitted().save(tmp_path / "artifact", keep_history=False)
    model = Forecaster.load(tmp_path / "artifact")
    with pytest.raises(ValueError, match=r"at least 4 rows: history, then a horizon.* Received: 2"):
        model.update(NEW.iloc[-2:])
    assert model.update(NEW.iloc[-4:]).predict().index[0] == days(ROWS + 6)[-1]
