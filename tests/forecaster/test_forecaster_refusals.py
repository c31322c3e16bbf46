"""Bad input of a Forecaster: said in the caller's words, and before any training."""

import copy
import os
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest

import forecaster.engine
from forecaster import Forecaster, Quantiles, RecurrentNetwork, Training
from tests.helpers.tiny import HORIZON, ROWS, days, tiny, waves

LEVELS = [0.1, 0.5, 0.9]
NEW = waves(days(ROWS + 5))


@pytest.fixture
def no_training(monkeypatch):
    """Whoever begins to train fails the test."""
    for name in ("train", "train_further"):
        monkeypatch.setattr(forecaster.engine, name, lambda *_: pytest.fail("it trained"))


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"horizon": 0}, ValueError, "`horizon` must be at least 1. Received: horizon=0"),
        ({"horizon": 2.0}, TypeError, "`horizon` must be an integer. Received: horizon=2.0"),
        ({"horizon": True}, TypeError, "`horizon` must be an integer. Received: horizon=True"),
        ({"horizon": "12"}, TypeError, "`horizon` must be an integer. Received: horizon='12'"),
        ({"input_length": 0}, ValueError, "`input_length` must be at least 1"),
        ({"input_length": 7.5}, TypeError, "`input_length` must be an integer"),
        ({"season_length": 0}, ValueError, "`season_length` must be at least 1"),
        ({"channels": "both"}, ValueError, "`channels` must be one of 'independent', 'joint'"),
        ({"normalization": "z"}, ValueError, "`normalization` must be one of 'standard', 'last'"),
        ({"network": "lsmt"}, ValueError, r"'lstm', 'gru', 'peephole_lstm'.* cell='lsmt'"),
        ({"network": 5}, TypeError, r"`network` must be a cell's name.*network=5.* simple_rnn, ls"),
        ({"output": "mean"}, ValueError, r"`output` must be \"point\" or Quantiles.*output='mean'"),
        ({"output": [0.1]}, ValueError, r"`output` must be .* output=\[0.1\]"),
        ({"training": 5}, TypeError, r"`training` must be a Training. Received: training=5"),
        ({"training": Training(loss="pinball")}, ValueError, r"`loss` must be one of mae, mse for"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0"),
        ({"seed": 2**32}, ValueError, r"`seed` must be below 2\*\*32"),
        ({"seed": None}, TypeError, "`seed` must be an integer. Received: seed=None"),
        (
            {"target": "c"},
            ValueError,
            r"`target` must name columns of `frame`. Received: unknown c",
        ),
        ({"time_column": "t"}, ValueError, "`time_column` must name columns of `frame`"),
        ({"freq": "month"}, ValueError, "`freq` must be a step that pandas has an alias for"),
    ],
)
@pytest.mark.parametrize("call", [Forecaster.fit, Forecaster.backtest], ids=["fit", "backtest"])
def test_parameters_that_are_refused(parameters, error, message, call, no_training):
    with pytest.raises(error, match=message):
        call(tiny(**parameters), waves())


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: Training(epochs=0), ValueError, "`epochs` must be at least 1"),
        (lambda: Training(epochs=2.5), TypeError, "`epochs` must be an integer"),
        (lambda: Training(learning_rate=0), ValueError, "`learning_rate` must be finite and above"),
        (lambda: Training(learning_rate="fast"), TypeError, "`learning_rate` must be a number"),
        (lambda: Training(batch_size=0), ValueError, "`batch_size` must be at least 1"),
        (lambda: Training(validation=1.5), ValueError, "`validation` must be a fraction between"),
        (lambda: RecurrentNetwork("lsmt"), ValueError, "`cell` must be one of 'simple_rnn'"),
        (lambda: RecurrentNetwork(units=0), ValueError, "`units` must be at least 1"),
        (lambda: Quantiles([0.1, 1.0]), ValueError, "`levels` must be probabilities between"),
    ],
)
def test_specs_that_are_refused(build, error, message):
    with pytest.raises(error, match=message):
        build()


