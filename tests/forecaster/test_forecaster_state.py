"""A fitted Forecaster changes all at once: interrupts, copies and threads see old or new."""

import copy
import io
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock, Thread
from time import sleep

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

import forecaster.engine
from tests.helpers.tiny import ROWS, days, waves, with_random_weights

OURS = str(Path(forecaster.__file__).parent)
NEW = waves(days(ROWS + 5))
FITTED = ("model_", "history_", "train_end_", "freq_", "input_length_", "season_length_")


def add_one(task, trained, first):
    """Stand for `train_further` where the weights themselves do not matter."""
    model = trained.model
    model.set_weights([weight + 1 for weight in model.get_weights()])


def state(model):
    """All that an update may change, by value."""
    assert model.model_ is model._fitted.trained.model
    assert model.train_end_ == model._fitted.last_rows.end
    weights = [weight.tolist() for weight in model.model_.get_weights()]
    return weights, str(model.history_), model.train_end_, model.predict().to_csv()


def interrupted_at(number, call):
    """Call, with a KeyboardInterrupt at a line of ours by its number; return the lines run."""
    lines = 0

    def trace(frame, event, _):
        nonlocal lines
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        lines += event == "line"
        if number and lines == number:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        assert number
    finally:
        sys.settrace(before)
    return lines


def test_an_update_interrupted_at_any_line_leaves_the_old_state_or_the_new_one(monkeypatch):
    monkeypatch.setattr(forecaster.engine, "train_further", add_one)
    model = with_random_weights(waves())
    old, updated = state(model), copy.copy(model)
    lines = interrupted_at(0, lambda: updated.update(NEW))
    new = state(updated)
    assert old != new
    numbers = {*range(1, lines, lines // 5), *range(lines - 5, lines + 1)}
    found = []
    for number in sorted(numbers):
        again = copy.copy(model)
        assert interrupted_at(number, lambda again=again: again.update(NEW)) == number
        found.append(state(again))
        assert found[-1] in (old, new)
    assert found == sorted(found, key=[old, new].index)  # once new, it stays
    assert state(model) == old


def test_the_weights_at_hand_stay_while_an_update_trains_and_when_it_fails(fitted, monkeypatch):
    model, during = copy.copy(fitted()), []
    before = state(model)
    train = keras.Model.fit

    def then_fail(network, *args, **kwargs):
        train(network, *args, **kwargs)
        during.append(state(model))
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "fit", then_fail)
    with pytest.raises(KeyboardInterrupt):
        model.update(NEW)
    assert during == [before]
    assert state(model) == before


class Interrupt(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt


def test_an_interrupted_fit_leaves_the_earlier_one(fitted):
    model = copy.copy(fitted())
    before = state(model)
    with pytest.raises(KeyboardInterrupt):
        model.fit(NEW * 2, callbacks=[Interrupt()], verbose=0)
    assert state(model) == before


def through_joblib(model):
    stream = io.BytesIO()
    joblib.dump(model, stream)
    return joblib.load(stream)


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model)), through_joblib],
)
def test_copies_share_nothing_that_an_update_changes(copied, monkeypatch):
    monkeypatch.setattr(forecaster.engine, "train_further", add_one)
    model = with_random_weights(waves())
    before, again = state(model), copied(model)
    assert state(again) == before
    model.update(NEW)
    assert state(again) == before
    after = state(model)
    again.update(waves(days(ROWS + 1)) * 2)
    assert state(model) == after
    assert state(again)[2] == days(ROWS + 1)[-1]


def test_what_was_fitted_is_shown_as_scikit_learn_does(fitted, monkeypatch):
    monkeypatch.setattr(forecaster.engine, "train_further", add_one)
    model = copy.copy(fitted()).update(NEW)
    check_is_fitted(model)
    check_is_fitted(model, FITTED)
    assert {name for name in vars(model) if name.endswith("_")} == {*FITTED}
    assert not {name for name in vars(clone(model)) if name.endswith("_")}
    assert model.history_ is fitted().history_  # that of the fit
    assert fitted().model_.train_function is None  # which would hold 30 MB of compiled code


# Threads


def test_forecasts_during_an_update_are_old_or_new(fitted):
    model, found = copy.copy(fitted()), []
    old, new = (made.predict(NEW) for made in (model, copy.copy(model).update(NEW)))
    assert not old.equals(new)
    thread = Thread(target=model.update, args=[NEW])
    thread.start()
    while thread.is_alive():
        found.append(model.predict(NEW))
    thread.join()
    is_new = [forecast.equals(new) for forecast in found]
    assert all(new or forecast.equals(old) for new, forecast in zip(is_new, found, strict=True))
    assert is_new == sorted(is_new)
    assert model.predict(NEW).equals(new)


@pytest.mark.parametrize("name", ["fit", "update"])
def test_two_changes_run_one_after_the_other(name, monkeypatch):
    running, most, lock = 0, 0, Lock()

    def watched(call):
        def train(*args):
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            sleep(0.1)
            trained = call(*args)
            with lock:
                running -= 1
            return trained

        return train

    model = with_random_weights(waves())
    trained = model._fitted.trained
    monkeypatch.setattr(forecaster.engine, "train_further", watched(add_one))
    monkeypatch.setattr(forecaster.engine, "train", watched(lambda task, epochs: trained))
    weights = model.model_.get_weights()
    frames = [waves(days(ROWS + 1)), NEW]
    calls = {"fit": lambda frame: model.fit(frame, verbose=0), "update": model.update}
    threads = [Thread(target=calls[name], args=[frame]) for frame in frames]
    for thread in threads:
        thread.start()
        sleep(0.03)
    for thread in threads:
        thread.join()
    assert most == 1
    assert model.train_end_ == NEW.index[-1]
    learned = 2 if name == "update" else 0
    for before, after in zip(weights, model.model_.get_weights(), strict=True):
        np.testing.assert_allclose(after, before + learned, atol=1e-6)


def test_threads_that_forecast_at_once_are_right(fitted):
    frames = [NEW.iloc[: 20 + 3 * k] * (1 + k) for k in range(8)]
    expected = [fitted().predict(frame) for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        for found, right in zip(pool.map(fitted().predict, frames * 2), expected * 2, strict=True):
            pd.testing.assert_frame_equal(found, right, check_exact=True)


def test_a_callback_may_use_the_forecaster_that_is_fitted(fitted):
    model, seen = copy.copy(fitted()), []
    before = model.predict()
    look = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: seen.append(model.predict()))
    model.fit(NEW, callbacks=[look], verbose=0)
    assert [forecast.equals(before) for forecast in seen] == [True, True]
    assert model.train_end_ == NEW.index[-1]
