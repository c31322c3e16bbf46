"""Rolling origin: which rows are read, which are fitted on, and what is scored."""

import copy
import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from utilsforecast.evaluation import evaluate
from utilsforecast.losses import mae, mase, rmse, smape

from forecaster import Quantiles, RecurrentNetwork, Training
from forecaster.engine import Engine
from forecaster.evaluation.backtest import choose_cutoffs, run_backtest
from forecaster.evaluation.timeline import Timeline
from tests.helpers.tables import read
from tests.helpers.tiny import HORIZON, LENGTH, ROWS, days, engine, tiny, waves

LATER = waves(days(ROWS + 15))  # 15 rows after those that `fitted()` has seen


class Witness:
    """A model whose fits tell, as their forecasts, what they were fitted on and what they may read.

    The series is a ramp, so a value is its own row. Step 1 of a forecast is the first row of the
    fit, step 2 the number of the fit's rows, step 3 the newest row before the cutoff.
    """

    def __init__(self, horizon=3, needs=2):
        self.horizon, self.needs = horizon, needs

    def fit_table(self, table):
        return Witnessed(table.values[0])

    def rows_needed(self, table):
        return self.needs


class Witnessed:
    """The fit of a `Witness`."""

    def __init__(self, seen):
        self.seen = seen

    def forecast_table(self, table, ids, cutoffs):
        assert (ids == 0).all()
        answers = [(self.seen[0], len(self.seen), table.values[0, c - 1]) for c in cutoffs]
        return np.array(answers)[:, None, :, None]

    def reason_to_refit(self, model, table, until):
        return "it has seen too much" if len(self.seen) > table.rows_until(until)[0] else None


def ramp(rows):
    return pd.DataFrame({"a": np.arange(float(rows))}, index=days(rows))


def witnessed(
    rows, fitted=None, *, cutoffs, stride=1, refit=0, gap=0, train_length=None, workers=0, needs=2
):
    """What a `Witness` tells from each cutoff: first row, number of rows, newest row read."""
    table = read(ramp(rows))
    chosen = choose_cutoffs(table, 3, cutoffs, stride)
    result = run_backtest(
        Witness(needs=needs),
        table,
        chosen,
        levels=(),
        season_length=1,
        fitted=fitted,
        refit=refit,
        gap=gap,
        train_length=train_length,
        workers=workers,
    )
    assert np.array_equal(result.actual, chosen[:, None] + np.arange(3))
    assert np.array_equal(result.naive, np.repeat(chosen[:, None] - 1, 3, axis=1))
    assert result.cutoffs.equals(days(rows)[chosen - 1])
    return chosen, result.prediction.astype(int)


