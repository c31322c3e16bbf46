"""The command line does what the Python calls do, in their words.

Most tests call `main` in this process, as the console script does.
"""

import inspect
import io
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from rich.progress import Progress

from forecaster import Forecaster, RecurrentNetwork
from forecaster.cli import commands
from forecaster.datasets import list_datasets, load_dataset
from forecaster.network.cells import CELLS
from tests.helpers.command_line import (
    AIR,
    HORIZON,
    IN_OPTIONS,
    QUANTILES,
    SALES,
    SIMPLE,
    TINY,
    sales,
    tiny_forecaster,
)

COMMANDS = ["demo", "fit", "predict", "backtest", "search", "datasets"]


@pytest.fixture(scope="module")
def fitted():
    return tiny_forecaster().fit(AIR, verbose=0)


# Words and defaults


@pytest.mark.parametrize(
    ("command", "call", "names"),
    [
        ("fit", Forecaster.save, ["overwrite", "keep_history"]),
        ("fit", Forecaster.fit, ["resume_dir"]),
        ("predict", Forecaster.predict, ["future", "quantiles"]),
        (
            "backtest",
            Forecaster.backtest,
            ["cutoffs", "stride", "refit", "gap", "train_length", "workers"],
        ),
        ("datasets", load_dataset, ["split"]),
    ],
)
def test_commands_have_the_defaults_of_the_calls(command, call, names):
    ours = inspect.signature(getattr(commands, command)).parameters
    theirs = inspect.signature(call).parameters
    assert [ours[name].default for name in names] == [theirs[name].default for name in names]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run, command):
    code, out, err = run(command, "--help")
    assert (code, err) == (0, "")
    assert f"forecaster {command}" in out


def test_help_shows_defaults_and_names_every_cell(run):
    _, out, _ = run("fit", "-h")
    words = " ".join(out.replace("│", " ").split())
    assert "[default: 64]" in words and "[default: (three seasons or horizons)]" in words
    assert all(cell in words for cell in CELLS)
    assert "<bool>" not in words.replace("-h <bool>", "")  # no flag looks as if it took a value


def test_nothing_typed_shows_the_commands(run):
    code, out, _ = run()
    assert code == 0
    assert all(command in out for command in COMMANDS)


def test_version(run):
    assert run("--version") == (0, f"keras-forecaster {commands.version('keras-forecaster')}\n", "")


