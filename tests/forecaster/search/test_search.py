"""Searches: honest folds, the best fitted, goes on after a kill, and says what is wrong."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras_tuner
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from forecaster import Folds, Forecaster, ForecasterSearch, Quantiles, Training, space
from forecaster.network.recurrent import RecurrentNetwork
from forecaster.search.report import fold_columns, importance, parameter_columns
from tests.helpers.killed_search import new_search, outcome
from tests.helpers.killed_search import space as rates
from tests.helpers.tiny import HORIZON, dense, tiny, waves

CHECKOUT = Path(__file__).resolve().parents[3]
KILLS = 3 if os.environ.get("CI") else 20
ONE = Folds(1, cutoffs=2)


def small(function=rates, template=None, **how):
    """A search of three trials in one fold."""
    how = {"tuner": "random", "max_trials": 3, "folds": ONE} | how
    return ForecasterSearch(template or tiny(), function, **how)


def lengths(hp):
    return {"input_length": hp.Choice("length", [7, 14, 5])}


@pytest.fixture(scope="module")
def fitted():
    """Ten trials in two folds, some of them pruned."""
    return new_search(None).fit(waves(), verbose=0)


def test_what_a_search_leaves_behind(fitted):
    trials = fitted.trials_
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
    assert fitted.best_score_ == completed.loc[best, "score"]
    assert fitted.best_params_ == trials.loc[best, parameter_columns(trials)].to_dict()
    assert {*fitted.best_params_} == {
        "training__learning_rate",
        "training__batch_size",
        "normalization",
    }


def test_the_best_is_fitted_on_all_rows_for_the_epochs_of_its_folds(fitted):
    best = fitted.best_forecaster_
    assert best.train_end_ == waves().index[-1]
    trial = fitted.trials_.loc[fitted.trials_["score"].idxmin()]
    assert len(best.history_.loss) == round(trial["epochs"])
    expected = tiny(training=Training(epochs=3, refit=False)).set_params(**fitted.best_params_)
    expected.set_params(time_features=None)  # what "auto" is on all rows
    assert best.get_params() == expected.get_params()
    assert best.predict().shape == (HORIZON, 2)


def test_the_best_can_be_saved(fitted, tmp_path):
    fitted.best_forecaster_.save(tmp_path / "best")
    again = Forecaster.load(tmp_path / "best")
    pd.testing.assert_frame_equal(again.predict(), fitted.best_forecaster_.predict())


def test_the_network_of_the_last_fold_is_handed_over():
    frame = waves()
    search = small(refit=False).fit(frame, verbose=0)
    best = search.best_forecaster_
    assert best.train_end_ < frame.index[-1 - HORIZON]
    # Judged again from there on, it errs as it did.
    times = frame.index[[-HORIZON - 2, -HORIZON - 1]].to_list()
    assert best.train_end_ == times[0]
    again = best.backtest(frame, cutoffs=times).scores().loc["prediction", "MASE"]
    assert again == search.best_score_


def test_all_trials_are_judged_on_the_same_rows():
    """Whatever their input_length: the naive forecasts of the same values err alike."""
    trials = small(lengths).fit(waves(), verbose=0).trials_
    assert {*trials["input_length"]} == {5, 7, 14}
    assert trials["naive"].nunique() == 1
    assert trials["score"].nunique() == 3


def test_what_is_fitted_in_the_end_was_judged():
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


def test_long_frames_are_searched():
    wide = waves()
    long = wide.reset_index(names="day").melt("day", var_name="shop", value_name="sold")
    template = tiny(id_column="shop", time_column="day", target="sold")
    search = small(template=template).fit(long, verbose=0)
    assert list(search.best_forecaster_.predict().columns) == ["shop", "day", "prediction"]
    wide_scores = small().fit(wide, verbose=0).trials_["score"]
    np.testing.assert_allclose(search.trials_["score"], wide_scores, rtol=1e-4)


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


def test_seed_zero_is_a_seed():
    searches = [small(seed=seed, max_trials=2).fit(waves(), verbose=0) for seed in (0, 0, 1)]
    one, again, other = (search.trials_["training__learning_rate"].tolist() for search in searches)
    assert one == again != other


def kept_by(folder):
    """The files of folds, and of trials that are over, with their times."""
    files = [*folder.glob("trial_*/fold_*.json")]
    for file in folder.glob("trial_*/trial.json"):
        if json.loads(file.read_text())["status"] != "RUNNING":
            files.append(file)
    return {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


@pytest.mark.slow
def test_a_killed_search_goes_on(fitted, tmp_path):
    """Killed at random moments: nothing finished is run again or lost, and the best is the same."""
    moments, progress = random.Random(0), []
    for _ in range(KILLS):
        command = [sys.executable, "-m", "tests.helpers.killed_search", str(tmp_path)]
        with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "begun\n"
            time.sleep(moments.uniform(0.1, 8 / KILLS + 1.5))
            process.send_signal(signal.SIGKILL)
        before = progress[-1] if progress else {}
        progress.append(kept_by(tmp_path))
        assert {file: progress[-1].get(file) for file in before} == before
    assert progress[0] != progress[-1]
    search = new_search(tmp_path).fit(waves(), verbose=0)
    assert {file: kept_by(tmp_path)[file] for file in progress[-1]} == progress[-1]
    found, expected = outcome(search), outcome(fitted)
    assert found["best"] == expected["best"]
    assert found == expected


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"seed": 5}, "seed"),
        ({"objective": "MAE"}, "objective"),
        ({"folds": 2}, "folds"),
        ({"tuner": "bayesian"}, "tuner, at_once"),
        ({"prune": False}, "prune"),
        ({"space": lengths}, "space"),
        ({"forecaster": tiny(seed=3)}, "forecaster"),
    ],
)
def test_another_search_in_the_folder_is_refused(changes, what, tmp_path_factory, request):
    folder = tmp_path_factory.getbasetemp() / "another_search"
    if not folder.exists():
        small(directory=folder, max_trials=1).fit(waves(), verbose=0)
    search = small(directory=folder, max_trials=1).set_params(**changes)
    message = rf"`directory` must be empty or hold this search. .* differs in {what}\. Choose"
    with pytest.raises(ValueError, match=message):
        search.fit(waves(), verbose=0)


def test_other_data_and_versions_in_the_folder_are_refused(tmp_path):
    small(directory=tmp_path, max_trials=1).fit(waves(), verbose=0)
    changed = waves()
    changed.iloc[3, 1] += 1
    with pytest.raises(ValueError, match=r"differs in data\."):
        small(directory=tmp_path).fit(changed, verbose=0)
    note = json.loads((tmp_path / "search.json").read_text())
    note["versions"]["keras-tuner"] = "1.0"
    (tmp_path / "search.json").write_text(json.dumps(note))
    with pytest.raises(ValueError, match=r"differs in versions\."):
        small(directory=tmp_path).fit(waves(), verbose=0)


def test_more_trials_may_follow(tmp_path):
    first = small(directory=tmp_path, max_trials=2).fit(waves(), verbose=0).trials_
    more = small(directory=tmp_path, max_trials=4).fit(waves(), verbose=0).trials_
    pd.testing.assert_frame_equal(more.iloc[:2], first)  # the seconds too: nothing ran again
    assert len(more) == 4


def test_keras_tuner_reads_the_folder(tmp_path, capsys):
    search = small(directory=tmp_path / "search").fit(waves(), verbose=0)
    tuner = keras_tuner.RandomSearch(
        lambda hp: None,
        objective=keras_tuner.Objective("score", "min"),
        directory=str(tmp_path),
        project_name="search",
    )
    tuner.results_summary()
    printed = capsys.readouterr().out
    assert f"Score: {search.best_score_}" in printed
    best = tuner.get_best_hyperparameters()[0].values
    assert best["rate"] == search.best_params_["training__learning_rate"]


def test_tensorboard_reads_the_logs(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    search = small(directory=tmp_path).fit(waves(), verbose=0)
    folders = sorted((tmp_path / "logs").iterdir())
    assert [folder.name for folder in folders] == ["0000", "0001", "0002"]
    for folder, score in zip(folders, search.trials_["score"], strict=True):
        events = EventAccumulator(str(folder)).Reload()
        assert "_hparams_/session_start_info" in events.summary_metadata
        (event,) = events.Tensors("MASE")
        assert tf.make_ndarray(event.tensor_proto) == pytest.approx(score)


@pytest.mark.slow
def test_workers_find_the_same(tmp_path):
    alone = new_search(None, tuner="random").fit(waves(), verbose=0)
    folder = tmp_path / "two"
    together = new_search(folder, tuner="random", workers=2).fit(waves(), verbose=0)
    left_out = ["seconds", *fold_columns(alone.trials_), "score", "spread"]
    pd.testing.assert_frame_equal(
        together.trials_.drop(columns=left_out), alone.trials_.drop(columns=left_out)
    )
    # One thread adds up in another order than two.
    np.testing.assert_allclose(together.trials_["score"], alone.trials_["score"], rtol=1e-4)
    assert together.best_params_ == alone.best_params_
    assert (folder / "data.npz").exists()


def test_a_function_makes_the_executors():
    made = []

    def make():
        made.append(ThreadPoolExecutor(1))
        return made[-1]

    search = small(workers=make, at_once=2).fit(waves(), verbose=0)
    assert len(made) == 2
    assert all(executor._shutdown for executor in made)
    assert outcome(search) == outcome(small().fit(waves(), verbose=0))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Dask's own
def test_dask(tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        how = {"workers": client.get_executor, "at_once": 2, "directory": tmp_path}
        search = small(**how).fit(waves(), verbose=0)
    alone = small().fit(waves(), verbose=0)
    assert search.best_params_ == alone.best_params_
    np.testing.assert_allclose(search.trials_["score"], alone.trials_["score"], rtol=1e-4)


def test_verbose_tells_of_every_trial(capsys):
    search = small().fit(waves())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("trial 0000  completed  MASE ")
    assert f"best MASE {search.best_score_:.4g} (trial" in lines[-1]
    small().fit(waves(), verbose=0)
    assert capsys.readouterr() == ("", "")


def test_a_report(fitted):
    text = fitted.report()
    best = fitted.trials_["score"].idxmin()
    assert text.startswith("10 trials (")
    assert f"best, trial {best} " in text
    assert f"{fitted.best_score_:.4g}" in text
    naive = fitted.trials_["naive"].iloc[0]
    assert ["seasonal", "naive", f"{naive:.4g}"] in [line.split() for line in text.splitlines()]
    assert "training__learning_rate" in text
    assert "What mattered" in text


def test_importance_finds_what_mattered():
    generator = np.random.default_rng(0)
    cells = generator.choice(["a", "b"], 40)
    rates, units = generator.random(40), generator.integers(1, 9, 40)
    errors = 1 + 2 * (cells == "b") + 0.5 * rates
    trials = pd.DataFrame(
        {
            "status": "completed",
            "score": errors,
            "naive": 3.0,
            "fold_1": errors,
            "fold_2": errors,
            "seconds": 1.0,
            "cell": cells,
            "rate": rates,
            "units": units,
            "same": 5,
            "error": None,
        }
    )
    shares = importance(trials)
    assert list(shares.index)[:2] == ["cell", "rate"]
    assert shares.sum() == pytest.approx(1)
    assert shares["cell"] > 0.7 > 0.1 > shares["units"]
    assert "same" not in shares
    assert importance(trials.head(5)).empty


def test_a_picture(fitted):
    plt.switch_backend("agg")
    figure = fitted.plot()
    figure.canvas.draw()
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles[:2] == ["MASE, mean of the folds, trial by trial", "What mattered"]
    assert {*titles[2:]} == {"learning_rate", "batch_size", "normalization"}
    (step,) = (line for line in figure.axes[0].lines if len({*line.get_ydata()}) > 1)
    assert min(step.get_ydata()) == fitted.best_score_
    plt.close(figure)
    figure = small(max_trials=1).fit(waves(), verbose=0).plot()  # too few to tell what mattered
    figure.canvas.draw()
    plt.close(figure)


def broken(hp):
    raise ZeroDivisionError("in the space")


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (broken, ValueError, "`space` must give .* failed with a ZeroDivisionError: in the space"),
        (
            lambda hp: hp.Choice("x", [1, 2]),
            TypeError,
            r"`space` must return a dict .* Received: 1",
        ),
        (
            lambda hp: {"unit": hp.Choice("x", [1, 2])},
            ValueError,
            "Parameters must be among those of Forecaster. Received: unit=1",
        ),
        (
            lambda hp: {"horizon": hp.Choice("x", [1, 2])},
            ValueError,
            "`space` must leave horizon as the template has it",
        ),
        (
            lambda hp: {"training__epochs": hp.Choice("x", [0, 2])},
            ValueError,
            "`epochs` must be at least 1. Received: epochs=0",
        ),
        (
            lambda hp: {"normalization": hp.Choice("x", ["first", "last"])},
            ValueError,
            "`normalization` must be one of",
        ),
        (lambda hp: {"channels": "joint"}, ValueError, "`space` must leave something to choose"),
        (
            lambda hp: {"seed": hp.Fixed("x", 3)},
            ValueError,
            "`space` must leave something to choose",
        ),
        (space(cells=["gru", "lstm"]), ValueError, "Received: network__cell='gru'"),  # `dense`
        ("gru", TypeError, r"`space` must be a function \(hp\) -> dict, or None"),
    ],
)
def test_bad_spaces(function, error, message):
    with pytest.raises(error, match=message):
        small(function).fit(waves(), verbose=0)


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"forecaster": "gru"}, TypeError, "`forecaster` must be a Forecaster"),
        ({"tuner": "sobol"}, ValueError, "`tuner` must be one of 'random', 'bayesian'"),
        ({"max_trials": 0}, ValueError, "`max_trials` must be at least 1"),
        ({"max_seconds": 0}, ValueError, "`max_seconds` must be finite and above 0"),
        ({"max_seconds": 1e-9}, ValueError, "`max_seconds` must leave time for a trial"),
        ({"folds": 0}, ValueError, "`folds` must be at least 1"),
        ({"folds": Folds(60, cutoffs=1)}, ValueError, r"`folds` must fit .* such folds fit"),
        ({"objective": "accuracy"}, ValueError, "`objective` must be one of 'MAE'"),
        ({"objective": "pinball"}, ValueError, "`objective` must be one of 'MAE'"),
        ({"prune": "yes"}, ValueError, "`prune` must be one of True, False"),
        ({"refit": 2}, ValueError, "`refit` must be one of True, False"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0"),
        ({"workers": -1}, ValueError, "`workers` must be at least 0"),
        ({"at_once": 2}, ValueError, "`at_once` must be None where `workers` is a number"),
        ({"directory": __file__}, OSError, "`directory` must be a folder that can be written"),
        ({"directory": f"{__file__}/search"}, OSError, "`directory` must be a folder that can"),
    ],
)
def test_bad_arguments(how, error, message):
    with pytest.raises(error, match=message):
        small().set_params(**how).fit(waves(), verbose=0)


def test_every_trial_failing_says_why_the_first_did():
    def bad(hp):
        return {"training__learning_rate": hp.Choice("rate", [1e30, 1e31])}

    message = (
        r"Every trial failed. The first, with {'training__learning_rate': 1e\+30}, by ValueError: "
        "The fit diverged"
    )
    with pytest.raises(RuntimeError, match=message) as failed:
        small(bad).fit(waves(), verbose=0)
    assert "Traceback" in failed.value.__notes__[0]
    assert "train" in failed.value.__notes__[0]


def test_a_trial_that_diverges_fails_alone():
    def mixed(hp):
        return {"training__learning_rate": hp.Choice("rate", [1e30, 0.01])}

    search = small(mixed, tuner="grid", max_trials=None).fit(waves(), verbose=0)
    assert search.trials_["status"].tolist() == ["failed", "completed"]
    assert search.trials_.loc[0, "error"].startswith("ValueError: The fit diverged")
    assert np.isnan(search.trials_.loc[0, "score"])
    assert search.best_params_ == {"training__learning_rate": 0.01}
    assert "1 failed" in search.report()


def test_a_network_of_a_notebook_with_workers_says_what_to_do():
    """As when a function cannot travel: told once, not a stack of dead workers."""
    template = tiny(network=lambda spec: dense(spec))
    with pytest.raises(RuntimeError, match=r"Every trial failed.*`workers` must be 0 for what can"):
        small(template=template, workers=1, max_trials=1).fit(waves(), verbose=0)


def test_cells_are_checked_where_a_spec_stands():
    template = tiny(network=RecurrentNetwork("gru", units=3))
    search = small(lambda hp: {"network__units": hp.Choice("units", [2, 3])}, template)
    assert search.fit(waves(), verbose=0).best_params_["network__units"] in (2, 3)
