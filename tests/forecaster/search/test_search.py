"""Searches: evaluated on held-out folds, and the best one finished_search."""

import random

import keras_tuner
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from forecaster import Folds, Forecaster, Quantiles, Training, space
from forecaster.network.recurrent import RecurrentNetwork
from forecaster.search.report import fold_columns, parameter_columns
from tests.helpers.killed_search import outcome
from tests.helpers.searches import ONE, lengths, small
from tests.helpers.tiny import HORIZON, tiny, waves


def test_what_a_search_leaves_behind(finished_search):
    trials = finished_search.trials_
    assert len(trials) == 10
    assert {*trials["status"]} == {"completed", "pruned"}
    completed = trials[trials["status"] == "completed"]
    folds = completed[fold_columns(trials)]
    assert folds.shape[1] == 2
    np.testing.assert_allclose(completed["score"], folds.mean(axis=1))
    np.testing.assert_allclose(completed["spread"], folds.std(axis=1, ddof=0))
    assert trials["score"].idxmin() == completed["score"].idxmin()
    pruned = trials[trials["status"] == "pruned"]
    assert (pruned["score"] > completed["score"].median()).all()  # estimates
    assert trials["naive"].notna().all()
    assert completed["naive"].nunique() == 1
    assert (trials["num_parameters"] == 24).all()  # (7 + 1) * 3
    assert trials["epochs"].between(1, 3).all()
    assert (trials["seconds"] > 0).all()
    best = completed["score"].idxmin()
    assert finished_search.best_score_ == completed.loc[best, "score"]
    assert finished_search.best_params_ == trials.loc[best, parameter_columns(trials)].to_dict()
    assert {*finished_search.best_params_} == {
        "training__learning_rate",
        "training__batch_size",
        "normalization",
    }


def test_the_best_is_fitted_on_all_rows_for_the_epochs_of_its_folds(finished_search):
    best = finished_search.best_forecaster_
    assert best.train_end_ == waves().index[-1]
    trial = finished_search.trials_.loc[finished_search.trials_["score"].idxmin()]
    assert len(best.history_.loss) == round(trial["epochs"])
    expected = tiny(training=Training(epochs=3, refit=False))
    expected.set_params(**finished_search.best_params_)
    expected.set_params(time_features=None)  # what "auto" is on all rows
    assert best.get_params() == expected.get_params()
    assert best.predict().shape == (HORIZON, 2)


def test_the_best_can_be_saved(finished_search, tmp_path):
    finished_search.best_forecaster_.save(tmp_path / "best")
    again = Forecaster.load(tmp_path / "best")
    pd.testing.assert_frame_equal(again.predict(), finished_search.best_forecaster_.predict())


def test_the_network_of_the_last_fold_is_handed_over():
    frame = waves()
    search = small(refit=False).fit(frame, verbose=0)
    best = search.best_forecaster_
    assert best.train_end_ < frame.index[-1 - HORIZON]
    # Evaluated again from there on, its errors are the same.
    times = frame.index[[-HORIZON - 2, -HORIZON - 1]].to_list()
    assert best.train_end_ == times[0]
    again = best.backtest(frame, cutoffs=times).scores().loc["prediction", "MASE"]
    assert again == search.best_score_


def test_all_trials_are_evaluated_on_the_same_rows():
    """Whatever their input_length: the naive forecasts of the same values err alike."""
    trials = small(lengths).fit(waves(), verbose=0).trials_
    assert {*trials["input_length"]} == {5, 7, 14}
    assert trials["naive"].nunique() == 1
    assert trials["score"].nunique() == 3


@pytest.mark.slow
def test_what_is_fitted_in_the_end_was_evaluated():
    """An input length that grows with the rows would be another one on all of them."""
    frame = waves().iloc[:42]
    template = tiny(input_length=None)
    lengths = [template.fit(frame.iloc[:rows], verbose=0).input_length_ for rows in (38, 42)]
    assert lengths == [7, 14]
    search = small(template=tiny(input_length=None)).fit(frame, verbose=0)
    assert search.best_forecaster_.input_length_ == 14
    assert (search.trials_["num_parameters"] == (14 + 1) * HORIZON).all()
    # Two years show a cycle that no window and no fold shows twice.
    network = RecurrentNetwork("simple_rnn", units=2, num_layers=1)
    long = waves(pd.date_range("2022-01-01", periods=731))
    search = small(template=tiny(network=network, time_features="auto"), max_trials=1)
    best = search.fit(long, verbose=0).best_forecaster_
    assert best.time_features == ["day_of_year"]
    assert search.trials_.loc[0, "num_parameters"] == best.model_.count_params()


@pytest.mark.slow
def test_a_score_is_that_of_a_backtest():
    frame = waves()
    search = small(objective="RMSE", folds=Folds(2, cutoffs=3, stride=2)).fit(frame, verbose=0)
    model = tiny().set_params(**search.best_params_)
    ends = len(frame) - HORIZON - 2 * np.arange(6)[::-1]  # rows known at each cutoff
    errors = []
    for block in ends.reshape(2, 3):
        times = [frame.index[rows - 1] for rows in block]
        errors.append(model.backtest(frame, cutoffs=times).scores().loc["prediction", "RMSE"])
    assert search.best_score_ == np.mean(errors)


def test_quantiles_are_searched_by_their_scores():
    template = tiny(output=Quantiles([0.1, 0.5, 0.9]))
    search = small(template=template, objective=["pinball", "skill"]).fit(waves(), verbose=0)
    assert search.objective_ == "mean of pinball, skill"
    assert list(search.best_forecaster_.predict(quantiles=[0.1]).columns) == [
        ("a", 0.1),
        ("b", 0.1),
    ]