def test_help_loads_nothing_heavy(tmp_path):
    code = (
        "import sys; from forecaster.cli import main\n"
        "try: main(['fit', '--help'])\n"
        "finally: print(*{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    loaded = {*done.stdout.splitlines()[-1].split()}
    assert "forecaster" in loaded
    assert not loaded & {"tensorflow", "keras", "sklearn", "matplotlib", "pandas", "numpy"}


# What the commands do


def test_predict_writes_what_python_predicts(run, saved, fitted):
    code, out, err = run("predict", saved)
    assert (code, err) == (0, "")
    forecast = pd.read_csv(io.StringIO(out), index_col=0, parse_dates=True)
    assert (forecast.index == fitted.predict().index).all()
    assert forecast.columns.to_list() == ["passengers"]
    np.testing.assert_array_equal(forecast.astype(np.float32), fitted.predict())


def test_predict_quantiles_of_another_history_into_a_file(run, saved, fitted, tmp_path):
    AIR.iloc[:100].to_csv(tmp_path / "past.csv")
    words = ["predict", saved, tmp_path / "past.csv", *QUANTILES]
    _, out, _ = run(*words)
    forecast = pd.read_csv(io.StringIO(out), index_col="month", parse_dates=True)
    expected = fitted.predict(AIR.iloc[:100], quantiles=[0.1, 0.9])
    assert (forecast.index == expected.index).all()
    assert forecast.columns.to_list() == ["passengers_q0.1", "passengers_q0.9"]
    np.testing.assert_array_equal(forecast.astype(np.float32), expected)

    code, printed, _ = run(*words, "--output", tmp_path / "forecast.csv")
    assert (code, printed) == (0, f"6 rows in {tmp_path / 'forecast.csv'}\n")
    assert (tmp_path / "forecast.csv").read_text() == out


def test_a_forecaster_that_was_fitted_in_python(run, fitted, air_csv, tmp_path):
    """Its times were in the index, so those of a file are taken from the first column."""
    fitted.save(tmp_path / "model")
    assert run("predict", tmp_path / "model") == run("predict", tmp_path / "model", air_csv)
    _, out, _ = run("predict", tmp_path / "model", *QUANTILES)
    assert out.startswith("month,passengers_q0.1,passengers_q0.9\n1961-01-01,")


@pytest.mark.slow
def test_integer_times_targets_and_more_options(run, tmp_path):
    frame = AIR.assign(other=range(144), number=range(5, 5 + 144)).reset_index(drop=True)
    frame.to_csv(tmp_path / "data.csv", index=False)
    words = ["--time", "number", "--target", "other", "--target", "passengers", "--freq", 1]
    words += ["--season-length", 12, "--validation", 24, *SIMPLE, *TINY]
    code, out, err = run("fit", tmp_path / "data.csv", "--save", tmp_path / "model", *words)
    assert code == 0
    assert err == (
        "Read: data.csv: 144 rows; time number (5 to 148); target other, passengers; freq 1, "
        "season 12, window 36.\n"
    )
    assert out.startswith("Fitted up to 148, best epoch ")
    model = Forecaster.load(tmp_path / "model")
    assert model.time_column == "number" and model.target == ["other", "passengers"]
    assert (model.freq, model.season_length, model.training.validation) == (1, 12, 24)
    assert model.network == RecurrentNetwork("simple_rnn", units=4)
    _, out, _ = run("predict", tmp_path / "model")
    assert out.startswith("number,other,passengers\n149,")


def test_a_long_file_is_forecast_with_what_is_known_of_the_horizon(run, saved_sales, tmp_path):
    model = Forecaster.load(saved_sales)
    assert (model.id_column, model.time_column, model.target) == ("store", "day", ["sales"])
    assert [*model.future_covariates] == ["promo", "event"]
    assert [*model.static_covariates, *model.past_covariates] == ["kind"]
    assert (model.weight_column, [*model.time_features]) == ("weight", ["day_of_week"])

    file = tmp_path / "future.csv"
    ask = ["predict", saved_sales, "--missing-future"]
    assert run(*ask, "--output", file) == (0, f"{2 * HORIZON} rows in {file}\n", "")
    future = pd.read_csv(file)
    assert future.columns.to_list() == ["store", "day", "promo", "event"]
    assert future.iloc[[0, -1], :2].values.tolist() == [["7", "2024-02-29"], ["N1", "2024-03-06"]]

    future = future.assign(promo=1, event="2")  # digits only, and still a text
    future.iloc[:-1].to_csv(file, index=False)
    assert run(*ask, "--future", file) == (0, "store,day,promo,event\nN1,2024-03-06,,\n", "")
    code, out, err = run("predict", saved_sales, "--future", file)
    assert (code, out) == (1, "")
    assert err.endswith(f" (1 rows). {IN_OPTIONS}\n")

    future.to_csv(file, index=False)
    code, out, err = run("predict", saved_sales, "--future", file, *QUANTILES)
    assert (code, err) == (0, "")
    forecast = pd.read_csv(io.StringIO(out), parse_dates=["day"])
    expected = model.predict(future=future, quantiles=[0.1, 0.9])
    assert forecast.columns.to_list() == ["store", "day", "q0.1", "q0.9"]
    assert (forecast[["store", "day"]] == expected[["store", "day"]]).all(axis=None)
    levels = ["q0.1", "q0.9"]
    np.testing.assert_array_equal(forecast[levels].astype(np.float32), expected[levels])


def test_predict_from_a_folder(run, saved_sales, sales_csv, tmp_path):
    for store, own in sales().groupby("store"):
        own.to_parquet(tmp_path / f"{store}.parquet", index=False)
    ask = ["predict", saved_sales, "--missing-future"]
    assert run(*ask, tmp_path) == run(*ask, sales_csv)


@pytest.mark.slow
def test_backtest_of_a_long_file(run, sales_csv):
    words = [*TINY[:-1], *SIMPLE, "--epochs", 1, "--cutoffs", 2, "--by", "series"]
    code, out, err = run("backtest", sales_csv, *SALES, *words)
    assert (code, err) == (0, "")
    rows = [line.split()[:2] for line in out.splitlines()]
    assert rows[0] == ["3", "forecasts"]  # one store ends before the second of the horizons
    assert [[store, "prediction"] in rows for store in ("7", "N1")] == [True, True]


@pytest.mark.slow
def test_backtest_writes_and_scores_what_python_does(run, air_csv, tmp_path):
    words = ["--cutoffs", 3, "--stride", 2, "--output", tmp_path / "forecasts.csv"]
    code, out, _ = run("backtest", air_csv, *TINY[:-1], *QUANTILES, *words)
    assert code == 0
    model = tiny_forecaster().set_params(training__refit=True)
    result = model.backtest(AIR, cutoffs=3, stride=2)
    written = pd.read_csv(tmp_path / "forecasts.csv", parse_dates=["cutoff", "time"])
    assert written.columns.equals(result.forecasts.columns)
    for name in ("step", "actual", "prediction", "q0.9", "naive"):
        np.testing.assert_allclose(written[name], result.forecasts[name], rtol=1e-6)
    assert (written["time"] == result.forecasts["time"]).all()
    assert out.startswith("3 forecasts of 6 steps from 3 cutoffs")
    rows = {words[0]: words for line in out.splitlines() if (words := line.split())}
    for forecast, scores in result.scores().iterrows():
        assert float(rows[forecast][1]) == pytest.approx(scores["MAE"], rel=1e-3)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_backtest_of_a_saved_model_says_that_it_is_fitted_anew(run, saved, air_csv):
    code, out, err = run("backtest", air_csv, "--model", saved, "--cutoffs", 2, "--by", "step")
    assert code == 0
    rows = [line.split()[:2] for line in out.splitlines()]
    assert ["6", "prediction"] in rows and ["6", "naive"] in rows
    assert err.startswith("Warning: ") and "fresh clone" in err and err.count("\n") == 1


@pytest.mark.slow
def test_refits_run_one_after_another_and_move_the_bar(run, air_csv, monkeypatch):
    moved = []
    monkeypatch.setattr(Progress, "advance", lambda *_: moved.append(1))
    code, out, _ = run("backtest", air_csv, *TINY[:-1], "--cutoffs", 2, "--refit", "--epochs", 1)
    assert (code, len(moved)) == (0, 2)
    assert "2 forecasts of 6 steps from 2 cutoffs" in out


def test_datasets(run, tmp_path):
    code, out, err = run("datasets")
    assert (code, err) == (0, "")
    assert all(name in out for name in list_datasets()["name"])
    _, out, _ = run("datasets", "air_passengers")
    read = pd.read_csv(io.StringIO(out), index_col=0, parse_dates=True)
    pd.testing.assert_frame_equal(read, AIR, check_freq=False, check_index_type=False)
    file = tmp_path / "air.csv"
    assert run("datasets", "air_passengers", "--output", file)[:2] == (0, f"144 rows in {file}\n")
    assert file.read_text() == out


class Scored:
    """A result of a backtest, without one."""

    horizon = 6

    def __len__(self):
        return 3

    def scores(self, by):
        index = pd.Index(["prediction", "naive"], name="forecast")
        return pd.DataFrame({"MAE": [1.0, 2.0]}, index)


@pytest.mark.parametrize(
    ("words", "length", "warnings"),
    [
        (["--train-length", 40], 40, 0),
        (["--window", 40], 40, 1),
        ([], None, 0),
    ],
)
def test_the_former_name_of_the_training_window(run, monkeypatch, air_csv, words, length, warnings):
    asked = []

    class Recorded:
        def backtest(self, frame, **how):
            asked.append(how["train_length"])
            return Scored()

    monkeypatch.setattr(commands, "new_forecaster", lambda parameters: Recorded())
    code, out, err = run("backtest", air_csv, "--horizon", 6, *words)
    assert code == 0 and " ".join(out.split()).startswith("3 forecasts of 6 steps from 10 cutoffs")
    assert asked == [length]
    line = "Warning: --window is now called --train-length, and will be gone later.\n"
    assert err == line * warnings


def test_the_former_name_beside_the_present_one_is_refused(run, air_csv):
    words = ["--horizon", 6, "--window", 30, "--train-length", 40]
    code, out, err = run("backtest", air_csv, *words)
    assert (code, out) == (2, "")
    assert "'--window': is its former name: leave it out." in err
    assert err.startswith("Error: ") and err.count("\n") == 1


def test_the_former_name_is_not_in_the_help(run):
    _, out, _ = run("backtest", "--help")
    assert "--train-length" in out
    assert re.search(r"--window(?![\w-])", out) is None
