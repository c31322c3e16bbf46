"""A search is resumed from its folder, which is refused to any other search."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras_tuner
import pandas as pd
import pytest

from tests.helpers.killed_search import new_search, outcome
from tests.helpers.searches import lengths, small
from tests.helpers.tiny import tiny, waves

CHECKOUT = Path(__file__).resolve().parents[3]
KILLS = 3 if os.environ.get("CI") else 20


def kept_by(folder):
    """The files of folds, and of trials that are over, with their times."""
    files = [*folder.glob("trial_*/fold_*.json")]
    for file in folder.glob("trial_*/trial.json"):
        if json.loads(file.read_text())["status"] != "RUNNING":
            files.append(file)
    return {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


@pytest.mark.slow
def test_a_killed_search_is_resumed(finished_search, tmp_path):
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
    found, expected = outcome(search), outcome(finished_search)
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


@pytest.mark.slow
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