TWICE = pd.concat([waves(), waves().iloc[[3]]])
UNEVEN = waves().set_axis(days()[0] + pd.to_timedelta(np.arange(ROWS) ** 3, "s"))


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        ([[1.0, 2.0]], TypeError, "`frame` must be a pandas DataFrame or .* Received: list"),
        (waves().iloc[:0], ValueError, r"must have rows and columns. Received: shape \(0, 2\)"),
        (waves().astype(str), TypeError, "must name numeric columns"),
        (
            TWICE,
            ValueError,
            "must have every time once. Received: 1 duplicated rows, at 2024-01-04",
        ),
        (UNEVEN, ValueError, "`freq` must be given where most of the steps between times differ"),
        (waves().replace(waves().iloc[3, 1], np.inf), ValueError, "finite.* inf in column 'b' at"),
        (waves().set_axis(["x"] * ROWS), TypeError, "datetimes, periods or integers as times"),
        (waves().set_axis([None, *days()[1:]]), ValueError, "a time in every row.* at rows 0"),
        (waves() * np.nan, ValueError, "at least one number. Received: only missing values"),
        (waves(days(12)), ValueError, r"at least 13 rows: a season .*Received: 12 rows"),
    ],
)
def test_frames_that_are_refused(frame, error, message, monkeypatch):
    monkeypatch.setattr("forecaster.training.loop._fit", lambda *_: pytest.fail("it trained"))
    with pytest.raises(error, match=message):
        tiny().fit(frame, verbose=0)


def test_the_fewest_rows_are_enough():
    assert tiny().fit(waves(days(13)), verbose=0).predict().notna().all(axis=None)


@pytest.mark.parametrize(
    ("output", "quantiles", "message"),
    [
        (
            "point",
            LEVELS,
            r"must be None for a point.*Received: quantiles=\[0.1.*Fit with `output`",
        ),
        ("point", 0.5, r"must be None for a point forecaster. Received: quantiles=0.5"),
        (Quantiles(LEVELS), [0.2], r"among the levels of `output`, \[0.1, 0.5, 0.9\].*=\[0.2\]"),
        (Quantiles(LEVELS), [], r"among the levels of `output`"),
        (Quantiles(LEVELS), "0.1", r"among the levels of `output`.* quantiles='0.1'"),
    ],
)
def test_quantiles_that_are_refused(output, quantiles, message, fitted):
    with pytest.raises(ValueError, match=message):
        fitted(output=output).predict(quantiles=quantiles)


def test_a_future_that_nothing_is_made_of_is_refused(fitted):
    with pytest.raises(ValueError, match=r"`future` must be None .* without future covariates"):
        fitted().predict(future=NEW)


def test_histories_that_are_refused(fitted):
    with pytest.raises(
        ValueError, match=r"(?s)off the grid.*\sThe fit was on a, b in steps of 'D'\.$"
    ):
        fitted().predict(waves(pd.date_range("2024-01-01", periods=5, freq="h")))
    with pytest.raises(
        TypeError, match=r"(?s)must be a pandas.*\sThe fit was on a, b in steps of 'D'"
    ):
        fitted().predict(5)


def test_parameters_changed_since_the_fit_ask_for_another_one(fitted):
    model = copy.deepcopy(fitted()).set_params(horizon=5, training__epochs=1, seed=3)
    for call in (model.predict, lambda: model.update(NEW), lambda: model.save("anywhere")):
        with pytest.raises(ValueError, match=r"`horizon` must be what `fit` saw\. .* horizon=5"):
            call()
    # How and from which seed the weights came is past.
    assert np.array_equal(model.set_params(horizon=HORIZON).predict(), fitted().predict())


def test_another_backend_is_refused(monkeypatch, no_training):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    model, refusal = tiny(), r"on its TensorFlow backend.* Received: 'jax'\. Set KERAS_BACKEND=tens"
    calls = [lambda: model.fit(waves()), lambda: model.backtest(waves())]
    for call in [*calls, lambda: Forecaster.load("anywhere")]:
        with pytest.raises(RuntimeError, match=refusal):
            call()


@pytest.mark.slow
def test_a_backend_that_is_not_there_is_refused():
    code = "from forecaster import Forecaster; Forecaster.load('anywhere')"
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("RuntimeError: Keras must run on its TensorFlow backend")
    assert "Set KERAS_BACKEND=tensorflow and start again." in last
