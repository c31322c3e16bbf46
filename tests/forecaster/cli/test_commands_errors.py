"""Whatever goes wrong, the command line leaves an exit code and at most one line."""

import re
import warnings

import pytest

from forecaster.cli import commands
from tests.helpers.command_line import AIR, IN_OPTIONS, SALES, TINY


@pytest.mark.parametrize(
    ("code", "words", "message"),
    [
        (1, ["fit", "nothing.csv", "--save", "m", "--horizon", 1], "No such file .*nothing.csv"),
        (1, ["fit", "AIR", "--save", "m", *TINY, "--time", "ds"], "--time must .*ds"),
        (
            2,
            ["fit", "AIR", "--save", "m", *TINY, "--cell", "tanh"],
            "'tanh' is not one of simple",
        ),
        (
            2,
            ["fit", "AIR", "--save", "m", *TINY, "--cell", "PeepholLSTM"],
            "mean 'peephole_lstm'",
        ),
        (2, ["fit", "AIR", "--save", "m", *TINY, "--dropout", 2], "--dropout must be at least 0 "),
        (
            2,
            ["fit", "AIR", "--save", "m", *TINY, "--loss", "pinball"],
            "point .*--loss auto",
        ),
        (2, ["fit", "AIR", "--save", "m", *TINY, "--seed", 2**40], "--seed must be below"),
        (2, ["fit", "AIR", "--save", "m", *TINY, "--quantiles", 1.5], "--quantiles must be prob"),
        (
            1,
            ["fit", "AIR", "--save", "m", *TINY, "--weight", "w"],
            "--weight must .*unknown .*w",
        ),
        (
            1,
            ["fit", "SALES", "--save", "m", *TINY, "--id-column", "shop"],
            "--id .*unknown .*shop",
        ),
        (
            1,
            ["fit", "SALES", "--save", "m", *TINY, *SALES, "--past-covariate", "prom"],
            "--past-covariate must .*unknown .*prom.* Did you mean .*promo",
        ),
        (
            2,
            ["fit", "AIR", "--save", "m", *TINY, "--time-features", "hour,weak"],
            "--time-features must .*unknown .*weak.* Did you mean .*week",
        ),
        (1, ["fit", "AIR", "--save", ".", *TINY], "must be a new directory.* Add --overwrite"),
        (1, ["fit", "AIR", "--save", ".", *TINY, "--overwrite"], "must be a .* no SavedModel"),
        (1, ["predict", "nothing"], "MODEL must be a saved model.*nothing"),
        (1, ["predict", "SAVED", "--quantiles", 0.2], "--quantiles must be among"),
        (1, ["predict", "SAVED", "--future", "no.csv"], "No such file .*no.csv"),
        (1, ["predict", "SAVED_SALES"], f"promo.*event.*{IN_OPTIONS}"),
        (1, ["backtest", "AIR", *TINY[:-1], "--cutoffs", 500], "--cutoffs must fit into the file"),
        (1, ["datasets", "air"], "NAME must be a known dataset"),
        (2, ["fti"], "No such command 'fti'.* See forecaster --help"),
        (2, ["fit"], "Missing argument 'DATA.CSV'.* See forecaster fit --help"),
        (2, ["fit", "AIR", "--save", "m"], "Missing option '--horizon'"),
        (2, ["fit", "AIR", "--save", "m", "--horizon", 0], "'--horizon'"),
        (2, ["fit", "AIR", "--save", "m", *TINY, "--wheels", 4], "--wheels"),
        (2, ["fit", "AIR", "--save", "m", *TINY, "--channels", "both"], "'independent', 'joint'"),
        (2, ["fit", "AIR", "--save", "m", *TINY, "--validation", "x"], "'x' is not a number"),
        (2, ["fit", "AIR", "--save", "m", *TINY, "--quantiles", ".1,b"], "'b' is not a number"),
        (2, ["predict", "SAVED", "--output", "no/f.csv"], "'--output': there is no folder 'no'"),
        (2, ["backtest", "AIR"], "'--horizon': needed without --model"),
        (
            2,
            ["backtest", "AIR", "--model", "SAVED", "--horizon", 3, *SALES[-2:], "--id", "store"],
            "'--model': .* Leave out --id, --time-features, --horizon",
        ),
    ],
)
def test_an_error_is_one_line(run, request, tmp_path, monkeypatch, code, words, message):
    monkeypatch.chdir(tmp_path)
    fixtures = {
        "AIR": "air_csv",
        "SALES": "sales_csv",
        "SAVED": "saved",
        "SAVED_SALES": "saved_sales",
    }
    files = {word: request.getfixturevalue(fixtures[word]) for word in words if word in fixtures}
    left, out, err = run(*(files.get(word, word) for word in words))
    assert (left, out) == (code, "")
    assert err.startswith("Error: ") and err.count("\n") == 1
    assert re.search(message, err), err
    assert list(tmp_path.iterdir()) == []


def test_what_nobody_expected_is_named_and_debug_shows_where(run, monkeypatch, air_csv):
    def fail(*_):
        return {}["lost"]

    monkeypatch.setattr(commands, "read_with_keys", fail)
    words = ["fit", air_csv, "--horizon", 1, "--save", "model"]
    assert run(*words) == (1, "", "Error: KeyError: 'lost' (--debug shows where.)\n")
    for debug in (["--debug", *words], [*words, "--debug"]):
        code, out, err = run(*debug)
        assert (code, out) == (1, "")
        assert err.startswith("Traceback") and "in fail" in err


def test_ctrl_c(run, monkeypatch, air_csv):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "read_with_keys", interrupted)
    words = ["fit", air_csv, "--horizon", 1, "--save", "model"]
    assert run(*words) == (130, "", "Interrupted.\n")


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_line(run, saved, tmp_path):
    AIR.assign(note="x").to_csv(tmp_path / "air.csv")
    shown = warnings.showwarning
    code, out, err = run("predict", saved, tmp_path / "air.csv")
    assert code == 0 and out.startswith("month,passengers\n")
    assert err.startswith("Warning: The file has columns that are not numeric")
    assert err.count("\n") == 1
    assert warnings.showwarning is shown  # whoever calls `main` from Python has his own again


def test_notes_of_an_error_are_in_its_line_but_no_traceback(run, monkeypatch, air_csv):
    def fail(*_):
        error = ValueError("Every trial\nfailed.")
        for note in ("The first is 0000.", 'Traceback:\n  File "trial.py"', "Try another."):
            error.add_note(note)
        raise error

    monkeypatch.setattr(commands, "read_with_keys", fail)
    code, out, err = run("fit", air_csv, "--horizon", 1, "--save", "model")
    assert (code, out) == (1, "")
    assert err == "Error: Every trial failed. The first is 0000. Try another.\n"


def test_advice_to_call_python_becomes_an_option(run, monkeypatch, air_csv):
    def fail(*_):
        raise ValueError("Two rows are missing. Call `model.missing_future(frame)` for the list.")

    monkeypatch.setattr(commands, "read_with_keys", fail)
    _, _, err = run("fit", air_csv, "--horizon", 1, "--save", "model")
    assert err == f"Error: Two rows are missing. {IN_OPTIONS}\n"
