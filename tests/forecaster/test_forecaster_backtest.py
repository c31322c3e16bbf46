"""Backtests of a Forecaster: its own forecasts from each cutoff, and refits of fresh clones."""

import copy
import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from utilsforecast.evaluation import evaluate
from utilsforecast.losses import mae, mase, rmse, smape

from forecaster import Quantiles, RecurrentNetwork, Training
from forecaster.engine import Engine
from forecaster.evaluation.timeline import Timeline
from tests.helpers.tables import read
from tests.helpers.tiny import HORIZON, LENGTH, ROWS, days, engine, tiny, waves

LATER = waves(days(ROWS + 15))  # 15 rows after those that `fitted()` has seen


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"refit": -1}, ValueError, "`refit` must be at least 0"),
        ({"refit": "yes"}, TypeError, "`refit` must be an integer"),
        ({"gap": -1}, ValueError, "`gap` must be at least 0"),
        ({"gap": 1.5}, TypeError, "`gap` must be an integer"),
        ({"train_length": 0}, ValueError, "`train_length` must be at least 1"),
        ({"workers": "all"}, TypeError, "`workers` must be a number of processes, or a function"),
        ({"workers": -1}, ValueError, "`workers` must be at least 0"),
        ({"cutoffs": 50}, ValueError, r"leave at least 13 rows .* 45 of the cutoffs leave enough"),
        (
            {"cutoffs": 50, "refit": True},
            ValueError,
            r"leave at least 13 rows .* 45 of the cutoffs",
        ),
        ({"train_length": 12, "refit": True}, ValueError, "`train_length` must be at least 13"),
    ],
)
def test_arguments_that_are_refused(arguments, error, message, monkeypatch):
    monkeypatch.setattr(Engine, "fit_table", lambda *_: pytest.fail("it fitted"))
    with pytest.raises(error, match=message):
        tiny().backtest(waves(), **arguments)


def test_a_forecaster_is_evaluated_by_what_it_predicts(fitted):
    model, before = fitted(), LATER.copy(deep=True)
    result = model.backtest(LATER, cutoffs=5, stride=3)
    pd.testing.assert_frame_equal(LATER, before, check_freq=True)
    long = result.forecasts
    assert long["cutoff"].unique().tolist() == list(LATER.index[ROWS - 1 : -HORIZON : 3])
    for (series, cutoff), group in long.groupby(["series", "cutoff"]):
        expected = model.predict(LATER[:cutoff])[series]
        np.testing.assert_allclose(group["prediction"], expected, rtol=1e-6)  # batches differ
        assert group["time"].tolist() == expected.index.tolist()
        assert group["actual"].tolist() == LATER[series][expected.index].tolist()
        week_before = LATER[series].shift(7, freq="D")
        assert group["naive"].tolist() == week_before[expected.index].tolist()


def test_other_columns_are_evaluated_too(fitted):
    other = LATER.rename(columns=str.upper)[["B"]]
    result = fitted().backtest(other, cutoffs=2)
    assert result.forecasts["series"].unique().tolist() == ["B"]
    last = fitted().predict(other.iloc[:-HORIZON])["B"]
    np.testing.assert_allclose(result.prediction[-1], last, rtol=1e-6)


def test_quantiles_are_evaluated(fitted):
    levels = [0.1, 0.5, 0.9]
    model = fitted(output=Quantiles(levels))
    result = model.backtest(LATER, cutoffs=1)
    expected = model.predict(LATER.iloc[:-HORIZON], quantiles=levels)
    for column, series in enumerate("ab"):
        assert np.array_equal(result.quantiles[column], expected[series])
        assert np.array_equal(result.prediction[column], expected[series][0.5])


@pytest.mark.parametrize("refit", [False, True])
def test_changing_the_future_changes_no_forecast(refit):
    """Alters every value after the first cutoff: its forecast may not move, bit for bit."""
    model = tiny(training=Training(epochs=1, batch_size=8))
    past = model.backtest(waves(), cutoffs=2, stride=2, refit=refit)
    altered = waves()
    future = altered.index > past.cutoffs[0]
    altered[future] = -1e3 * np.arange(1, future.sum() + 1)[:, None]
    present = model.backtest(altered, cutoffs=2, stride=2, refit=refit)
    first = present.cutoffs == past.cutoffs[0]
    assert first.sum() == 2
    assert np.array_equal(present.prediction[first], past.prediction[first])
    assert not np.isclose(present.prediction[~first], past.prediction[~first]).any()


def test_a_forecaster_that_has_seen_too_much_stays_and_a_clone_is_fitted(fitted, caplog):
    model = copy.deepcopy(fitted())
    before = dict(vars(model))
    with caplog.at_level(logging.WARNING, logger="forecaster"):
        result = model.backtest(waves(), cutoffs=4)
    assert caplog.messages == [
        "A fresh clone is fitted once, before the first cutoff: the weights at hand have seen the "
        "rows up to 2024-02-29 00:00:00."
    ]
    for number, cutoff in enumerate(waves().index[-HORIZON - 4 : -HORIZON]):
        if number == 0:
            reference = clone(model).fit(waves()[:cutoff], verbose=0)
        expected = reference.predict(waves()[:cutoff]).to_numpy().T
        assert np.array_equal(result.prediction[result.cutoffs == cutoff], expected)
    assert vars(model) == before
    for now, then in zip(model.model_.get_weights(), fitted().model_.get_weights(), strict=True):
        assert np.array_equal(now, then)


