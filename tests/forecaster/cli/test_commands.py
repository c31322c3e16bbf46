"""The command line does what the Python calls do, in their words, and keeps its streams clean.

Most tests call `main` in this process, as the console script does.
"""

import inspect
import io
import os
import re
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout, suppress
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from rich.progress import Progress

from forecaster import Forecaster, Quantiles, RecurrentNetwork, Training
from forecaster.cli import commands, common, data_files, demo, terminal
from forecaster.cli.options import PARAMETER_OF, PARAMETERS, features
from forecaster.datasets import list_datasets, load_dataset
from forecaster.network.cells import CELLS
from forecaster.utils.executors import SerialExecutor
from tests.helpers.tiny import days, waves, with_random_weights

COMMANDS = ["demo", "fit", "predict", "backtest", "search", "datasets"]
HORIZON = 6
TINY = ["--horizon", HORIZON, "--units", 4, "--epochs", 2, "--no-refit"]
SIMPLE = ["--cell", "simple_rnn"]
QUANTILES = ["--quantiles", "0.1,0.9"]
IN_OPTIONS = "Add --missing-future for the rows to fill in, and pass them by --future."
AIR = load_dataset("air_passengers")
SALES = ["--id", "store", "--target", "sales", "--weight", "weight"]  # of `sales()`
SALES += ["--static-covariate", "kind", "--future-covariate", "promo", "--future-covariate"]
SALES += ["event", "--time-features", "day_of_week"]


def tiny_forecaster(**parameters):
    """What the options `TINY` and `QUANTILES` mean in Python."""
    return Forecaster(
        HORIZON,
        network=RecurrentNetwork(units=4),
        output=Quantiles([0.1, 0.9]),
        training=Training(epochs=2, refit=False),
        **parameters,
    )


def sales():
    """Two stores, one below the other, one of which ends a day before the other."""
    frame = waves(columns=["N1", "7"]).melt(var_name="store", value_name="sales")
    extra = {"promo": np.arange(120) % 3, "event": np.resize(["None", "2", "Easter"], 120)}
    frame = frame.assign(day=np.tile(days(), 2), weight=1.0, **extra)
    frame.insert(0, "kind", np.where(frame["store"] == "7", "01", "a"))
    return frame.iloc[:-1]


@pytest.fixture(scope="module", autouse=True)
def _settings_of_tensorflow():
    """A command makes TensorFlow silent for the rest of its process; other tests have it back."""
    logger = tf.get_logger()
    level = logger.level
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
        yield
    logger.setLevel(level)


