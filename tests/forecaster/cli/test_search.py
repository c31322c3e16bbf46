"""`forecaster search` does what `ForecasterSearch` does, and goes on when it is typed again."""

import inspect
import json
import re

import pytest

from forecaster import Forecaster, ForecasterSearch, RecurrentNetwork, Training, space
from forecaster.cli import commands as cli
from forecaster.cli.search import search
from forecaster.datasets import load_dataset

HORIZON = 6
TINY = ["--horizon", HORIZON, "--units", 4, "--num-layers", 1, "--epochs", 1, "--no-refit"]
HOW = ["--cells", "gru,simple_rnn", "--trials", 2, "--folds", 2, "--tuner", "random"]


@pytest.mark.slow
def test_it_finds_what_python_finds(run, air_csv, tmp_path):
    folder, model = tmp_path / "search", tmp_path / "best"
    words = ["search", air_csv, "--save", model, "--directory", folder, *TINY, *HOW]
    code, out, err = run(*words)
    assert code == 0
    assert [line[:21] for line in err.splitlines()] == [
        "trial 0000  completed",
        "trial 0001  completed",
    ]
    template = Forecaster(
        HORIZON,
        network=RecurrentNetwork(units=4),
        training=Training(epochs=1, refit=False),
    )
    narrow = space(cells=["gru", "simple_rnn"]).without(
        # What was typed is not searched. A value that is the default counts as not typed.
        ["network__units", "training__epochs", "training__refit"]
    )
    expected = ForecasterSearch(template, narrow, tuner="random", max_trials=2, folds=2)
    expected.fit(load_dataset("air_passengers"), verbose=0)
    lines = out.splitlines()
    assert [line.split(" in ")[0] for line in (lines[0], expected.report().splitlines()[0])] == [
        "2 trials (2 completed)"
    ] * 2
    assert f"best, trial {expected.trials_['score'].idxmin()} " in out
    assert f"{expected.best_score_:.4g}" in out
    assert "network__units" not in out
    assert lines[-1] == f"Saved in {model}. Next: {cli.program()} predict {model}"
    assert Forecaster.load(model).get_params()["network__units"] == 4

    times = {file: file.stat().st_mtime_ns for file in folder.glob("trial_*/*.json")}
    assert len(times) == 2 * 3
    code, _, err = run(*words)
    assert (code, "Add --overwrite." in err) == (1, True)
    code, again, _ = run(*words, "--overwrite")
    assert code == 0
    assert again.splitlines()[1:] == lines[1:]
    assert {file: file.stat().st_mtime_ns for file in times} == times


def test_another_search_in_the_folder(run, air_csv, tmp_path):
    folder = tmp_path / "search"
    folder.mkdir()
    (folder / "search.json").write_text(json.dumps({"seed": 1}))
    code, out, err = run(
        "search", air_csv, "--save", tmp_path / "best", "--directory", folder, *TINY, *HOW
    )
    assert (code, out) == (1, "")
    assert err.startswith("Error: --directory must be empty or hold this search.")


def test_words_and_defaults_are_those_of_python():
    python = inspect.signature(ForecasterSearch).parameters
    named = {"trials": "max_trials"}
    for name, option in inspect.signature(search).parameters.items():
        name = named.get(name, name)
        if name in python and name not in ("directory", "objective"):
            assert option.default == python[name].default, name


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--trials", 0], 2, "Input should be greater than or equal to 1"),
        (["--tuner", "sobol"], 2, "'sobol' is not one of 'random', 'bayesian'"),
        (["--cells", "gru,lsmt"], 2, "'lsmt' is not one of .* Did you mean 'lstm'"),
        (["--objective", "accuracy"], 2, "'accuracy' is not one of MAE, "),
        (["--objective", "pinball"], 1, "--objective must be one of 'MAE'"),
        (["--folds", 999], 1, "--folds must fit into the file"),
        (["--max-seconds", -1], 2, "-1 is not above 0"),
    ],
)
def test_bad_options(run, air_csv, tmp_path, words, code, message):
    model = tmp_path / "best"
    place = ["--save", model, "--directory", tmp_path / "search"]
    found, _, err = run("search", air_csv, *place, *TINY, *words)
    assert found == code
    assert re.search(message, err)
    assert not model.exists()