@pytest.mark.parametrize(
    ("change", "frame", "reason"),
    [
        ({}, LATER, None),
        ({"training__epochs": 5, "seed": 3}, LATER, None),
        ({"gap": 1}, LATER, "the weights at hand have seen the rows up to 2024-02-29"),
        ({"input_length": 5}, LATER, "input_length changed since the fit"),
        ({}, LATER.asfreq("2D"), "another step of the times"),
        ({}, LATER.tz_localize("UTC"), "the weights at hand have seen the rows"),
        ({}, LATER.set_axis(LATER.index.to_period()), "the weights at hand have seen"),
    ],
)
def test_when_the_weights_at_hand_may_be_used(change, frame, reason, fitted):
    change = dict(change)
    gap = change.pop("gap", 0)
    model = copy.deepcopy(fitted()).set_params(**change)
    table = read(frame)
    until = Timeline(table).time_at(ROWS - gap - 1)
    found = model._fitted.reason_to_refit(engine(model), table, until)
    assert found is None if reason is None else reason in found


def test_joint_weights_are_for_their_own_columns(fitted):
    model = fitted(channels="joint")
    until = LATER.index[ROWS - 1]
    assert model._fitted.reason_to_refit(engine(model), read(LATER), until) is None
    for other in (LATER[["a"]], LATER[["b", "a"]]):
        found = model._fitted.reason_to_refit(engine(model), read(other), until)
        assert "other columns" in found


@pytest.mark.slow
@pytest.mark.parametrize(("refit", "gap", "window", "cutoffs"), [(True, 2, 30, 2), (2, 1, None, 3)])
def test_a_refit_is_a_fit_of_a_fresh_clone(refit, gap, window, cutoffs):
    model = tiny()
    result = model.backtest(waves(), cutoffs=cutoffs, refit=refit, gap=gap, train_length=window)
    assert not hasattr(model, "model_")
    for number, cutoff in enumerate(result.cutoffs.unique()):
        if number % int(refit) == 0:
            known = waves()[: cutoff - gap * pd.Timedelta(days=1)]
            reference = tiny().fit(known if window is None else known.iloc[-window:], verbose=0)
        expected = reference.predict(waves()[:cutoff]).to_numpy().T
        assert np.array_equal(result.prediction[result.cutoffs == cutoff], expected)


def test_any_executor_gives_the_same_bits():
    model = tiny()
    here = model.backtest(waves(), cutoffs=2, refit=True)
    there = model.backtest(waves(), cutoffs=2, refit=True, workers=lambda: ThreadPoolExecutor(2))
    assert np.array_equal(there.prediction, here.prediction)


@pytest.mark.slow
def test_spawned_processes_give_the_same_bits():
    network = RecurrentNetwork("simple_rnn", units=2)
    model = tiny(network=network, training=Training(epochs=1, refit=False))
    here = model.backtest(waves(), cutoffs=2, refit=True)
    there = model.backtest(waves(), cutoffs=2, refit=True, workers=2)
    pd.testing.assert_frame_equal(there.forecasts, here.forecasts, check_exact=True)


@pytest.mark.slow
def test_a_network_that_cannot_travel_is_named():
    def local(spec):
        raise NotImplementedError

    with pytest.raises(TypeError, match=r"`workers` must be 0 for.*local.* of a module that can"):
        tiny(network=local).backtest(waves(), cutoffs=2, refit=True, workers=1)


def test_scores_are_those_of_utilsforecast(fitted):
    result = fitted().backtest(LATER, cutoffs=6)
    own = result.scores(by=["series", "cutoff"]).unstack("forecast")
    frame = result.to_utilsforecast()
    for cutoff in result.cutoffs.unique():
        group = frame[frame["cutoff"] == cutoff].drop(columns="cutoff")
        known = LATER[:cutoff].rename_axis("ds").reset_index()
        known = known.melt("ds", var_name="unique_id", value_name="y")
        metrics = [mae, rmse, smape, mase_of_a_week]
        theirs = evaluate(
            group, metrics=metrics, models=["prediction", "naive"], train_df=known
        ).set_index(["metric", "unique_id"])
        for name, factor in {"mae": 1, "rmse": 1, "smape": 200, "mase_of_a_week": 1}.items():
            ours = {"smape": "sMAPE", "mase_of_a_week": "MASE"}.get(name, name.upper())
            for series in "ab":
                expected = factor * theirs.loc[(name, series), ["prediction", "naive"]]
                actual = own.loc[(series, cutoff), ours][["prediction", "naive"]]
                np.testing.assert_allclose(actual, expected.astype(float), rtol=1e-9)


def mase_of_a_week(df, models, train_df, **names):
    """The scale of seven days; `evaluate` gives no seasonality itself."""
    return mase(df, models, seasonality=7, train_df=train_df, **names)


def test_a_window_longer_than_the_fit_is_read_from_before_it():
    """`train_length` says what is fitted on, not how far a forecast looks back."""
    model = tiny(input_length=2 * LENGTH)
    result = model.backtest(waves(), cutoffs=1, refit=True, train_length=13)
    reference = tiny(input_length=2 * LENGTH).fit(waves().iloc[-HORIZON - 13 : -HORIZON], verbose=0)
    assert np.array_equal(
        result.prediction, reference.predict(waves().iloc[:-HORIZON]).to_numpy().T
    )
