"""The command line does what the Python calls do, in their words.

Most tests call `main` in this process, as the console script does.
"""

import inspect
import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster, RecurrentNetwork
from forecaster.cli import commands
from forecaster.datasets import list_datasets, load_dataset
from forecaster.network.cells import CELLS
from tests.helpers.command_line import (
    AIR,
    HORIZON,
    IN_OPTIONS,
    QUANTILES,
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
    np.testing.assert_array_equal(forecast, fitted.predict())


def test_predict_quantiles_of_another_history_into_a_file(run, saved, fitted, tmp_path):
    AIR.iloc[:100].to_csv(tmp_path / "past.csv")
    words = ["predict", saved, tmp_path / "past.csv", *QUANTILES]
    _, out, _ = run(*words)
    forecast = pd.read_csv(io.StringIO(out), index_col="month", parse_dates=True)
    expected = fitted.predict(AIR.iloc[:100], quantiles=[0.1, 0.9])
    assert (forecast.index == expected.index).all()
    assert forecast.columns.to_list() == ["passengers_q0.1", "passengers_q0.9"]
    np.testing.assert_array_equal(forecast, expected)

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


@pytest.mark.slow
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
    np.testing.assert_array_equal(forecast[levels], expected[levels])


def test_predict_from_a_folder(run, saved_sales, sales_csv, tmp_path):
    for store, own in sales().groupby("store"):
        own.to_parquet(tmp_path / f"{store}.parquet", index=False)
    ask = ["predict", saved_sales, "--missing-future"]
    assert run(*ask, tmp_path) == run(*ask, sales_csv)


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