@pytest.fixture(scope="module")
def air_csv(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "air.csv"
    AIR.to_csv(file)
    return file


@pytest.fixture(scope="module")
def saved(tmp_path_factory, air_csv):
    """A model that the command line fitted and saved."""
    model = tmp_path_factory.mktemp("models") / "model"
    typed("fit", air_csv, "--save", model, *TINY, *QUANTILES)
    return model


@pytest.fixture(scope="module")
def sales_csv(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "sales.csv"
    sales().to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def saved_sales(tmp_path_factory, sales_csv):
    """A model of a long file, which needs future covariates."""
    model = tmp_path_factory.mktemp("models") / "model"
    out = typed("fit", sales_csv, "--save", model, *TINY, *QUANTILES, *SALES, *SIMPLE)
    assert out.endswith(f" predict {model} --missing-future\n")
    return model


@pytest.fixture(scope="module")
def fitted():
    return tiny_forecaster().fit(AIR, verbose=0)


def typed(*words):
    """Standard output of a command line that succeeds, for what tests share."""
    with redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit, match="0"):
        commands.main([str(word) for word in words])
    return out.getvalue()


def spawn(*words, **streams):
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | streams
    return subprocess.Popen([sys.executable, "-m", "forecaster", *map(str, words)], **streams)


# Words and defaults


def test_options_are_the_parameters_of_a_forecaster():
    known = Forecaster(1).get_params()
    del known["network"], known["training"]
    assert sorted(known) == sorted(PARAMETER_OF.get(name, name) for name in PARAMETERS)
    for name, option in PARAMETERS.items():
        default = known[PARAMETER_OF.get(name, name)]
        if name == "quantiles":
            assert (option.default, default) == (None, "point")
        elif name != "horizon":
            assert option.default == default, name


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


def test_help_tells_of_defaults_and_names_every_cell(run):
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

    code, told, _ = run(*words, "--output", tmp_path / "forecast.csv")
    assert (code, told) == (0, f"6 rows in {tmp_path / 'forecast.csv'}\n")
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
    assert (code, err) == (0, "")
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


def test_labels_of_the_user_are_printed_as_they_are(capsys):
    scores = pd.DataFrame({"series": ["load [kW]", ":smile:"], "step": [1, 2], "MAE": [2.0, 1.0]})
    terminal.print_table(scores, title="[bold]", styles=["", "dim"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert rows[0] == ["[bold]"]
    assert rows[-2:] == [["load", "[kW]", "1", "2.000"], [":smile:", "2", "1.000"]]


@pytest.mark.parametrize(
    ("called", "found", "name"),
    [
        ("/bin/forecaster", "/bin/forecaster", "forecaster"),
        (".venv/bin/forecaster", None, ".venv/bin/forecaster"),
        (".venv/bin/forecaster", "/bin/forecaster", ".venv/bin/forecaster"),
        ("/lib/forecaster/__main__.py", "/bin/forecaster", "python -m forecaster"),
    ],
)
def test_the_command_to_type_next_is_the_one_that_was_typed(monkeypatch, called, found, name):
    monkeypatch.setattr(sys, "argv", [called])
    monkeypatch.setattr(common.shutil, "which", lambda name: found)
    assert commands.program() == name


# Files


def test_a_column_is_of_texts_or_of_numbers(tmp_path):
    lines = ["id,text,number,gap", "01,x,1,True", ",NA,NA,", "3,None,2.5,False", "4,,,"]
    (tmp_path / "data.csv").write_text("\n".join(lines))
    expected = {
        "id": ["01", np.nan, "3", "4"],
        "text": ["x", "NA", "None", np.nan],
        "number": [1, np.nan, 2.5, np.nan],
        "gap": ["True", np.nan, "False", np.nan],
    }
    frame = data_files.read_data(tmp_path / "data.csv", ["id"])
    pd.testing.assert_frame_equal(frame, pd.DataFrame(expected), check_dtype=False)
    assert frame.dtypes["number"].kind == "f"


@pytest.mark.parametrize(
    ("columns", "given", "keys"),
    [
        (["day", "sales"], {}, (None, "day")),
        (["sales", "day"], {"time": "day"}, (None, "day")),
        (["store", "day", "sales"], {"id": "store"}, ("store", "day")),
        (
            ["kind", "sales", "day"],
            {"target": ["sales"], "static_covariate": ("kind",)},
            (None, "day"),
        ),
        (["weight", "day", "sales"], {"weight": "weight"}, (None, "day")),
        (["store"], {"id": "store"}, ("store", "store")),
    ],
)
def test_the_times_are_in_the_first_column_that_nothing_else_is_named_for(
    tmp_path, columns, given, keys
):
    pd.DataFrame(columns=columns).to_csv(tmp_path / "data.csv", index=False)
    defaults = {name: option.default for name, option in PARAMETERS.items()}
    named, frame = data_files.read_with_keys(tmp_path / "data.csv", defaults | given)
    assert (named["id"], named["time"]) == keys
    assert frame.columns.to_list() == columns


@pytest.mark.parametrize("keys", [["day"], ["store", "day"]])
def test_parquet_has_its_keys_in_the_index_or_in_columns(monkeypatch, keys):
    flat = sales()[[*keys, "sales"]].iloc[:60]
    frames = iter([flat.set_index(keys), flat])
    monkeypatch.setattr(pd, "read_parquet", lambda file: next(frames))
    defaults = {name: option.default for name, option in PARAMETERS.items()}
    for given in ({}, {"id": keys[0]} if len(keys) == 2 else {}):
        named, frame = data_files.read_with_keys(Path("sales.parquet"), defaults | given)
        assert [named["id"], named["time"]][-len(keys) :] == keys
        pd.testing.assert_frame_equal(frame, flat)


def test_a_folder_of_parquet_is_handed_on_where_its_keys_are_known(tmp_path):
    """Otherwise it is read, to find them."""
    for store, own in sales().groupby("store"):
        own.to_parquet(tmp_path / f"{store}.parquet", index=False)
    defaults = {name: option.default for name, option in PARAMETERS.items()}
    known = defaults | {"id": "store", "time": "day"}
    assert data_files.read_with_keys(tmp_path, known) == (known, tmp_path)
    named, frame = data_files.read_with_keys(tmp_path, defaults | {"id": "store"})
    assert (named["time"], len(frame)) == ("kind", len(sales()))
    columns = {"target": "sales", "id_column": "store"}
    model = with_random_weights(sales(), **columns, time_column="day")
    assert data_files.read_like_fit(tmp_path, model) == tmp_path
    model = with_random_weights(sales().set_index("day"), **columns)
    assert data_files.read_like_fit(tmp_path, model).index.name == "day"


def test_predict_from_a_folder(run, saved_sales, sales_csv, tmp_path):
    for store, own in sales().groupby("store"):
        own.to_parquet(tmp_path / f"{store}.parquet", index=False)
    ask = ["predict", saved_sales, "--missing-future"]
    assert run(*ask, tmp_path) == run(*ask, sales_csv)


@pytest.mark.parametrize(
    ("index", "columns"),
    [
        (["day"], {"id_column": "store"}),
        (["store", "day"], {}),
        ([], {"id_column": "store", "time_column": "day"}),
    ],
)
def test_a_file_gets_the_layout_and_the_texts_of_the_fit(tmp_path, index, columns):
    """However few of the texts are in it."""
    frame = sales()
    layout = frame.set_index(index) if index else frame
    roles = {"target": "sales", "past_covariates": ["event"], "static_covariates": ["kind"]}
    roles["network"] = RecurrentNetwork("simple_rnn", units=2)
    model = with_random_weights(layout, **roles, **columns)
    rows = (frame["store"] == "7") & (frame["event"] == "2")
    frame[rows].to_csv(tmp_path / "sales.csv", index=False)
    read = data_files.read_like_fit(tmp_path / "sales.csv", model)
    assert read.index.names == (index or [None])
    assert set(read["kind"]) == {"01"} and set(read["event"]) == {"2"}
    assert data_files.read_like_fit(None, model) is None


# Exit codes and messages


@pytest.mark.parametrize(
    ("code", "words", "message"),
    [
        (1, ["fit", "nothing.csv", "--save", "m", "--horizon", 1], "No such file .*nothing.csv"),
        (1, ["fit", "AIR", "--save", "m", *TINY, "--time", "ds"], "`time_column` must .*ds"),
        (1, ["fit", "AIR", "--save", "m", *TINY, "--cell", "tanh"], "`cell` must be one of"),
        (
            1,
            ["fit", "AIR", "--save", "m", *TINY, "--weight", "w"],
            "`weight_column` must .*unknown .*w",
        ),
        (
            1,
            ["fit", "SALES", "--save", "m", *TINY, "--id-column", "shop"],
            "`id_column` .*unknown .*shop",
        ),
        (
            1,
            ["fit", "SALES", "--save", "m", *TINY, *SALES, "--past-covariate", "prom"],
            "`past_covariates` must .*unknown .*prom.* Did you mean .*promo",
        ),
        (
            1,
            ["fit", "AIR", "--save", "m", *TINY, "--time-features", "hour,weak"],
            "`time_features` must .*unknown .*weak.* Did you mean .*week",
        ),
        (1, ["fit", "AIR", "--save", ".", *TINY], "must be a new directory.* Add --overwrite"),
        (1, ["fit", "AIR", "--save", ".", *TINY, "--overwrite"], "must be a .* no SavedModel"),
        (1, ["predict", "nothing"], "`path` must be an artifact.*nothing"),
        (1, ["predict", "SAVED", "--quantiles", 0.2], "`quantiles` must be among"),
        (1, ["predict", "SAVED", "--future", "no.csv"], "No such file .*no.csv"),
        (1, ["predict", "SAVED_SALES"], f"promo.*event.*{IN_OPTIONS}"),
        (1, ["backtest", "AIR", *TINY[:-1], "--cutoffs", 500], "`cutoffs` must fit"),
        (1, ["datasets", "air"], "`name` must be a known dataset"),
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
    assert err.startswith("Warning: `frame` has columns that are not numeric")
    assert err.count("\n") == 1
    assert warnings.showwarning is shown  # whoever calls `main` from Python has his own again


# Streams, in a process of its own


@pytest.mark.slow
def test_the_streams_of_a_real_process(saved, air_csv):
    process = spawn("predict", saved, air_csv)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.startswith("month,passengers\n1961-01-01,") and out.count("\n") == 1 + HORIZON


def test_a_reader_that_goes_away():
    with spawn("datasets", "air_passengers") as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_a_start_that_fails_tells_all(air_csv, tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import os; os.write(2, b'no such instruction'); raise ImportError('cannot be loaded')"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    process = spawn("fit", air_csv, "--save", tmp_path / "m", *TINY, env=environment)
    out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert err == "no such instructionError: cannot be loaded\n"


@pytest.mark.slow
def test_a_terminal_shows_progress_and_no_noise(air_csv, tmp_path):
    ours, theirs = pytest.importorskip("pty").openpty()
    process = spawn("fit", air_csv, "--save", tmp_path / "model", *TINY, stderr=theirs)
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # how Linux says that nobody holds the other end any more
        while part := os.read(ours, 1024):
            shown += part
    os.close(ours)
    out = process.communicate()[0]
    assert process.returncode == 0
    assert out.startswith("Fitted up to 1960-12-01, best epoch ") and out.count("\n") == 2
    for text in ("Loading TensorFlow", "Fitting", "validation", "seasonal naive"):
        assert text in shown.decode()
    for noise in ("oneDNN", "cuda", "XLA", "absl", "WARNING", "tensorflow/"):
        assert noise not in shown.decode()


# The parts


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("auto", "auto"),
        ("none", None),
        ("hour", ["hour"]),
        ("day_of_week,holidays:DE", ["day_of_week", "holidays:DE"]),
    ],
)
def test_time_features_as_they_are_typed(text, value):
    assert features(text) == value


def test_the_bar_follows_the_epochs():
    progress = Progress(disable=True)
    bar = progress.add_task("Fitting", total=None, note="")
    callback = terminal.epochs_of(progress, bar)
    assert isinstance(callback, keras.callbacks.Callback)
    callback.set_params({"epochs": 7})
    callback.on_epoch_end(2, {"loss": 1.0, "validation_score": 0.25, "naive_score": 0.5})
    (task,) = progress.tasks
    assert (task.completed, task.total) == (3, 7)
    assert task.fields["note"] == "validation 0.250, seasonal naive 0.500"
    callback.on_epoch_end(3, {"loss": 1.0})
    assert (task.completed, task.fields["note"]) == (4, "refit on all rows")


@pytest.mark.parametrize("executor", [SerialExecutor(), ThreadPoolExecutor(1)])
def test_a_watched_executor_tells_of_every_task(executor):
    done = []
    with terminal.Watched(executor, lambda: done.append(1)) as watched:
        futures = [watched.submit(pow, 2, power) for power in range(3)]
        assert [future.result() for future in futures] == [1, 2, 4]
    assert len(done) == 3


@pytest.mark.parametrize("executor", [SerialExecutor(), ThreadPoolExecutor(1)])
def test_a_watched_executor_hands_errors_on(executor):
    with (
        terminal.Watched(executor, lambda: None) as watched,
        pytest.raises(ZeroDivisionError),
    ):
        watched.submit(divmod, 1, 0).result()


@pytest.mark.parametrize(
    ("name", "scores", "texts"),
    [
        ("MAE", [48.301, 5.2], ["48.30", "5.20"]),
        ("MASE", [0.9123, np.nan], ["0.9123", ""]),
        ("RMSE", [1234567.8, 12.0], ["1,234,568", "12"]),
        ("sMAPE", [0.0, 0.0], ["0.0", "0.0"]),
        ("skill", [0.314, -0.5], ["31 %", "-50 %"]),
        ("coverage", [0.8, np.nan], ["80 %", ""]),
    ],
)
def test_scores_as_texts(name, scores, texts):
    assert terminal.score_texts(name, pd.Series(scores)) == texts


# The demo


@pytest.mark.slow
def test_demo_chooses_by_validation_and_leaves_a_model_and_a_picture(capsys, tmp_path):
    networks = [RecurrentNetwork(cell, units=2) for cell in ("simple_rnn", "gru")]
    demo.run_demo(tmp_path, networks=networks, training=Training(epochs=1), seed=1, program="fc")
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("2 recurrent cells forecast airline passengers, 12 months ahead.")
    assert "on the 109 months up to January 1958" in out
    table = [line.split() for line in out.splitlines() if line.startswith("  ") and line.strip()]
    rows = {words[0]: words for words in table}
    validation = {cell: float(rows[cell][1]) for cell in ("simple_rnn", "gru")}
    best = min(validation, key=validation.get)
    assert f"\n{best} is chosen for its validation score" in out
    assert out.endswith(f"  fc predict {tmp_path / 'model'} --quantiles 0.1,0.9\n")

    again = Forecaster.load(tmp_path / "model")
    assert (again.network.cell, again.seed) == (best, 1)
    assert again.predict(quantiles=[0.1, 0.9]).index[0] == pd.Timestamp("1961-01-01")
    assert (tmp_path / "forecast.png").read_bytes().startswith(b"\x89PNG")


def test_demo_from_the_command_line(run, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(demo, "run_demo", lambda *args, **kwargs: asked.append((args, kwargs)))
    monkeypatch.setattr(sys, "argv", ["here/forecaster"])
    (tmp_path / "taken" / "model").mkdir(parents=True)
    assert run("demo", "--directory", tmp_path / "taken")[0] == 1
    assert run("demo", "--directory", tmp_path, "--seed", 3) == (0, "", "")
    assert asked == [((tmp_path,), {"seed": 3, "program": "here/forecaster"})]
    assert demo.CELLS == ("simple_rnn", "lstm", "gru", "peephole_lstm", "coupled_lstm")
