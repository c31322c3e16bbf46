"""The folder of a search: what is kept, resumed, mended and refused."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.search.fold_task import FoldResult
from forecaster.search.trial import COMPLETED, UNFINISHED
from forecaster.search.trial_store import TrialStore
from tests.helpers.formula_searches import World, reported
from tests.helpers.trials import make_trial


def test_trials_that_are_over_keep_their_files(tmp_path):
    World().search(tmp_path, trials=4)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.glob("trial_*/*.json")}
    World().search(tmp_path, trials=7)
    assert len(before) >= 4 * 2
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert len(reported(tmp_path)) == 7


def test_a_damaged_trial_file_is_mended(tmp_path):
    """As when a kill came while keras-tuner wrote it."""
    World().search(tmp_path, trials=3)
    before = reported(tmp_path)
    (tmp_path / "trial_0001" / "trial.json").write_text("{")
    (tmp_path / "trial_0002" / "trial.json").unlink()
    World().search(tmp_path, trials=3)
    assert reported(tmp_path) == before


def test_a_folder_with_other_values_is_refused(tmp_path):
    World().search(tmp_path, trials=3)
    with pytest.raises(ValueError, match=r"whose trial 0001 has the values .*; now it is proposed"):
        World().search(tmp_path, trials=3, seed=4)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"values": {}, "error": null}'])
def test_a_damaged_fold_is_reported(tmp_path, content):
    World().search(tmp_path, trials=2)
    (tmp_path / "trial_0001" / "fold_2.json").write_text(content)
    with pytest.raises(ValueError, match=r"fold_2.json', which is damaged. Delete the file"):
        World().search(tmp_path, trials=2)


NUMBERS = st.floats(allow_infinity=False, allow_nan=False)


@settings(max_examples=20)
@given(errors=st.dictionaries(st.sampled_from(["MAE", "MASE", "skill"]), NUMBERS, min_size=1))
def test_a_fold_is_read_as_it_was_written(tmp_path_factory, errors):
    store, trial = TrialStore(tmp_path_factory.mktemp("search")), make_trial(7, values={"n": 3})
    result = FoldResult(errors, {"MAE": 2.5}, epochs=4, num_parameters=24, seconds=0.125)
    assert store.fold(trial, 1) is None
    store.write_fold(trial, 1, result)
    assert store.fold(trial, 1) == result
    assert store.fold(trial, 2) is None
    store.write_fold(trial, 2, "ValueError: no\n\ntraceback")
    assert store.fold(trial, 2) == "ValueError: no\n\ntraceback"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_null_in_the_file_and_read_as_nan(tmp_path, value):
    store, trial = TrialStore(tmp_path), make_trial(0)
    store.write_fold(trial, 1, FoldResult({"MAE": value}, {"pinball": value}, 1, 2, 0.5))
    kept = json.loads((tmp_path / "trial_0000" / "fold_1.json").read_text())["result"]
    assert (kept["scores"], kept["naive"]) == ({"MAE": None}, {"pinball": None})
    found = store.fold(trial, 1)
    assert math.isnan(found.scores["MAE"]) and math.isnan(found.naive["pinball"])


def test_a_fold_of_an_earlier_version_is_read(tmp_path):
    """It calls the number of parameters `weights`."""
    file = tmp_path / "trial_0004" / "fold_2.json"
    file.parent.mkdir()
    file.write_text(
        """{
            "values": {"units": 16, "cell": "gru"},
            "error": null,
            "result": {
                "scores": {"MASE": 0.75, "skill": null},
                "naive": {"MASE": 1.5},
                "epochs": 12,
                "weights": 1234,
                "seconds": 2.5
            }
        }"""
    )
    trial = make_trial(4, values={"units": 16, "cell": "gru"})
    found = TrialStore(tmp_path).fold(trial, 2)
    assert (found.num_parameters, found.epochs, found.seconds) == (1234, 12, 2.5)
    assert (found.scores["MASE"], found.naive) == (0.75, {"MASE": 1.5})
    assert math.isnan(found.scores["skill"])


def test_a_trial_file_is_written_anew_only_when_the_trial_is_over(tmp_path):
    store, trial = TrialStore(tmp_path), make_trial(0, status=UNFINISHED, values={"n": 3})
    store.write_trial(trial)
    file = tmp_path / "trial_0000" / "trial.json"
    first = file.read_text()
    assert json.loads(first)["trial_id"] == "0000"
    trial.proposed.score = 2.0
    store.write_trial(trial)
    assert file.read_text() == first
    trial.status = COMPLETED
    store.write_trial(trial)
    assert json.loads(file.read_text())["score"] == 2.0


def test_keras_tuner_finds_something_to_load(tmp_path):
    TrialStore(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["tuner0.json"]
