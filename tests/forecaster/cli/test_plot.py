"""`forecaster plot` draws what `predict` and `backtest` write."""

import re

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster
from forecaster.cli import plot
from tests.helpers.command_line import AIR, HORIZON


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were written."""
    figures, write = [], plot._write

    def recorded(figure, file):
        figures.append(figure)
        write(figure, file)

    monkeypatch.setattr(plot, "_write", recorded)
    return figures


def lines_of(ax):
    return [np.asarray(line.get_ydata(), float) for line in ax.lines if len(line.get_ydata()) > 2]


@pytest.mark.parametrize(
    ("suffix", "begin"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")]
)
def test_a_picture_of_the_forecast(run, saved, tmp_path, drawn, suffix, begin):
    file = tmp_path / f"forecast{suffix}"
    assert run("plot", saved, "--output", file) == (0, f"Picture in {file}\n", "")
    assert file.read_bytes().startswith(begin)
    (ax,) = drawn[0].axes
    past, ahead = lines_of(ax)
    expected = Forecaster.load(saved).predict()["passengers"].to_numpy()
    np.testing.assert_allclose(ahead, [432.0, *expected], rtol=1e-6)  # from the last value on
    kept = AIR["passengers"].to_numpy(float)[-len(past) :]
    np.testing.assert_array_equal(past, kept)
    assert len(ax.collections) == 1  # the band of both quantiles
    assert [text.get_text() for text in ax.texts] == ["80 %", "forecast"]


def test_a_history_of_a_file_and_some_of_its_steps(run, saved, air_csv, tmp_path, drawn):
    words = [
        "--last",
        30,
        "--quantiles",
        "0.5",
        "--title",
        "Airlines",
        "--output",
        tmp_path / "a.svg",
    ]
    assert run("plot", saved, air_csv, *words)[0] == 0
    past, ahead = lines_of(drawn[0].axes[0])
    assert (len(past), len(ahead)) == (30, HORIZON + 1)
    assert not drawn[0].axes[0].collections
    assert drawn[0].axes[0].get_title(loc="left") == "Airlines"


def test_a_panel_for_each_id(run, saved_sales, tmp_path, drawn):
    model = Forecaster.load(saved_sales)
    future = model.future_frame().assign(promo=1, event="2")
    future.to_csv(tmp_path / "future.csv", index=False)
    words = [
        "plot",
        saved_sales,
        "--future",
        tmp_path / "future.csv",
        "--output",
        tmp_path / "a.svg",
    ]
    assert run(*words)[0] == 0
    assert run(*words, "--series", "N1", "--series", "N1")[0] == 0
    titles = [[ax.get_title(loc="left") for ax in figure.axes] for figure in drawn]
    assert titles == [["sales, store 7", "sales, store N1"], ["sales, store N1"]]
    forecast = model.predict(future=future)
    for figure, row in ((drawn[0], 1), (drawn[1], 0)):
        own = forecast.loc[forecast["store"] == "N1", "prediction"].to_numpy()
        np.testing.assert_allclose(lines_of(figure.axes[row])[1][1:], own, rtol=1e-6)


def test_many_panels_stand_in_two_columns():
    figure, panels = plot._panels(5, "Title")
    assert figure.get_suptitle() == "Title"
    assert len(panels) == 5 and len(figure.axes) == 6
    assert [ax.get_visible() for ax in figure.axes] == [True] * 5 + [False]
    figure, panels = plot._panels(1, "Title")
    assert figure.get_size_inches().tolist() == [plot.WIDTH, plot.HEIGHT]


def test_the_first_series_are_drawn_and_the_others_told(capsys):
    names = [str(number) for number in range(20)]
    assert plot._chosen(names, None, 6) == names[:6]
    assert capsys.readouterr().err == (
        "Note: 6 of 20 series are drawn; choose others by --series.\n"
    )
    with pytest.raises(ValueError, match=r"--series must be one of 0, 1, 2, 3, 4 and 15 more"):
        plot._chosen(names, ["x"], 6)


@pytest.fixture
def backtested(tmp_path):
    """A file as `backtest --output` writes it: two series, forecasts of 3 steps from 4 cutoffs."""
    days = pd.date_range("2024-01-01", periods=20)
    rows = [
        {
            "series": series,
            "cutoff": days[cutoff],
            "step": step,
            "time": days[cutoff + step],
            "actual": 10.0 * (cutoff + step),
            "prediction": 10.0 * (cutoff + step) + step,
            "q0.1": 10.0 * (cutoff + step) - 5,
            "q0.9": 10.0 * (cutoff + step) + 5,
            "naive": 10.0 * cutoff,
        }
        for series in ("007", "b")
        for cutoff in (5, 6, 8, 11)
        for step in (1, 2, 3)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_picture_of_a_backtest(run, backtested, tmp_path, drawn, suffix):
    file = tmp_path / f"backtest.{suffix}"
    getattr(backtested, f"to_{suffix}")(file, index=False)
    code, _, err = run("plot", file, "--output", tmp_path / "a.png")
    assert (code, err) == (0, "Note: 1 of 2 series are drawn; choose others by --series.\n")
    times, steps = drawn[0].axes
    assert times.get_title(loc="left") == "007"
    prediction, naive = lines_of(steps)
    assert (prediction.tolist(), naive.tolist()) == ([1, 2, 3], [10, 20, 30])
    # Cutoffs 5, 8 and 11, whose forecasts do not overlap; a line and a naive each, and the actual.
    assert len(lines_of(times)) == 3 * 2 + 1
    assert run("plot", file, "--series", "b", "--output", tmp_path / "a.png")[0] == 0
    assert drawn[1].axes[0].get_title(loc="left") == "b"


def test_integer_times_of_a_backtest(run, backtested, tmp_path, drawn):
    integer = backtested.assign(cutoff=backtested["step"] * 0 + 7, time=7 + backtested["step"])
    integer.to_csv(tmp_path / "b.csv", index=False)
    assert run("plot", tmp_path / "b.csv", "--series", "b", "--output", tmp_path / "a.png")[0] == 0
    assert lines_of(drawn[0].axes[0])[0].size == 3


@pytest.mark.parametrize(
    ("code", "words", "message"),
    [
        (1, ["nothing"], "No such file or directory: 'nothing'."),
        (1, ["AIR"], "MODEL must be a saved model, or a file that backtest .* no column series"),
        (2, ["AIR", "--last", 3], "'MODEL': is a file, not a saved model. Leave out --last"),
        (2, ["SAVED", "--output", "a.gif"], "'--output': a.gif ends in none of .png, .svg, .pdf"),
        (2, ["SAVED", "--output", "no/a.png"], "there is no folder 'no'"),
        (1, ["SAVED", "--series", "passanger"], "--series must be .* Did you mean 'passengers'"),
        (1, ["SAVED", "--quantiles", 0.3], "--quantiles must be among those of the fit"),
        (1, ["SALES"], "--future must be given .* written by forecaster predict --missing-future"),
        (1, ["."], "MODEL must be a saved model"),
    ],
)
def test_what_cannot_be_drawn(run, request, tmp_path, monkeypatch, code, words, message):
    monkeypatch.chdir(tmp_path)
    fixtures = {"AIR": "air_csv", "SAVED": "saved", "SALES": "saved_sales"}
    words = [request.getfixturevalue(fixtures[w]) if w in fixtures else w for w in words]
    left, out, err = run("plot", *words)
    assert (left, out) == (code, "")
    assert err.startswith("Error: ") and err.count("\n") == 1
    assert re.search(message, err), err
    assert list(tmp_path.iterdir()) == []
