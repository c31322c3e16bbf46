"""`forecaster backtest` scores what the Python call does."""

import re

import numpy as np
import pandas as pd
import pytest
from rich.progress import Progress

from forecaster.cli import backtest
from tests.helpers.command_line import AIR, QUANTILES, SALES, SIMPLE, TINY, tiny_forecaster


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

    monkeypatch.setattr(backtest, "new_forecaster", lambda parameters: Recorded())
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