@given(
    rows=st.integers(6, 60),
    cutoffs=st.integers(1, 12),
    stride=st.integers(1, 5),
    refit=st.integers(0, 4),
    gap=st.integers(0, 4),
    train_length=st.none() | st.integers(2, 20),
)
@settings(max_examples=150, deadline=None)
def test_which_rows_are_fitted_on_and_which_are_read(
    rows, cutoffs, stride, refit, gap, train_length
):
    assume(rows - 3 - (cutoffs - 1) * stride - gap >= 2)
    chosen, told = witnessed(
        rows, cutoffs=cutoffs, stride=stride, refit=refit, gap=gap, train_length=train_length
    )
    assert len(chosen) == cutoffs
    assert chosen[-1] == rows - 3
    assert (np.diff(chosen) == stride).all()
    every = refit or cutoffs
    for number, (cutoff, (first, count, newest)) in enumerate(zip(chosen, told, strict=True)):
        assert newest == cutoff - 1
        fit_end = chosen[number // every * every] - gap  # of the last refit before
        assert first + count == fit_end
        assert count == (fit_end if train_length is None else min(train_length, fit_end))


def test_cutoffs_as_times():
    times = days(30)
    chosen, told = witnessed(30, cutoffs=[times[20], times[9], "2024-01-16", times[20]])
    assert chosen.tolist() == [10, 16, 21]
    assert told[:, 2].tolist() == [9, 15, 20]
    assert witnessed(30, cutoffs=times[[26]])[0].tolist() == [27]
    assert witnessed(30, cutoffs=np.int64(2), stride=5)[0].tolist() == [22, 27]


def test_weights_at_hand_are_used_where_they_may(caplog):
    fitted = Witness().fit_table(read(ramp(20)))
    assert witnessed(30, cutoffs=8)[1][0].tolist() == [0, 20, 19]  # nothing is set aside
    assert witnessed(30, fitted, cutoffs=8)[1][0].tolist() == [0, 20, 19]  # fitted up to cutoff 20
    assert caplog.text == ""
    assert witnessed(30, fitted, cutoffs=8, gap=1)[1][0].tolist() == [0, 19, 19]
    assert "A fresh clone is fitted once, before the first cutoff: it has seen too" in caplog.text
    assert witnessed(30, fitted, cutoffs=9)[1][0].tolist() == [0, 19, 18]
    assert len(fitted.seen) == 20


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"cutoffs": 28},
            ValueError,
            r"=28, stride=1, horizon=3; they need 31.* has 30. At most 27",
        ),
        ({"cutoffs": 10, "stride": 3}, ValueError, r"they need 31 rows, .* At most 9 fit"),
        ({"cutoffs": 0}, ValueError, "`cutoffs` must be at least 1"),
        ({"cutoffs": True}, TypeError, "`cutoffs` must be an integer"),
        ({"cutoffs": 2, "stride": 0}, ValueError, "`stride` must be at least 1"),
        ({"cutoffs": 2.5}, TypeError, r"`cutoffs` must be an integer or a list of times.*=2.5"),
        (
            {"cutoffs": "2024-01-09"},
            TypeError,
            r"or a list of times.*'2024-01-09'. For one time wr",
        ),
        ({"cutoffs": pd.Timestamp("2024-01-09")}, TypeError, "or a list of times.* a list of one"),
        (
            {"cutoffs": []},
            ValueError,
            r"Received: none; horizon=3. Only the first 27 of 30 rows do",
        ),
        (
            {"cutoffs": days(30)[20:]},
            ValueError,
            r"Received: 2024-01-28 .*, 2024-01-30 00:00:00; ho",
        ),
        ({"cutoffs": ["2024-01-01T12"]}, ValueError, "must be on the grid.*time='2024-01-01T12'"),
        (
            {"cutoffs": ["soon"]},
            ValueError,
            "must be on the grid of the data. Received: time='soon'",
        ),
        (
            {"cutoffs": 26, "gap": 1},
            ValueError,
            r"leave at least 2 rows to fit on\. Received: 26 cutoffs, gap=1; up to the first one, "
            r"2024-01-02 00:00:00, it is 1 rows\. 25 of the cutoffs leave enough: give fewer",
        ),
        (
            {"cutoffs": 2, "gap": 40, "refit": 1},
            ValueError,
            r"it is 0 rows\. 0 of the cutoffs leave",
        ),
        (
            {"cutoffs": 2, "train_length": 1, "refit": 1},
            ValueError,
            "`train_length` must be at least 2, the few",
        ),
    ],
)
def test_what_does_not_fit_is_said_before_any_fit(arguments, error, message, monkeypatch):
    monkeypatch.setattr(Witness, "fit_table", lambda *_: pytest.fail("it fitted"))
    with pytest.raises(error, match=message):
        witnessed(30, **arguments)


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


def test_a_forecaster_is_judged_by_what_it_predicts(fitted):
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


def test_other_columns_are_judged_too(fitted):
    other = LATER.rename(columns=str.upper)[["B"]]
    result = fitted().backtest(other, cutoffs=2)
    assert result.forecasts["series"].unique().tolist() == ["B"]
    last = fitted().predict(other.iloc[:-HORIZON])["B"]
    np.testing.assert_allclose(result.prediction[-1], last, rtol=1e-6)


def test_quantiles_are_judged(fitted):
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
            judge = clone(model).fit(waves()[:cutoff], verbose=0)
        expected = judge.predict(waves()[:cutoff]).to_numpy().T
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
            judge = tiny().fit(known if window is None else known.iloc[-window:], verbose=0)
        expected = judge.predict(waves()[:cutoff]).to_numpy().T
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
    judge = tiny(input_length=2 * LENGTH).fit(waves().iloc[-HORIZON - 13 : -HORIZON], verbose=0)
    assert np.array_equal(result.prediction, judge.predict(waves().iloc[:-HORIZON]).to_numpy().T)