@pytest.mark.slow
def test_the_naive_stands_beside_every_score_that_it_has():
    template = tiny(output=Quantiles([0.1, 0.5, 0.9]))
    search = small(template=template, objective="pinball").fit(waves(), verbose=0)
    lines = [line.split() for line in search.report().splitlines()]
    assert ["seasonal", "naive", f"{search.trials_['naive'].iloc[0]:.4g}"] in lines
    search = small(template=template, objective="coverage").fit(waves(), verbose=0)
    assert search.trials_["naive"].isna().all()  # it has no interval
    assert "naive" not in search.report()
    figure = search.plot()
    figure.canvas.draw()
    plt.close(figure)


def test_the_template_and_the_frame_stay_as_they_are():
    template, frame = tiny(), waves()
    before, rows = template.get_params(), frame.copy()
    state = random.getstate(), np.random.get_state()[1].tolist()
    small(template=template).fit(frame, verbose=0)
    assert template.get_params() == before
    assert not hasattr(template, "model_")
    pd.testing.assert_frame_equal(frame, rows)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == state


def test_a_search_is_an_estimator():
    search = small(seed=4)
    again = clone(search)
    assert again.get_params(deep=False).keys() == search.get_params(deep=False).keys()
    assert again.set_params(seed=5, forecaster__horizon=7).forecaster.horizon == 7
    assert search.forecaster.horizon == HORIZON
    for call in (search.report, search.plot):
        with pytest.raises(NotFittedError):
            call()


@pytest.mark.slow
def test_the_default_space_on_real_cells():
    template = Forecaster(HORIZON, training=Training(epochs=1, refit=False))
    narrow = space(cells=["gru", "mgu"], units=[4, 8], num_layers=1, segment_lengths=7)
    trials = small(narrow, template).fit(waves(), verbose=0).trials_
    assert (trials["status"] == "completed").all()
    assert trials.loc[0, "network__cell"] == "gru"
    assert {*trials["network__segment_length"]} <= {7, None}


def test_a_network_that_is_a_function_is_searched_without_its_parameters():
    trials = small(None, folds=ONE, max_trials=2).fit(waves(), verbose=0).trials_
    names = parameter_columns(trials)
    assert names
    assert not [name for name in names if name.startswith("network__")]


@pytest.mark.slow
def test_long_frames_are_searched():
    wide = waves()
    long = wide.reset_index(names="day").melt("day", var_name="shop", value_name="sold")
    template = tiny(id_column="shop", time_column="day", target="sold")
    search = small(template=template).fit(long, verbose=0)
    assert list(search.best_forecaster_.predict().columns) == ["shop", "day", "prediction"]
    wide_scores = small().fit(wide, verbose=0).trials_["score"]
    np.testing.assert_allclose(search.trials_["score"], wide_scores, rtol=1e-4)


@pytest.mark.slow
def test_hyperband_has_its_own_budget():
    template = tiny(training=Training(epochs=3, refit=False))
    search = small(lambda hp: {"training__learning_rate": hp.Float("r", 1e-3, 1e-1)}, template)
    search.set_params(tuner="hyperband", max_trials=None)
    trials = search.fit(waves(), verbose=0).trials_
    assert {*trials["training__epochs"]} == {1, 3}
    assert (trials["epochs"] <= trials["training__epochs"]).all()
    short = trials[trials["training__epochs"] == 1]
    assert {*short["status"]} == {"completed", "pruned"}
    assert (trials[trials["training__epochs"] == 3]["status"] == "completed").all()
    # Those that went on are the best of their round.
    on = short[short["status"] == "completed"]["score"]
    assert on.max() <= short[short["status"] == "pruned"]["score"].min()
    assert search.best_params_["training__epochs"] in (1, 3)


@pytest.mark.parametrize("trials", [1, 4])
def test_a_hyperband_that_is_cut_short_has_a_best(trials):
    """Trials were pruned only where Hyperband had gone on with others in their stead."""
    template = tiny(training=Training(epochs=9, refit=False))
    search = small(template=template, tuner="hyperband", max_trials=trials).fit(waves(), verbose=0)
    assert {*search.trials_["status"]} == {"completed"}
    assert search.best_score_ == search.trials_["score"].min()


def test_an_oracle_of_the_user(tmp_path):
    oracle = keras_tuner.oracles.RandomSearchOracle(
        objective=keras_tuner.Objective("val_loss", "min"), max_trials=2, seed=9
    )
    search = small(tuner=oracle, max_trials=None, directory=tmp_path).fit(waves(), verbose=0)
    assert len(search.trials_) == 2
    again = small(tuner=oracle, max_trials=None, directory=tmp_path).fit(waves(), verbose=0)
    assert outcome(again) == outcome(search)


@pytest.mark.slow
def test_seed_zero_is_a_seed():
    searches = [small(seed=seed, max_trials=2).fit(waves(), verbose=0) for seed in (0, 0, 1)]
    one, again, other = (search.trials_["training__learning_rate"].tolist() for search in searches)
    assert one == again != other


@pytest.mark.slow
def test_verbose_reports_every_trial(capsys):
    search = small().fit(waves())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("trial 0000  completed  MASE ")
    assert f"best MASE {search.best_score_:.4g} (trial" in lines[-1]
    small().fit(waves(), verbose=0)
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
def test_cells_are_checked_where_a_spec_stands():
    template = tiny(network=RecurrentNetwork("gru", units=3))
    search = small(lambda hp: {"network__units": hp.Choice("units", [2, 3])}, template)
    assert search.fit(waves(), verbose=0).best_params_["network__units"] in (2, 3)
